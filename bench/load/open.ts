// Many keep-alive connections, all open and each asked in its turn, at a steady rate. To open them is no part of the figures.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { type Running, stopAtExit } from '../contenders/contender.ts';
import { cpuFigures, measureCpu, pssBytes } from '../measure.ts';
import { pinned } from '../pin.ts';
import { verifyAnswers } from '../verify.ts';
import { clientCommand } from './client.ts';
import type { EngineResult } from './engine-result.ts';
import type { Figures, Load, Loader } from './load.ts';
import type { PacedOptions } from './paced-client.ts';

export interface OpenLoad extends Load {
  readonly kind: 'open';
  readonly connections: number;
  /** Requests per second over all of them. */
  readonly rate: number;
}

const ANSWER_BYTES = 48;
const PATH = `/${ANSWER_BYTES}`;
/** To open them and for the last answers. */
const WITHIN_MS = 40_000;

async function run(running: Running, { connections, rate }: OpenLoad, seconds: number): Promise<Figures> {
  const { port } = running.place;
  const request = `GET ${PATH} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
  const options: PacedOptions = { port, request, connections, rate, seconds, inTurn: true };
  const [command, ...args] = pinned(running.pinned ? 'load' : undefined, clientCommand('open', options));
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  const stop = stopAtExit(child);
  const late = setTimeout(stop, seconds * 1000 + WITHIN_MS);
  try {
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    if ((await lines.next()).done)
      throw new Error(`${running.contender.name} did not take ${connections} connections`);
    const cpu = measureCpu(running.pid);
    child.stdin.write('begin\n');
    const said = await lines.next();
    if (said.done) throw new Error('the client of the open load ended without a result');
    const { requests, seconds: took, failures, ...latency }: EngineResult = JSON.parse(said.value);
    const spent = cpuFigures(cpu(), requests);
    const pssMb = pssBytes(running.pid) / 2 ** 20;
    child.stdin.end();
    return { requestsPerSecond: requests / took, ...latency, ...spent, pssMb, failures };
  } finally {
    clearTimeout(late);
    await stop();
  }
}

/** The figures of requests. */
export const open: Loader<OpenLoad> = {
  verify: (running) =>
    verifyAnswers(running, { kind: 'http', connections: 1, path: PATH, answerBytes: ANSWER_BYTES }),
  run,
};
