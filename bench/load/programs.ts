// How many processes should an app have? lbproxy runs some per core from its own `program` and balances over them.
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { listening, type Running, stopAtExit } from '../contenders/contender.ts';
import type { HttpLoad } from './http-load.ts';
import type { Load, Loader } from './load.ts';
import { answerOnce, ownPlace } from './own-place.ts';

export interface ProgramsLoad extends Load {
  readonly kind: 'programs';
  readonly app: 'node' | 'tornado';
  /** App processes per core. */
  readonly perCore: number;
  readonly connections: number;
}

/** Debian's python3-tornado, which belongs to the system's interpreter, whatever python3 comes first in PATH. */
export const hasTornado = existsSync('/usr/lib/python3/dist-packages/tornado');

const appFile = (name: string): string => fileURLToPath(new URL(`../programs/${name}`, import.meta.url));
const COMMANDS: Readonly<Record<ProgramsLoad['app'], string>> = {
  node: `${process.execPath} ${appFile('node-app.ts')} {port}`,
  tornado: `/usr/bin/python3 ${appFile('tornado_app.py')} {port}`,
};
const READY_WITHIN_MS = 30_000;
const WARM_SECONDS = 1;

/** Starts lbproxy with its programs on cores that nobody is bound to, and waits until every process has its port. */
async function startPrograms(running: Running, load: ProgramsLoad): Promise<Running> {
  const { contender } = running;
  const setup = { ...running.setup, acceptors: availableParallelism() };
  const place = await ownPlace(running.place);
  const numprocs = load.perCore * availableParallelism();
  const firstPort = await freeRange(numprocs);
  const file = join(place.dir, 'programs.conf');
  writeFileSync(
    file,
    `worker_processes ${setup.acceptors}; state_path ${place.dir}; error_log ${place.dir}/error.log;
program app { command "${COMMANDS[load.app]}"; numprocs ${numprocs}; first_port ${firstPort}; stopwaitsecs 1; }
http { upstream app { program app; keepalive 128; }
  server { listen 127.0.0.1:${place.port}; location / { proxy_pass http://app; } } }
`,
  );
  // Its own command line with this file in place of the one it writes.
  const [command, ...args] = [...contender.command(setup, place).slice(0, -1), file];
  const child = spawn(command, args, { cwd: place.dir, stdio: 'ignore', detached: true });
  const stop = stopAtExit(child);
  try {
    await listening(place.port);
    for (let i = 0; i < numprocs; i++) await answers(firstPort + i);
    await answers(place.port);
  } catch (error) {
    await stop();
    throw error;
  }
  return { contender, setup, place, pid: child.pid ?? 0, pinned: false, stop };
}

async function answers(port: number): Promise<void> {
  const end = performance.now() + READY_WITHIN_MS;
  while (performance.now() < end) {
    if (isHello(await answerOnce(port, '/'))) return;
    await sleep(20);
  }
  throw new Error(`port ${port} gave no answer of the app within ${READY_WITHIN_MS} ms`);
}

const isHello = (answer: string): boolean => answer.startsWith('HTTP/1.1 200 ') && answer.includes('Hello ');

/** The first of so many consecutive free ports, below those that the system gives to outgoing connections. */
async function freeRange(count: number): Promise<number> {
  for (let first = 20_000; first + count < 32_000; first += count) {
    const free = await Promise.all(Array.from({ length: count }, (_, i) => isFree(first + i)));
    if (free.every(Boolean)) return first;
  }
  throw new Error(`no ${count} consecutive free ports between 20000 and 32000`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** The figures of `http` at full load; CPU and memory are of lbproxy and its programs together. */
export function programsLoader(http: Loader<HttpLoad>): Loader<ProgramsLoad> {
  return {
    verify: async (running, load) => (await startPrograms(running, load)).stop(),
    run: async (running, load, seconds) => {
      const own = await startPrograms(running, load);
      const requests: HttpLoad = { kind: 'http', connections: load.connections, path: '/', answerBytes: 0 };
      try {
        await http.run(own, requests, WARM_SECONDS);
        return await http.run(own, requests, seconds);
      } finally {
        await own.stop();
      }
    },
    warm: false,
  };
}
