// Exchanges at their edges: every one of them ends, with an answer or with a connection that shows there is none.
import { afterEach, describe, expect, it } from 'vitest';
import { get, OK, observedPeer, pause, post, WAYS } from '../support/observed-peer.ts';
import { type Proxy, startProxy } from '../support/proxy.ts';
import { readToEnd } from '../support/raw-client.ts';

describe.each(WAYS)('over %s', (way) => {
  const peer = observedPeer(way);
  const proxies: Proxy[] = [];
  afterEach(async () => {
    for (const proxy of proxies.splice(0)) await proxy.close();
  });

  const serve = async (text: string): Promise<Proxy> => {
    const proxy = await startProxy(text);
    proxies.push(proxy);
    return proxy;
  };

  describe('an exchange ends', () => {
    it('when the client does not read its answer and only then finishes its body', async () => {
      const proxy = await peer.proxyWith(
        'send_timeout 300ms; client_body_timeout 5s; proxy_request_buffering off;',
      );
      peer.serve = (side, text) => {
        if (!text.startsWith('POST')) return;
        side.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 60000000\r\n\r\n`);
        side.socket.write(Buffer.alloc(60_000_000, 'x'));
      };
      const client = peer.client(proxy);
      client.socket.pause();
      client.write(`${post('/up', 'Content-Length: 20\r\n')}12345`);
      await peer.got('12345');
      await pause(150);
      client.write('12345');
      await pause(50);
      client.write('1234567890');
      await peer.expectNothingLeft(proxy);
      client.destroy();
    });

    it.each(['127.0.0.1:99999', '127.0.0.1:65536'])(
      'with 500 when a variable names %s, as in nginx',
      async (authority) => {
        const proxy = await serve(`http { server { ${peer.listen()}
      location / { proxy_pass http://$arg_to; } location /ok { return 200 fine; } } }`);
        const client = peer.client(proxy);
        client.write(get(`/?to=${authority}`));
        expect(await client.until((text) => text.includes('</html>'))).toMatch(/^HTTP\/1\.1 500 /);
        client.write(get('/ok'));
        await client.until((text) => text.endsWith('fine'));
        client.destroy();
      },
    );

    it('with 502 that the client can read when no peer is left for a long chunked body', async () => {
      const proxy = await serve(`http { upstream u { server 127.0.0.1:1 down; }
      server { ${peer.listen()} client_max_body_size 0; client_body_buffer_size 1k; proxy_request_buffering off; location / { proxy_pass http://u; } } }`);
      const client = peer.client(proxy);
      client.write(post('/up', 'Transfer-Encoding: chunked\r\n'));
      const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
      const sending = setInterval(() => client.write(chunk), 2);
      const stop = setTimeout(() => {
        clearInterval(sending);
        client.socket.end('0\r\n\r\n');
      }, 700);
      const seen = await readToEnd(client, 10_000).finally(() => {
        clearInterval(sending);
        clearTimeout(stop);
      });
      expect(seen).toMatch(/^HTTP\/1\.1 502 /);
      expect(proxy.listeners[0].connections).toBeLessThanOrEqual(1);
      await expect.poll(() => proxy.listeners[0].connections).toBe(0);
    });
  });

  describe('proxy_read_timeout', () => {
    it('is the time between two reads: interim answers count', async () => {
      const proxy = await peer.proxyWith('', 'proxy_read_timeout 1000ms;');
      // Far less than the time-out lies between two of them, more than it before the answer.
      peer.serve = async (side) => {
        for (let i = 0; i < 15; i++) {
          side.socket.write('HTTP/1.1 102 Processing\r\n\r\n');
          await pause(100);
        }
        side.socket.write(OK);
      };
      const client = peer.client(proxy);
      client.write(get('/slow'));
      expect(await client.until((text) => / (200|504) [\s\S]*\r\n\r\n..$/.test(text), 10_000)).toContain(
        ' 200 OK',
      );
      client.destroy();
    });
  });
});
