// One gigabyte down and up through one acceptor, for readers that are fast and slow: the acceptor's memory does not grow with it.
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type LbproxyProcess, startLbproxy } from '../support/lbproxy-process.ts';

const GIGABYTE = 1024 ** 3;
const MAX_GROWTH_KB = 64 * 1024;
const PIECE = Buffer.alloc(1024 * 1024, 'abcdefgh');

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** GET / gives a gigabyte; a POST is counted. With `slow` it takes the request's body with pauses. */
async function startPeer(slow: boolean): Promise<string> {
  const server = createServer({ requestTimeout: 0 }, (req, res) => {
    if (req.method === 'POST') {
      let bytes = 0;
      req.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      if (slow) pauseNowAndThen(req);
      req.on('end', () => res.end(String(bytes)));
      return;
    }
    res.setHeader('Content-Length', GIGABYTE);
    let left = GIGABYTE;
    const more = (): void => {
      while (left > 0) {
        left -= PIECE.length;
        if (!res.write(PIECE)) return void res.once('drain', more);
      }
      res.end();
    };
    more();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Reads, stands still for a while, reads on. */
function pauseNowAndThen(stream: IncomingMessage): void {
  const pauses = [300, 300, 1500, 300];
  const stop = (): void => {
    const ms = pauses.shift();
    if (ms === undefined) return;
    stream.pause();
    setTimeout(() => {
      stream.resume();
      setTimeout(stop, 150);
    }, ms);
  };
  setTimeout(stop, 100);
}

const rssKb = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);

/** Samples the acceptor's memory while something happens; the growth above the start, in KB. */
async function growthDuring(lbproxy: LbproxyProcess, work: () => Promise<void>): Promise<number> {
  const [pid] = lbproxy.acceptorPids();
  const before = rssKb(pid);
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, rssKb(pid));
  }, 20);
  await work();
  clearInterval(timer);
  return most - before;
}

function download(port: number, slow: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const req = request({ host: '127.0.0.1', port, agent: false }, (res) => {
      let bytes = 0;
      res.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      if (slow) pauseNowAndThen(res);
      res.on('error', reject);
      res.on('end', () =>
        bytes === GIGABYTE && res.complete ? resolve() : reject(new Error(`${bytes} bytes`)),
      );
    });
    req.on('error', reject);
    req.end();
  });
}

function upload(port: number, chunked: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = chunked ? { 'Transfer-Encoding': 'chunked' } : { 'Content-Length': GIGABYTE };
    const req = request({ host: '127.0.0.1', port, agent: false, method: 'POST', headers }, (res) => {
      let text = '';
      res.on('data', (chunk: Buffer) => {
        text += chunk;
      });
      res.on('end', () =>
        text === String(GIGABYTE) ? resolve() : reject(new Error(`the peer got ${text} bytes`)),
      );
    });
    req.on('error', reject);
    let left = GIGABYTE;
    const more = (): void => {
      while (left > 0) {
        left -= PIECE.length;
        if (!req.write(PIECE)) return void req.once('drain', more);
      }
      req.end();
    };
    more();
  });
}

async function start(slowPeer: boolean): Promise<LbproxyProcess> {
  const peer = await startPeer(slowPeer);
  const lbproxy = await startLbproxy(`worker_processes 1; http { client_max_body_size 0;
    server { listen 127.0.0.1:PORT1; location / { proxy_pass http://${peer}; } } }`);
  // A first transfer compiles the code; what is measured is the growth with the size.
  await download(lbproxy.port, false);
  return lbproxy;
}

describe('a gigabyte', { timeout: 120_000 }, () => {
  it.each([false, true])('down to a reader that is slow: %s', async (slow) => {
    const lbproxy = await start(false);
    const growth = await growthDuring(lbproxy, () => download(lbproxy.port, slow));
    expect(growth).toBeLessThan(MAX_GROWTH_KB);
  });

  it.each([
    [false, false],
    [false, true],
    [true, true],
  ])('up, chunked: %s, to a peer that is slow: %s', async (chunked, slow) => {
    const lbproxy = await start(slow);
    const growth = await growthDuring(lbproxy, () => upload(lbproxy.port, chunked));
    expect(growth).toBeLessThan(MAX_GROWTH_KB);
  });
});
