// Many reloads of one instance: what a request costs, what the processes hold, and what was lost, after the first ones and after the last.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Running, startContender } from '../contenders/contender.ts';
import { type Held, heldBy } from '../measure.ts';
import { runClient, runMeasured } from './client.ts';
import type { Figures, Load, Loader } from './load.ts';
import { ownPlace } from './own-place.ts';
import { reload, reloadMs } from './reload.ts';
import type { StreamOptions } from './reload-client.ts';

export interface ReloadsLoad extends Load {
  readonly kind: 'reloads';
  readonly reloads: number;
  readonly everyMs: number;
  /** Requests meanwhile. */
  readonly perSecond: number;
  /** Requests while their cost is measured. */
  readonly measuredPerSecond: number;
  readonly warmSeconds: number;
  /** Wait until what the reloads before have left is closed. */
  readonly settleMs: number;
}

/** Before the first look: code that reloads take is compiled, V8's young generation has the size that this load gives it. */
const FIRST_RELOADS = 5;
const CONNECTIONS = 16;
const FRESH_EVERY = 10;
const ANSWER_BYTES = 48;

async function run(running: Running, load: ReloadsLoad, seconds: number): Promise<Figures> {
  const own = await startContender(running.contender, running.setup, await ownPlace(running.place));
  try {
    await runClient(own, 'reload', streamOf(own, load.measuredPerSecond, load.warmSeconds));
    for (let i = 0; i < FIRST_RELOADS; i++) await reloadMs(own);
    const first = await look(own, load, seconds);
    const lost = await reloadAll(own, load);
    const last = await look(own, load, seconds);
    return {
      cpuRatio: last.cpuUs / first.cpuUs,
      firstCpuUs: first.cpuUs,
      lastCpuUs: last.cpuUs,
      primaryKb: (last.primary.pssBytes - first.primary.pssBytes) / 1024 / load.reloads,
      acceptorsKb: (sum(last.others, 'pssBytes') - sum(first.others, 'pssBytes')) / 1024 / load.reloads,
      descriptorsPerReload:
        (sum([last.primary, ...last.others], 'descriptors') -
          sum([first.primary, ...first.others], 'descriptors')) /
        load.reloads,
      lostRequests: lost + first.lost + last.lost,
      reloads: load.reloads,
      failures: 0,
    };
  } finally {
    await own.stop();
  }
}

const streamOf = ({ place }: Running, perSecond: number, seconds: number): StreamOptions => ({
  ...{ port: place.port, path: `/${ANSWER_BYTES}`, answerBytes: ANSWER_BYTES },
  ...{ perSecond, connections: CONNECTIONS, freshEvery: FRESH_EVERY, seconds },
});

interface Look {
  readonly cpuUs: number;
  readonly lost: number;
  readonly primary: Held;
  readonly others: readonly Held[];
}

async function look(own: Running, load: ReloadsLoad, seconds: number): Promise<Look> {
  const stream = streamOf(own, load.measuredPerSecond, seconds);
  const { cpuUs, failures } = await runMeasured(own, 'reload', stream);
  await sleep(load.settleMs);
  const [primary, ...others] = heldBy(own.pid);
  return { cpuUs, lost: failures, primary, others };
}

/** The reloads, with requests meanwhile; how many of these were lost. */
async function reloadAll(own: Running, load: ReloadsLoad): Promise<number> {
  const stream = streamOf(own, load.perSecond, (load.reloads * load.everyMs) / 1000);
  const answered = runClient(own, 'reload', stream);
  for (let i = 0; i < load.reloads; i++) {
    const took = await reloadMs(own);
    await sleep(Math.max(0, load.everyMs - took));
  }
  return (await answered).failures;
}

const sum = (held: readonly Held[], figure: 'pssBytes' | 'descriptors'): number =>
  held.reduce((all, one) => all + one[figure], 0);

/**
 * cpuRatio: CPU per request after the last reload ÷ after the first ones; primaryKb and acceptorsKb: what memory grew by per reload;
 * descriptorsPerReload: kept connections to peers come and go, so a few more or less say nothing; lostRequests.
 */
export const reloads: Loader<ReloadsLoad> = { verify: reload.verify as Loader['verify'], run, warm: false };
