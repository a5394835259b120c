// `proxy_set_header Upgrade $http_upgrade`: whatever protocol the client asks for is asked for, and switched to.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Proxy, startProxy } from '../support/proxy.ts';
import { rawClient } from '../support/raw-client.ts';
import { startRawUpstream } from '../support/upstream.ts';

let proxy: Proxy;
let seen = '';
let peer: Awaited<ReturnType<typeof startRawUpstream>>;
beforeAll(async () => {
  peer = await startRawUpstream((socket) => {
    let switched = false;
    socket.on('data', (data) => {
      if (switched) return void socket.write(data.toString().toUpperCase());
      switched = true;
      seen = data.toString();
      socket.write('HTTP/1.1 101 Switching\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\nready');
    });
  });
  proxy = await startProxy(`http { server { listen 127.0.0.1:0;
    location / { proxy_pass http://127.0.0.1:${peer.port}; }
    location /any { proxy_pass http://127.0.0.1:${peer.port};
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; } } }`);
});
afterAll(async () => {
  await proxy.close();
  await peer.close();
});

const ask = (path: string, fields: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\n${fields}Content-Length: 0\r\n\r\n`;

it('switches to it, with any method', async () => {
  const client = rawClient(proxy.port);
  client.write(ask('/any', 'Connection: Upgrade\r\nUpgrade: tcp\r\n'));
  const head = await client.until((text) => text.endsWith('ready'));
  expect(head).toMatch(/^HTTP\/1\.1 101 .*\r\n/);
  expect(head).toMatch(/^Upgrade: tcp\r$/m);
  expect(seen).toMatch(/^Upgrade: tcp\r$/m);
  expect(seen).toMatch(/^Connection: upgrade\r$/im);
  client.write('hello');
  await client.until((text) => text.endsWith('HELLO'));
  client.destroy();
});

it.each([
  ['where the client asks for none', '/any', ''],
  ['for HTTP/2, whose requests nobody here would see', '/any', 'Connection: Upgrade\r\nUpgrade: h2c\r\n'],
  ['for HTTP/2 among others', '/any', 'Connection: Upgrade\r\nUpgrade: tcp, H2C\r\n'],
  ['where the configuration says nothing of it', '/', 'Connection: Upgrade\r\nUpgrade: tcp\r\n'],
])('does not %s: a 101 is a 502 then', async (_where, path, fields) => {
  const client = rawClient(proxy.port);
  client.write(ask(path, fields));
  expect(await client.until((text) => text.endsWith('</html>\r\n'))).toMatch(/^HTTP\/1\.1 502 /);
  expect(seen).not.toMatch(/^Upgrade:/m);
  client.destroy();
});
