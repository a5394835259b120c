// A Node whose sockets have handles, but whose TLS was not tried: TLS alone runs on public sockets, towards clients and peers.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { handles, tlsHandles } from '../../src/socket/node-handles.ts';
import { makeCertificate } from '../support/certificates.ts';
import { type Proxy, startProxy } from '../support/proxy.ts';

vi.mock('../../src/socket/node-handles.ts', async (original) => ({
  ...(await original<typeof import('../../src/socket/node-handles.ts')>()),
  tlsHandles: () => null,
}));

const dir = mkdtempSync(join(tmpdir(), 'lbproxy-without-tls-'));
let peer: Proxy;
let proxy: Proxy;

beforeAll(async () => {
  const { certificate, key } = makeCertificate(dir, 'without', 'without.example');
  const ssl = `ssl_certificate ${certificate}; ssl_certificate_key ${key};`;
  peer = await startProxy(`events {} http { server { listen 127.0.0.1:0 ssl; ${ssl}
    location / { return 200 "$ssl_protocol $ssl_server_name $request_uri"; } } }`);
  proxy = await startProxy(`events {} http {
    upstream u { server 127.0.0.1:${peer.ports[0]}; keepalive 4; }
    server { listen 127.0.0.1:0 ssl; ${ssl}
      location / { proxy_pass https://u; proxy_ssl_verify on; proxy_ssl_trusted_certificate ${certificate};
        proxy_ssl_server_name on; proxy_ssl_name without.example; }
      location /refused { proxy_pass https://u; proxy_ssl_verify on; proxy_ssl_trusted_certificate ${certificate};
        proxy_ssl_name other.example; } } }`);
});
afterAll(async () => {
  await proxy.close();
  await peer.close();
  rmSync(dir, { recursive: true });
});

function ask(paths: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ port: proxy.ports[0], host: '127.0.0.1', rejectUnauthorized: false });
    let text = '';
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('end', () => resolve(text));
    const last = paths.length - 1;
    for (const [i, path] of paths.entries())
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n${i === last ? 'Connection: close\r\n' : ''}\r\n`);
  });
}

it('answers over TLS, of a peer over TLS, one after the other', async () => {
  expect(handles).not.toBeNull();
  expect(tlsHandles()).toBeNull();
  const text = await ask(['/a', '/b', '/c']);
  for (const path of ['/a', '/b', '/c']) expect(text).toContain(`TLSv1.3 without.example ${path}`);
});

it('refuses a peer that is another', async () => {
  expect(await ask(['/refused'])).toMatch(/^HTTP\/1\.1 502 /);
});
