// The same of FastCGI apps: a slow client does not occupy the app, and X-Accel- fields are obeyed.
import { connect } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { startProxy } from '../../support/proxy.ts';
import { startRawUpstream } from '../../support/upstream.ts';
import { exchangeOnce } from '../../support/wire.ts';

const SIZE = 16 * 1024 * 1024;

const record = (type: number, content: Buffer): Buffer =>
  Buffer.concat([Buffer.from([1, type, 0, 1, content.length >> 8, content.length & 255, 0, 0]), content]);

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function start(
  head: string,
  bytes: number,
  settings: string,
): Promise<{ port: number; taken(): boolean }> {
  let taken = false;
  const app = await startRawUpstream((socket) => {
    socket.once('data', () => {
      socket.write(record(6, Buffer.from(`${head}\r\n`)));
      const block = record(6, Buffer.alloc(32_768, 'x'));
      for (let left = bytes; left > 0; left -= 32_768) socket.write(block);
      socket.write(record(6, Buffer.alloc(0)));
      socket.end(record(3, Buffer.alloc(8)), () => {
        taken = true;
      });
    });
  });
  const proxy = await startProxy(
    `http { server { listen 127.0.0.1:0; location / { ${settings} fastcgi_pass ${app.address}; } location @here { return 200 here; } } }`,
  );
  closers.push(proxy.close, app.close);
  return { port: proxy.port, taken: () => taken };
}

it.each([
  ['on', true],
  ['off', false],
])('fastcgi_buffering %s', async (flag, isTaken) => {
  const { port, taken } = await start('A: b\r\n', SIZE, `fastcgi_buffering ${flag};`);
  const client = connect({ port, host: '127.0.0.1' });
  client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  client.pause();
  const end = performance.now() + (isTaken ? 30_000 : 1000);
  while (!taken() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(taken()).toBe(isTaken);
  let received = 0;
  for await (const chunk of client) received += (chunk as Buffer).length;
  expect(received).toBeGreaterThan(SIZE);
});

it('X-Accel-Redirect of an app', async () => {
  const { port } = await start('X-Accel-Redirect: @here\r\nSet-Cookie: a=1\r\n', 0, '');
  const answer = await exchangeOnce(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  expect([answer.status, answer.body]).toEqual([200, 'here']);
  expect(answer.fields).toContainEqual(['Set-Cookie', 'a=1']);
});
