// Idle keep-alive connections: what each holds in memory. Kernel buffers are not counted, they are the same for all.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Running, startContender, stopAtExit } from '../contenders/contender.ts';
import { pssBytes } from '../measure.ts';
import { pinned } from '../pin.ts';
import { clientCommand } from './client.ts';
import type { IdleOptions } from './idle-client.ts';
import type { Figures, Load, Loader } from './load.ts';
import { ownPlace } from './own-place.ts';

export interface IdleLoad extends Load {
  readonly kind: 'idle';
  readonly connections: number;
  /** Wait until the memory of what was needed to open them has been given back. */
  readonly settleMs: number;
}

const ANSWER_BYTES = 48;
const WITHIN_MS = 40_000;
/** Opened and closed before, so that code and first buffers are not charged to the connections. */
const WARM_CONNECTIONS = 200;

/** PSS in bytes of the contender while so many connections are open and quiet. */
async function pssWith(running: Running, connections: number, settleMs: number): Promise<number> {
  const { place, setup, contender, pid } = running;
  const answer = { path: `/${ANSWER_BYTES}`, answerBytes: ANSWER_BYTES };
  const options: IdleOptions = { port: place.port, tls: setup.tls, connections, ...answer };
  const [command, ...args] = pinned(running.pinned ? 'load' : undefined, clientCommand('idle', options));
  // Node has raised its limit of open files to the most the system lets it have, and everything it starts inherits that.
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  const stop = stopAtExit(child);
  const late = setTimeout(stop, settleMs + WITHIN_MS);
  try {
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const opened = await lines.next();
    if (opened.done) throw new Error(`${contender.name} did not take ${connections} connections`);
    await sleep(settleMs);
    const pss = pssBytes(pid);
    child.stdin.end();
    const still = await lines.next();
    if (still.value === String(connections)) return pss;
    throw new Error(`${contender.name} closed idle connections: of ${connections} it left ${still.value}`);
  } finally {
    clearTimeout(late);
    await stop();
  }
}

/** Every round has a fresh instance: one that had the connections before would not grow a second time. */
async function run(running: Running, load: IdleLoad): Promise<Figures> {
  const own = await startContender(running.contender, running.setup, await ownPlace(running.place));
  try {
    await pssWith(own, WARM_CONNECTIONS, 0);
    await sleep(load.settleMs);
    const before = pssBytes(own.pid);
    const after = await pssWith(own, load.connections, load.settleMs);
    const bytesPerConnection = (after - before) / load.connections;
    return { bytesPerConnection, pssMb: after / 2 ** 20, failures: 0 };
  } finally {
    await own.stop();
  }
}

/** bytesPerConnection, and pssMb with all of them open. A round takes as long as it takes. */
export const idle: Loader<IdleLoad> = {
  verify: async (running) => void (await pssWith(running, WARM_CONNECTIONS, 0)),
  run,
  warm: false,
};
