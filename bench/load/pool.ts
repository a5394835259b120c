// Many programs that do nothing: what lbproxy itself takes for them while they run, and to tell of them.
import { spawn } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { listening, type Running, stopAtExit } from '../contenders/contender.ts';
import { cpuFigures, heldBy, measureCpu, measureOwnCpu } from '../measure.ts';
import type { Figures, Load, Loader } from './load.ts';
import { ownPlace } from './own-place.ts';

export interface PoolLoad extends Load {
  readonly kind: 'pool';
  readonly programs: number;
  /** Programs that are told of while the cost of it is measured: the same for few and many of them. */
  readonly told: number;
  /** Wait for what a start has left to do. */
  readonly settleMs: number;
}

const SLEEP = 'sleep';
const RUNNING_WITHIN_MS = 60_000;
const LIST = `<?xml version="1.0"?><methodCall><methodName>supervisor.getAllProcessInfo</methodName><params/></methodCall>`;

/** lbproxy with so many programs that sleep, when all of them run. */
async function startPool(running: Running, programs: number): Promise<Running & { readonly socket: string }> {
  const { contender, setup } = running;
  const place = await ownPlace(running.place);
  const file = join(place.dir, 'pool.conf');
  const blocks = Array.from(
    { length: programs },
    (_, i) => `program p${i} { command "${SLEEP} 86400"; stopwaitsecs 1; }`,
  );
  writeFileSync(
    file,
    `worker_processes 1; state_path ${place.dir}; error_log ${place.dir}/error.log;
${blocks.join('\n')}
http { access_log off; server { listen 127.0.0.1:${place.port}; return 204; } }
`,
  );
  // Its own command line with this file in place of the one it writes.
  const [command, ...args] = [...contender.command(setup, place).slice(0, -1), file];
  const child = spawn(command, args, { cwd: place.dir, stdio: 'ignore', detached: true });
  const stop = stopAtExit(child);
  try {
    await listening(place.port);
    const socket = await socketIn(place.dir);
    const own = { contender, setup, place, pid: child.pid ?? 0, pinned: false, stop, socket };
    await allRun(own.socket, programs);
    return own;
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The control socket, which stands once the programs are started. */
async function socketIn(dir: string): Promise<string> {
  const end = performance.now() + RUNNING_WITHIN_MS;
  while (performance.now() < end) {
    const name = readdirSync(dir).find((one) => one.endsWith('.sock'));
    if (name !== undefined) return join(dir, name);
    await sleep(50);
  }
  throw new Error(`no control socket in ${dir} after ${RUNNING_WITHIN_MS} ms`);
}

async function allRun(socket: string, programs: number): Promise<void> {
  const end = performance.now() + RUNNING_WITHIN_MS;
  while (performance.now() < end) {
    if ((await list(socket)).split('<string>RUNNING</string>').length - 1 === programs) return;
    await sleep(200);
  }
  throw new Error(`not all of ${programs} programs run after ${RUNNING_WITHIN_MS} ms`);
}

/** What lbproxy tells of all programs. */
function list(socketPath: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'text/xml', 'Content-Length': LIST.length };
    const req = request({ socketPath, path: '/RPC2', method: 'POST', headers, timeout: 10_000 }, (res) => {
      let text = '';
      res.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      res.once('end', () => resolve(text));
      res.once('error', reject);
    });
    req.once('timeout', () => req.destroy(new Error('no answer of the control socket within 10 s')));
    req.once('error', reject);
    req.end(LIST);
  });
}

/** Memory of lbproxy's own processes. */
const ownBytes = ({ pid }: Running): number =>
  heldBy(pid).reduce((sum, one) => sum + (one.name === SLEEP ? 0 : one.pssBytes), 0);

async function run(
  running: Running,
  { programs, told, settleMs }: PoolLoad,
  seconds: number,
): Promise<Figures> {
  const alone = await startPool(running, 1);
  await sleep(settleMs);
  const aloneBytes = ownBytes(alone);
  await alone.stop();
  const own = await startPool(running, programs);
  try {
    await sleep(settleMs);
    const kbPerProgram = (ownBytes(own) - aloneBytes) / 1024 / (programs - 1);
    const idle = measureCpu(own.pid);
    await sleep(seconds * 1000);
    const { cpuUs: idleUsPerSecond } = cpuFigures(idle(), seconds);
    const lists = Math.ceil(told / programs);
    const telling = measureOwnCpu(own.pid);
    for (let i = 0; i < lists; i++) await list(own.socket);
    const { cpuUs: statusUsPerProgram } = cpuFigures(telling(), lists * programs);
    return { idleUsPerSecond, statusUsPerProgram, kbPerProgram, failures: 0 };
  } finally {
    await own.stop();
  }
}

/**
 * idleUsPerSecond: CPU of lbproxy while nothing happens; statusUsPerProgram: of its primary, to tell of one program; kbPerProgram: memory
 * of lbproxy itself.
 */
export const pool: Loader<PoolLoad> = {
  verify: async (running) => (await startPool(running, 2)).stop(),
  run,
  warm: false,
};
