// In logs beside nginx: $request_completion, and the fields of the answer that only its framing makes, on connections that stay and that end.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFiles, TYPES_BLOCK } from '../serve/site.ts';
import { nginxVersion } from '../support/nginx.ts';
import { rawClient } from '../support/raw-client.ts';
import { deadPort, startRawUpstream, type TestPeer } from '../support/upstream.ts';
import { exchangeOnce, readAnswer } from '../support/wire.ts';
import { type Pair, request, type Side, startPair } from './pair.ts';

const FIELDS = ['connection', 'keep_alive', 'transfer_encoding', 'content_length', 'content_type', 'location']
  .concat(['last_modified', 'etag', 'server', 'date', 'accept_ranges', 'cache_control', 'x_own'])
  .map((name) => `$sent_http_${name}`);

const TARGETS = [
  '/text',
  '/moved',
  '/small.txt',
  '/gz',
  '/missing',
  '/dead',
  '/whole',
  '/chunked',
  '/zero',
  '/own',
];
const METHODS = ['GET', 'HEAD', 'POST'];

/** Sends an answer in chunks, whole, or cut short; tells of a request that gets none. */
function startPeer(onNever: () => void): Promise<TestPeer> {
  return startRawUpstream((socket) => {
    socket.once('data', (head) => {
      const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n';
      const length = head.includes(' /cut') ? 10 : 3;
      const whole = `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\nX-Own: a\r\nConnection: close\r\n\r\nabc`;
      if (head.includes(' /never')) return onNever();
      const text = head.includes(' /chunked') ? chunked : whole;
      socket.end(head.includes('HEAD ') ? text.slice(0, text.indexOf('\r\n\r\n') + 4) : text);
    });
  });
}

describe.skipIf(nginxVersion === '')('fields of an answer in logs', () => {
  const files = makeFiles();
  let peer: TestPeer;
  let pair: Pair;
  let onNever = (): void => {};
  beforeAll(async () => {
    peer = await startPeer(() => onNever());
    pair = await startPair(`${TYPES_BLOCK} proxy_http_version 1.1;
      log_format sent '$request_method $request_uri $status|$request_completion|${FIELDS.join('|')}';
      server { listen {port}; server_name ref.example; root ${files.root}; access_log {dir}/access.log sent; keepalive_timeout 60s 9s;
        location /text { return 200 x; }
        location /early { access_log off; return 200 "[$request_completion]"; }
        location /moved { return 301 /text; }
        location /gz { gzip on; gzip_types *; gzip_min_length 1; try_files /small.txt =404; }
        location /dead { proxy_pass http://127.0.0.1:${await deadPort()}; }
        location /zero { keepalive_timeout 0; return 200 x; }
        location /own { add_header X-Own b; add_header Cache-Control a; add_header Cache-Control b; return 200 x; }
        location /silent { return 444; }
        location ~ ^/(whole|chunked|cut|never) { proxy_pass http://${peer.address}; }
      }`);
  });
  afterAll(async () => {
    await pair?.close();
    await peer?.close();
    files.remove();
  });

  it('are the same', async () => {
    const asked = [pair.nginx, pair.lbproxy].map(async ({ port }) => {
      for (const target of [...TARGETS, '/cut', '/silent'])
        await exchangeOnce(port, request('GET', target, ['Accept-Encoding: gzip']));
      for (const method of METHODS)
        for (const target of TARGETS) {
          const client = rawClient(port);
          client.write(
            `${method} ${target}?kept HTTP/1.1\r\nHost: ref.example\r\nAccept-Encoding: gzip\r\n${method === 'POST' ? 'Content-Length: 0\r\n' : ''}\r\n`,
          );
          // Whoever leaves before the end has an incomplete answer.
          await client.until((text) => readAnswer(text, method === 'HEAD', false) !== null);
          client.socket.destroy();
        }
    });
    await Promise.all(asked);
    for (const { port } of [pair.nginx, pair.lbproxy]) {
      const heard = new Promise<void>((resolve) => (onNever = resolve));
      const socket = connect(port, '127.0.0.1', () => socket.write(request('GET', '/never')));
      await heard;
      socket.destroy();
      await once(socket, 'close');
    }
    const count = TARGETS.length * (METHODS.length + 1) + 3;
    const linesOf = (side: Side): string[] => {
      side.flush();
      return (
        readFileSync(join(side.dir, 'access.log'), 'latin1')
          // Pages differ in length as their signatures do.
          .replace(/\|\d+\|text\/html/g, '|PAGE|text/html')
          .replaceAll(`:${side.port}`, ':PORT')
          .trim()
          .split('\n')
          .sort()
      );
    };
    for (const side of [pair.nginx, pair.lbproxy])
      await expect.poll(() => linesOf(side).length, { timeout: 10_000 }).toBe(count);
    expect(linesOf(pair.lbproxy)).toEqual(linesOf(pair.nginx));
  }, 30_000);

  it('say nothing of completion before', async () => {
    for (const { port } of [pair.nginx, pair.lbproxy])
      expect((await exchangeOnce(port, request('GET', '/early'))).body).toBe('[]');
  });
});
