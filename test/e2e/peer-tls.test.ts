// TLS towards peers: what is kept apart, what is used again, what happens when a handshake fails in any way.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Authority, type Leaf } from '../support/authority.ts';
import { type Proxy, startProxy } from '../support/proxy.ts';
import { startTlsPeer, type TlsPeer } from '../support/tls-peer.ts';
import { exchangeOnce } from '../support/wire.ts';

let ca: Authority;
let good: Leaf;
let peer: TlsPeer;
beforeAll(async () => {
  ca = new Authority();
  good = ca.leaf('good', 'peer.example', { names: 'DNS:peer.example,DNS:*.wild.example,DNS:localhost' });
  peer = await startTlsPeer(good);
});
afterAll(async () => {
  await peer?.close();
  ca?.remove();
});

const get = (proxy: Proxy, path: string, lines = ''): Promise<string> =>
  exchangeOnce(
    proxy.port,
    `GET ${path} HTTP/1.1\r\nHost: x.example\r\n${lines}Connection: close\r\n\r\n`,
  ).then((answer) => `${answer.status} ${answer.body}`);

describe('a TLS peer', () => {
  it('is spoken to', async () => {
    const proxy = await startProxy(`http { server { listen 127.0.0.1:0;
      location / { proxy_pass https://${peer.address}; }
      location /sni { proxy_ssl_server_name on; proxy_ssl_name peer.example; proxy_pass https://${peer.address}; }
      location /ok { proxy_ssl_verify on; proxy_ssl_trusted_certificate ${ca.root}; proxy_ssl_name peer.example; proxy_pass https://${peer.address}; }
      location /bad { proxy_ssl_verify on; proxy_ssl_trusted_certificate ${ca.root}; proxy_ssl_name other.example; proxy_pass https://${peer.address}; }
      } }`);
    try {
      expect(await get(proxy, '/a')).toContain('sni= alpn= client=nobody version=TLSv1.3');
      expect(await get(proxy, '/sni')).toContain('sni=peer.example');
      expect(await get(proxy, '/ok')).toContain('200 GET /ok');
      expect(await get(proxy, '/bad')).toContain('502');
      console.log(proxy.log, peer.seen);
    } finally {
      await proxy.close();
    }
  });
});
