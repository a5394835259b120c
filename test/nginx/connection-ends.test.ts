// reset_timedout_connection and the lingering_ family beside nginx: how a connection ends for a client that goes on sending.
// early_hints, which Debian's nginx has not, as its documentation has it.
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import { startProxy } from '../support/proxy.ts';
import { startUpstream } from '../support/upstream.ts';
import { exchangeOnce } from '../support/wire.ts';
import { type Pair, request, startPair } from './pair.ts';

const CONFIGURATION = `server {
  listen 127.0.0.1:{port};
  client_body_timeout 300ms;
  location /reset/ { reset_timedout_connection on; location /reset/444 { return 444; } proxy_pass http://127.0.0.1:1; }
  location /fin/ { location /fin/444 { return 444; } proxy_pass http://127.0.0.1:1; }
  location /off/ { lingering_close off; client_max_body_size 1; proxy_pass http://127.0.0.1:1; }
  location /always/ { lingering_close always; lingering_timeout 60s; return 200 x; }
  location /never/ { lingering_close off; return 200 x; }
  location /patient/ { lingering_time 60s; lingering_timeout 60s; client_max_body_size 1; proxy_pass http://127.0.0.1:1; }
  location /short/ { lingering_time 1s; lingering_timeout 60s; client_max_body_size 1; proxy_pass http://127.0.0.1:1; }
  location /quiet/ { lingering_time 60s; lingering_timeout 100ms; client_max_body_size 1; proxy_pass http://127.0.0.1:1; }
}`;

const STEADY = Array.from({ length: 12 }, () => 20);
const LONG = Array.from({ length: 200 }, () => 50);
const SILENT = [200, 400, 800, 1600, 3200];

/** What a client sees that sends `bytes`, then a byte behind each of these pauses until nobody takes it any more. */
async function seen(port: number, bytes: string, pausesMs: readonly number[]): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  let [text, error] = ['', ''];
  const ended = new Promise<void>((resolve) => {
    socket.on('end', resolve);
    socket.on('close', () => resolve());
  });
  const begun = new Promise<void>((resolve) => socket.once('data', () => resolve()));
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  socket.on('error', ({ code = 'error' }: NodeJS.ErrnoException) => {
    error = code;
  });
  socket.write(bytes);
  await Promise.race([ended, begun]);
  for (const ms of pausesMs) {
    await pause(ms);
    if (error !== '') break;
    socket.write('x');
  }
  if (pausesMs.length === 0) await ended;
  socket.destroy();
  const status = /^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 'nothing';
  return `${status}, ${error === '' ? 'taken' : 'reset'}`;
}

const post = (path: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: ref.example\r\nConnection: close\r\nContent-Length: 100000\r\n\r\nabc`;

describe.skipIf(nginxVersion === '')('a connection that ends', () => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await startPair(CONFIGURATION);
  });
  afterAll(() => pair?.close());

  it.concurrent.each([
    ['reset: 444', request('GET', '/reset/444'), [], 'nothing, reset'],
    ['in order: 444', request('GET', '/fin/444'), [], 'nothing, taken'],
    ['reset: a body that does not come', post('/reset/'), [], 'nothing, reset'],
    ['lingering_close off, nothing to come', request('GET', '/never/'), SILENT, '200, reset'],
    ['lingering_close always', request('GET', '/always/'), STEADY, '200, taken'],
    ['lingering_close on', post('/patient/'), STEADY, '413, taken'],
    ['lingering_time', post('/short/'), LONG, '413, reset'],
    ['lingering_timeout', post('/quiet/'), SILENT, '413, reset'],
  ] as const)(
    '%s',
    async (_name, bytes, pausesMs, expected) => {
      const [theirs, ours] = await Promise.all(
        [pair.nginx, pair.lbproxy].map((side) => seen(side.port, bytes, pausesMs)),
      );
      expect({ theirs, ours }).toEqual({ theirs: expected, ours: expected });
    },
    20_000,
  );

  it.concurrent.each([
    ['tells of a body that does not come', post('/fin/'), [], 'nothing, taken', '408, taken'],
    ['ends at once with lingering_close off', post('/off/'), STEADY, '413, taken', '413, reset'],
  ] as const)('%s, unlike in nginx', async (_name, bytes, pausesMs, theirs, ours) => {
    expect(await seen(pair.nginx.port, bytes, pausesMs)).toBe(theirs);
    expect(await seen(pair.lbproxy.port, bytes, pausesMs)).toBe(ours);
  });
});

describe('early_hints', () => {
  it('lets a 103 through where one of its values says so', async () => {
    const peer = await startUpstream((_request, response) => {
      response.writeEarlyHints({ link: '</a.css>; rel=preload' }, () => response.end('x'));
    });
    const proxy = await startProxy(`http { server { listen 127.0.0.1:0;
      location /set { early_hints $arg_a $arg_b; location /set/off { early_hints 0; proxy_pass http://${peer.address}; } proxy_pass http://${peer.address}; }
      location / { proxy_pass http://${peer.address}; }
    } }`);
    const interimOf = async (target: string): Promise<readonly string[]> => {
      const answer = await exchangeOnce(proxy.port, request('GET', target));
      expect([answer.status, answer.body]).toEqual([200, 'x']);
      return answer.interim;
    };
    const hint = ['HTTP/1.1 103 Early Hints'];
    expect(await interimOf('/')).toEqual(hint);
    for (const args of ['?a=1', '?b=yes', '?a=0&b=00']) expect(await interimOf(`/set${args}`)).toEqual(hint);
    for (const args of ['', '?a=0', '?a=&b=0', '/off?a=1'])
      expect(await interimOf(`/set${args}`)).toEqual([]);
    await proxy.close();
    await peer.close();
  });
});
