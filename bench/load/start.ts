// From the command to the first right answer through the proxy.
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Running, stopAtExit } from '../contenders/contender.ts';
import { pinned } from '../pin.ts';
import { Latencies } from './latencies.ts';
import type { Figures, Load, Loader } from './load.ts';
import { answerOnce, ownPlace } from './own-place.ts';

export interface StartLoad extends Load {
  readonly kind: 'start';
}

const POLL_MS = 2;
const WITHIN_MS = 10_000;

async function firstAnswerMs({ contender, setup, place: around }: Running): Promise<number> {
  const place = await ownPlace(around);
  const [command, ...args] = pinned('contender', contender.command(setup, place));
  const startedAt = performance.now();
  const child = spawn(command, args, { cwd: place.dir, stdio: 'ignore', detached: true });
  const stop = stopAtExit(child);
  try {
    while (performance.now() - startedAt < WITHIN_MS) {
      const answer = await answerOnce(place.port, '/48');
      if (answer.startsWith('HTTP/1.1 200 ')) return performance.now() - startedAt;
      await sleep(POLL_MS);
    }
    throw new Error(`${contender.name} did not answer within ${WITHIN_MS} ms of its start`);
  } finally {
    await stop();
  }
}

async function run(running: Running, _load: StartLoad, seconds: number): Promise<Figures> {
  const times = new Latencies();
  const end = performance.now() + seconds * 1000;
  do times.add(await firstAnswerMs(running));
  while (performance.now() < end);
  return { firstAnswerMs: times.percentile(0.5), starts: times.count, failures: 0 };
}

/** firstAnswerMs: the median of as many starts as the round has time for, at least one. */
export const start: Loader<StartLoad> = {
  verify: async (running) => void (await firstAnswerMs(running)),
  run,
  warm: false,
};
