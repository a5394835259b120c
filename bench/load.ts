// One round of load by autocannon, in this process.
import autocannon from 'autocannon';
import type { Scenario } from './scenarios.ts';

export interface Load {
  readonly requests: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Errors, time-outs and answers that are not 2xx. */
  readonly failures: number;
}

export async function runLoad(port: number, scenario: Scenario, seconds: number): Promise<Load> {
  const result = await autocannon({
    url: `http://127.0.0.1:${port}${scenario.path}`,
    method: scenario.method,
    connections: scenario.connections,
    duration: seconds,
    ...(scenario.bodyBytes > 0 ? { body: Buffer.alloc(scenario.bodyBytes, 'b') } : {}),
  });
  return {
    requests: result.requests.total,
    seconds: result.duration,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    failures: result.errors + result.timeouts + result.non2xx,
  };
}
