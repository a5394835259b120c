// The client of accept.ts: connections whose ends are told apart, many of them in a loop, and wrk where it is installed.
import { execFile } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const HOST = '127.0.0.1';
const GET = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';
const GET_AND_CLOSE = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
const TIMEOUT_MS = 4000;

export interface Ended {
  /** reset: also a connection that ended without an answer. timeout: nothing within four seconds. */
  readonly how: 'answered' | 'reset' | 'refused' | 'timeout';
  readonly ms: number;
}

/** One connection for one request, over when its end is known. */
export function oneShot(port: number): Promise<Ended> {
  const start = performance.now();
  return new Promise((resolve) => {
    let isAnswered = false;
    let how: Ended['how'] = 'reset';
    const socket = connect({ port, host: HOST, noDelay: true }, () => socket.write(GET_AND_CLOSE));
    socket.setTimeout(TIMEOUT_MS, () => {
      how = 'timeout';
      socket.destroy();
    });
    socket.on('data', () => {
      isAnswered = true;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') how = 'refused';
    });
    socket.once('close', () =>
      resolve({ how: isAnswered ? 'answered' : how, ms: performance.now() - start }),
    );
  });
}

/** So many connections, a new one every `gapMs`; all at once with 0. They are on their way when this resolves. */
export async function shoot(port: number, count: number, gapMs: number): Promise<readonly Promise<Ended>[]> {
  const shots: Promise<Ended>[] = [];
  for (let i = 0; i < count; i++) {
    shots.push(oneShot(port));
    if (gapMs > 0) await sleep(gapMs);
  }
  return shots;
}

/** `parallel` connections at a time, one request each, until `count` are done or `until` says so. */
export async function shortOnes(
  port: number,
  parallel: number,
  until: (done: number) => boolean,
): Promise<readonly Ended[]> {
  const ended: Ended[] = [];
  const loop = async (): Promise<void> => {
    while (!until(ended.length)) ended.push(await oneShot(port));
  };
  await Promise.all(Array.from({ length: parallel }, loop));
  return ended;
}

/** Connections that stay, each with one answered request, a new one every `gapMs`. */
export async function longOnes(port: number, count: number, gapMs: number): Promise<readonly Socket[]> {
  const opened: Promise<Socket>[] = [];
  for (let i = 0; i < count; i++) {
    opened.push(longOne(port));
    if (gapMs > 0) await sleep(gapMs);
  }
  return Promise.all(opened);
}

function longOne(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: HOST, noDelay: true }, () => socket.write(GET));
    socket.once('error', reject);
    socket.once('data', () => resolve(socket));
  });
}

const run = promisify(execFile);

export const hasWrk: boolean = await run('wrk', ['-v']).then(
  () => true,
  (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
);

export interface Saturation {
  readonly parallel: number;
  /** A new connection for each request. */
  readonly close: boolean;
  readonly seconds: number;
  readonly path: '/' | '/work';
}

/** As many requests as are answered. What returns is the 99th percentile of their times in ms, NaN where wrk is not installed. */
export async function saturate(port: number, load: Saturation): Promise<number> {
  const { parallel, close, seconds, path } = load;
  if (hasWrk) {
    const fields = close ? ['-H', 'Connection: close'] : [];
    const options = ['--latency', '-t1', `-c${parallel}`, `-d${seconds}s`, ...fields];
    const { stdout } = await run('wrk', [...options, `http://${HOST}:${port}${path}`]);
    const [, value, unit] = /99%\s+([\d.]+)(us|ms|s)/.exec(stdout) ?? [];
    return Number(value) * { us: 0.001, ms: 1, s: 1000 }[unit as 'us' | 'ms' | 's'];
  }
  const end = performance.now() + seconds * 1000;
  if (close) {
    await shortOnes(port, parallel, () => performance.now() > end);
    return Number.NaN;
  }
  const request = GET.replace('/', path);
  const sockets = await longOnes(port, parallel, 0);
  for (const socket of sockets) {
    socket.on('data', () => socket.write(request));
    socket.write(request);
  }
  await sleep(end - performance.now());
  for (const socket of sockets) socket.destroy();
  return Number.NaN;
}
