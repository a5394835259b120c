// A gigabyte either way, fast and slow: it arrives whole, and the acceptor's memory does not know how long it is.
import { createHash } from 'node:crypto';
import { type ClientRequest, type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type LbproxyProcess, residentBytes, startLbproxy } from '../support/lbproxy-process.ts';
import { startPeers } from '../support/peer-process.ts';

const GB = 2 ** 30;
const MAX_GROWTH_BYTES = 64 * 2 ** 20;
const PIECE = Buffer.alloc(65_536, 'lbproxy ');

async function start(): Promise<LbproxyProcess> {
  const [peer] = await startPeers(1);
  const lbproxy = await startLbproxy(
    `worker_processes 1; http { client_max_body_size 0; proxy_request_buffering off;
       server { listen 127.0.0.1:PORT1; location / { proxy_pass http://${peer.address}; } } }`,
  );
  // The first transfers size the heap; what counts is what comes on top.
  await download(lbproxy.port, 50 * 2 ** 20, noPause);
  return lbproxy;
}

/** Runs a transfer and tells by how much the acceptor grew at most meanwhile. */
async function growthDuring(lbproxy: LbproxyProcess, transfer: () => Promise<void>): Promise<number> {
  const [pid] = lbproxy.acceptorPids();
  const before = residentBytes(pid);
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, residentBytes(pid));
  }, 50);
  await transfer().finally(() => clearInterval(timer));
  return most - before;
}

type Pace = (bytes: number) => Promise<void> | null;
const noPause: Pace = () => null;

/** Stands still for two seconds twice, and crawls in between for 30 MB. */
function slowly(): Pace {
  let stops = 0;
  let calls = 0;
  return (bytes) => {
    if (bytes > (100 + 30 * stops) * 2 ** 20 && stops < 2) {
      stops++;
      return sleep(2000);
    }
    return stops === 1 && ++calls % 8 === 0 ? sleep(1) : null;
  };
}

function answerTo(
  port: number,
  path: string,
  headers: OutgoingHttpHeaders = {},
  pump: ((req: ClientRequest) => Promise<void>) | null = null,
): Promise<IncomingMessage> {
  const method = pump === null ? 'GET' : 'POST';
  return new Promise((resolve, reject) => {
    const req = request({ port, host: '127.0.0.1', path, method, headers, agent: false }, resolve);
    req.on('error', reject);
    if (pump === null) req.end();
    else void pump(req);
  });
}

const LENGTH = { 'Content-Length': GB };
const CHUNKED = { 'Transfer-Encoding': 'chunked' };

async function download(port: number, total: number, pace: Pace): Promise<void> {
  const res = await answerTo(port, `/stream?bytes=${total}`);
  let bytes = 0;
  for await (const chunk of res as AsyncIterable<Buffer>) {
    // Each eight bytes of the pattern stand at a multiple of eight.
    if (chunk[0] !== PIECE[bytes % 8]) throw new Error(`byte ${bytes} is not the one that was sent`);
    bytes += chunk.length;
    const wait = pace(bytes);
    if (wait !== null) await wait;
  }
  expect(bytes).toBe(total);
}

async function upload(port: number, headers: OutgoingHttpHeaders, pace: Pace): Promise<void> {
  const hash = createHash('sha256');
  const res = await answerTo(port, '/hash', headers, async (req) => {
    for (let sent = 0; sent < GB; sent += PIECE.length) {
      hash.update(PIECE);
      if (!req.write(PIECE)) await new Promise((resolve) => req.once('drain', resolve));
      const wait = pace(sent);
      if (wait !== null) await wait;
    }
    req.end();
  });
  let text = '';
  for await (const chunk of res.setEncoding('utf8')) text += chunk;
  expect(JSON.parse(text)).toEqual({ bytes: GB, sha256: hash.digest('hex') });
}

describe('a gigabyte', () => {
  const cases = [
    { name: 'down to a fast reader', transfer: (port: number) => download(port, GB, noPause) },
    { name: 'down to a slow reader', transfer: (port: number) => download(port, GB, slowly()) },
    { name: 'up from a fast writer', transfer: (port: number) => upload(port, CHUNKED, noPause) },
    { name: 'up from a slow writer', transfer: (port: number) => upload(port, LENGTH, slowly()) },
  ];
  for (const { name, transfer } of cases) {
    it(`goes ${name} in bounded memory`, { timeout: 60_000 }, async () => {
      const lbproxy = await start();
      const growth = await growthDuring(lbproxy, () => transfer(lbproxy.port));
      expect(Math.round(growth / 2 ** 20)).toBeLessThan(MAX_GROWTH_BYTES / 2 ** 20);
    });
  }

  it('goes up to a peer that is slow to take it in bounded memory', { timeout: 60_000 }, async () => {
    const lbproxy = await start();
    const growth = await growthDuring(lbproxy, async () => {
      const res = await answerTo(lbproxy.port, '/late-sink?ms=3000', CHUNKED, async (req) => {
        for (let sent = 0; sent < GB; sent += PIECE.length) {
          if (!req.write(PIECE)) await new Promise((resolve) => req.once('drain', resolve));
        }
        req.end();
      });
      expect(res.statusCode).toBe(200);
      res.resume();
    });
    expect(Math.round(growth / 2 ** 20)).toBeLessThan(MAX_GROWTH_BYTES / 2 ** 20);
  });
});
