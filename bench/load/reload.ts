// Reloads under load: how long until the new configuration answers, and whether a request is lost on the way.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Running } from '../contenders/contender.ts';
import { runClient } from './client.ts';
import { Latencies } from './latencies.ts';
import type { Figures, Load, Loader } from './load.ts';
import { answerOnce } from './own-place.ts';
import type { StreamOptions } from './reload-client.ts';

export interface ReloadLoad extends Load {
  readonly kind: 'reload';
  /** Requests over the keep-alive connections while it reloads. */
  readonly perSecond: number;
  readonly connections: number;
  /** Every so many-th request comes over a new connection. */
  readonly freshEvery: number;
  readonly everyMs: number;
}

const POLL_MS = 2;
const WITHIN_MS = 5000;
const ANSWER_BYTES = 48;

/** What the contender says over a new connection; NaN when that fails. */
async function generationOf({ place }: Running): Promise<number> {
  const answer = await answerOnce(place.port, '/generation');
  return Number(/^HTTP\/1\.1 200 .*\r\n\r\n(\d+)\s*$/s.exec(answer)?.[1]);
}

/** Milliseconds from the signal to the first answer of the new configuration. */
export async function reloadMs(running: Running): Promise<number> {
  const { contender, setup, place, pid } = running;
  const next = (await generationOf(running)) + 1;
  if (Number.isNaN(next)) throw new Error(`${contender.name} does not tell its generation`);
  contender.command({ ...setup, generation: next }, place);
  const startedAt = performance.now();
  process.kill(pid, 'SIGHUP');
  while ((await generationOf(running)) !== next) {
    if (performance.now() - startedAt > WITHIN_MS)
      throw new Error(`${contender.name} did not reload within ${WITHIN_MS} ms`);
    await sleep(POLL_MS);
  }
  return performance.now() - startedAt;
}

async function run(running: Running, load: ReloadLoad, seconds: number): Promise<Figures> {
  const { perSecond, connections, freshEvery, everyMs } = load;
  const answer = { path: `/${ANSWER_BYTES}`, answerBytes: ANSWER_BYTES };
  const stream: StreamOptions = {
    port: running.place.port,
    ...answer,
    perSecond,
    connections,
    freshEvery,
    seconds,
  };
  const end = performance.now() + seconds * 1000 - everyMs;
  const [figures, times] = await Promise.all([
    runClient(running, 'reload', stream),
    reloadUntil(running, everyMs, end),
  ]);
  return {
    reloadMs: times.percentile(0.5),
    slowestReloadMs: times.percentile(1),
    reloads: times.count,
    lostRequests: figures.failures,
    requestsPerSecond: figures.requests / figures.seconds,
    p99Ms: figures.p99Ms,
    maxMs: figures.maxMs,
    failures: 0,
  };
}

async function reloadUntil(running: Running, everyMs: number, end: number): Promise<Latencies> {
  const times = new Latencies();
  do {
    await sleep(everyMs);
    times.add(await reloadMs(running));
  } while (performance.now() < end);
  return times;
}

/** reloadMs (median of the round's reloads), slowestReloadMs, reloads, lostRequests, and the latency of the stream meanwhile. */
export const reload: Loader<ReloadLoad> = {
  verify: async (running) => void (await reloadMs(running)),
  run,
  warm: false,
};
