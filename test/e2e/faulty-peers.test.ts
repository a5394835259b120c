// After whatever peers and clients do wrong, reloads and dead acceptors, nothing is left over: least_conn gives equal peers equal shares,
// and max_conns has all its places.
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { get, pause, until } from '../support/http-client.ts';
import { type LbproxyProcess, startLbproxy } from '../support/lbproxy-process.ts';
import { rawClient } from '../support/raw-client.ts';
import { startRawUpstream, type TestPeer } from '../support/upstream.ts';

const HEAD = 'HTTP/1.1 200 OK\r\n';

/** What a peer may do with a request. */
const FAULTS: readonly ((socket: Socket) => void)[] = [
  (s) => s.write(`${HEAD}Content-Length: 2\r\n\r\nok`),
  (s) => s.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`),
  (s) => s.end(`${HEAD}\r\nok`),
  (s) => s.destroy(),
  (s) => s.resetAndDestroy(),
  (s) => s.end('HTTP/1.1 200'),
  (s) => s.write('nonsense\r\n\r\n'),
  (s) => s.end(`${HEAD}Content-Length: 9\r\n\r\nok`),
  (s) => s.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\nzz`),
  (s) => s.write(`${HEAD}Content-Length: 2\r\n\r\nok and more`),
  (s) => s.write('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(40)),
  (s) => s.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n'),
  (s) => s.write('HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n'),
  (s) => s.write('HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n', () => s.end()),
  () => {},
  (s) => s.write(`${HEAD}Content-Length: 9\r\n\r\nok`),
  (s) => s.write('HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n', () => s.resetAndDestroy()),
];

/** How a client behaves; `true` leaves early. */
const CLIENTS: readonly (readonly [bytes: string, leaves: boolean])[] = [
  ['GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', false],
  ['GET / HTTP/1.1\r\nHost: a\r\n\r\n', true],
  ['GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', false],
  ['HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', false],
  ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello', false],
  [
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\nConnection: close\r\n\r\n${'x'.repeat(200_000)}`,
    false,
  ],
  ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\nhello', true],
  ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz', false],
  ['GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n', true],
];

/** Numbers that are the same in every run. */
let state = 7;
function random(below: number): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 4_294_967_296) * below);
}

interface FaultyPeer extends TestPeer {
  faulty: boolean;
  /** Answers wait until the test calls these. */
  holds: boolean;
  readonly held: (() => void)[];
  /** Requests under way, the most of them at once, and all. */
  active: number;
  most: number;
  served: number;
}

const peers: FaultyPeer[] = [];
afterEach(async () => {
  for (const peer of peers.splice(0)) await peer.close();
});

async function startFaulty(): Promise<FaultyPeer> {
  const peer: FaultyPeer = Object.assign(
    await startRawUpstream((socket) =>
      socket.on('data', (data) => {
        if (peer.faulty) {
          if (!socket.destroyed) FAULTS[random(FAULTS.length)](socket);
          return;
        }
        if (!/^[A-Z]+ \//.test(data.toString('latin1'))) return;
        peer.active++;
        peer.served++;
        peer.most = Math.max(peer.most, peer.active);
        const answer = (): void => {
          peer.active--;
          socket.write(`${HEAD}Content-Length: 2\r\n\r\nok`);
        };
        if (peer.holds) peer.held.push(answer);
        else answer();
      }),
    ),
    { faulty: true, holds: false, held: [], active: 0, most: 0, served: 0 },
  );
  peers.push(peer);
  return peer;
}

async function misbehave(lbproxy: LbproxyProcess, n: number): Promise<void> {
  const running = new Set<Promise<void>>();
  for (let i = 0; i < n; i++) {
    const [bytes, leaves] = CLIENTS[random(CLIENTS.length)];
    const client = rawClient(lbproxy.port);
    client.write(bytes);
    const done = (leaves ? pause(random(30)) : client.closed(1500).catch(() => ''))
      .then(() => client.destroy())
      .then(() => void running.delete(done));
    running.add(done);
    if (running.size >= 40) await Promise.race(running);
  }
  await Promise.all(running);
}

describe('after a run of faults', () => {
  it.each([
    ['least_conn', 'least_conn;', ''],
    ['max_conns', '', 'max_conns=20'],
    ['round robin', '', ''],
  ])(
    '%s gives two equal peers 20 of 40 requests each',
    async (_name, method, option) => {
      const [a, b] = [await startFaulty(), await startFaulty()];
      const config = (comment: string): string =>
        `worker_processes 2;
       http { upstream u { ${method} server ${a.address} fail_timeout=1s ${option}; server ${b.address} fail_timeout=1s ${option}; }
         proxy_read_timeout 400ms; proxy_next_upstream error timeout invalid_header http_500 http_503; client_body_timeout 400ms;
         server { listen 127.0.0.1:PORT1; # ${comment}
           location / { proxy_pass http://u; } location /held { proxy_read_timeout 60s; proxy_pass http://u; } location /${comment} { return 204; } } }`;
      const lbproxy = await startLbproxy(config('first'));
      for (const round of ['one', 'two', 'three']) {
        await misbehave(lbproxy, 250);
        expect(await lbproxy.reload(config(round))).toBe('reloaded');
        const during = misbehave(lbproxy, 100);
        const [victim] = lbproxy.acceptorPids();
        process.kill(victim, 'SIGKILL');
        await during;
        await lbproxy.acceptors(2, [victim]);
      }
      for (const peer of [a, b]) peer.faulty = false;
      // All marks are gone a fail_timeout later, once each peer has had its chance.
      await pause(1300);
      for (let i = 0; i < 6; i++) await get(lbproxy.port);
      await pause(100);
      for (const peer of [a, b]) Object.assign(peer, { served: 0, most: 0, holds: true });
      // One after the other, and all of them are under way together.
      const answers: Promise<number>[] = [];
      for (let i = 0; i < 40; i++) {
        answers.push(get(lbproxy.port, '/held').then(({ status }) => status));
        await until(() => a.served + b.served > i, 20_000, `request ${i} at a peer`);
      }
      for (const answer of [...a.held, ...b.held]) answer();
      expect(await Promise.all(answers)).toEqual(new Array(40).fill(200));
      expect([a.served, b.served]).toEqual([20, 20]);
      expect(Math.max(a.most, b.most)).toBeLessThanOrEqual(20);
    },
    90_000,
  );
});
