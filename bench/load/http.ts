// Requests over keep-alive connections or one each: as many as the contender takes, or at a steady rate.
import type { Running } from '../contenders/contender.ts';
import { cpuFigures, measureCpu, pssBytes } from '../measure.ts';
import { verifyAnswers } from '../verify.ts';
import type { EngineResult } from './engine-result.ts';
import { type Engine, saturate, steady } from './http-engines.ts';
import type { HttpLoad } from './http-load.ts';
import type { Loader } from './load.ts';

/** Contenders whose greatest throughput decides a rate that is the same for all. */
export const YARDSTICKS: readonly string[] = ['lbproxy', 'nginx (tuned)'];

/** Seconds of the round that finds a contender's greatest throughput, and a rate that none reaches. */
const SATURATION_SECONDS = 2;
const UNREACHABLE_RATE = 80_000;

export function httpLoader(engine: Engine): Loader<HttpLoad> {
  const ask = (running: Running, load: HttpLoad, seconds: number): Promise<EngineResult> =>
    load.rate === undefined
      ? saturate(engine, running, load, seconds)
      : steady(running, load, load.rate, seconds);
  return {
    verify: verifyAnswers,
    prepare: async (contenders, load) => {
      if (load.rateOfSlower === undefined) return load;
      const yardsticks = contenders.filter((one) => YARDSTICKS.includes(one.contender.name));
      const reached: number[] = [];
      for (const one of yardsticks.length > 0 ? yardsticks : contenders) {
        // By the client that will ask at the rate: it costs more of the load's core than wrk, and must not be what is slow.
        const { requests, seconds } = await steady(one, load, UNREACHABLE_RATE, SATURATION_SECONDS);
        reached.push(requests / seconds);
      }
      return { ...load, rate: Math.round(load.rateOfSlower * Math.min(...reached)) };
    },
    run: async (running, load, seconds) => {
      const cpu = measureCpu(running.pid);
      const { requests, seconds: took, failures, ...latency } = await ask(running, load, seconds);
      const spent = cpuFigures(cpu(), requests);
      const pssMb = pssBytes(running.pid) / 2 ** 20;
      return { requestsPerSecond: requests / took, ...latency, ...spent, pssMb, failures };
    },
  };
}
