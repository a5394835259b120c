// The programs that send requests: wrk or autocannon for as many as go, paced-client.ts for a steady rate.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Running } from '../contenders/contender.ts';
import { versionOf } from '../contenders/contender.ts';
import { runChild } from './child.ts';
import type { EngineResult } from './engine-result.ts';
import type { HttpLoad } from './http-load.ts';
import type { PacedOptions } from './paced-client.ts';

export const ENGINES = ['wrk', 'autocannon'] as const;
export type Engine = (typeof ENGINES)[number];

export function defaultEngine(): Engine {
  return versionOf('sh', ['-c', 'command -v wrk']) === undefined ? 'autocannon' : 'wrk';
}

/** As many requests as the contender takes. `seconds` are whole ones. */
export async function saturate(
  engine: Engine,
  running: Running,
  load: HttpLoad,
  seconds: number,
): Promise<EngineResult> {
  if (engine === 'autocannon') return autocannon(running, load, seconds);
  const script = join(running.place.dir, 'wrk.lua');
  writeFileSync(script, wrkScript(load));
  const options = ['-t', '1', '-c', String(load.connections), '-d', `${Math.ceil(seconds)}s`];
  return parseWrk(await runChild(running, ['wrk', ...options, '-s', script, url(running, load)]));
}

/** A steady rate whatever the answers, latencies counted from when each request was meant to begin. Plain HTTP and GET only. */
export async function steady(
  running: Running,
  load: HttpLoad,
  rate: number,
  seconds: number,
): Promise<EngineResult> {
  const { port } = running.place;
  const fields = Object.entries({ Host: `127.0.0.1:${port}`, ...load.headers });
  const lines = [`GET ${load.path} HTTP/1.1`, ...fields.map(([name, value]) => `${name}: ${value}`)];
  const options: PacedOptions = {
    ...{ port, rate, seconds, connections: load.connections },
    request: `${lines.join('\r\n')}\r\n\r\n`,
  };
  const program = new URL('./paced-client.ts', import.meta.url).pathname;
  return JSON.parse(await runChild(running, [process.execPath, program, JSON.stringify(options)]));
}

const url = (running: Running, load: HttpLoad): string =>
  `${running.setup.tls ? 'https' : 'http'}://127.0.0.1:${running.place.port}${load.path}`;

function headerList(load: HttpLoad): [string, string][] {
  return Object.entries({ ...load.headers, ...(load.close ? { Connection: 'close' } : {}) });
}

/** A script that sets the request and prints the result as JSON. wrk builds the request once, as no `request` function is set. */
export function wrkScript(load: HttpLoad): string {
  // A JSON string of printable ASCII is a Lua string.
  const lines = [`wrk.method = ${JSON.stringify(load.method ?? 'GET')}`];
  if (load.bodyBytes !== undefined) lines.push(`wrk.body = string.rep("b", ${load.bodyBytes})`);
  for (const [name, value] of headerList(load)) {
    lines.push(`wrk.headers[${JSON.stringify(name)}] = ${JSON.stringify(value)}`);
  }
  const percentiles = { p50: 50, p90: 90, p99: 99, p999: 99.9 };
  lines.push(
    'done = function(summary, latency)',
    '  local e = summary.errors',
    '  io.write("RESULT {")',
    ...Object.entries(percentiles).map(
      ([name, p]) => `  io.write(string.format('"${name}":%d,', latency:percentile(${p})))`,
    ),
    `  io.write(string.format('"max":%d,"requests":%d,"us":%d,', latency.max, summary.requests, summary.duration))`,
    `  io.write(string.format('"failures":%d}\\n', e.connect + e.read + e.write + e.status + e.timeout))`,
    'end',
  );
  return `${lines.join('\n')}\n`;
}

/** Reads what the script printed; latencies are in microseconds there. */
export function parseWrk(text: string): EngineResult {
  const result = /^RESULT (\{.*\})$/m.exec(text);
  if (result === null) throw new Error(`wrk gave no result: ${text.slice(-500)}`);
  const r: Record<string, number> = JSON.parse(result[1]);
  return {
    requests: r.requests,
    seconds: r.us / 1e6,
    p50Ms: r.p50 / 1000,
    p90Ms: r.p90 / 1000,
    p99Ms: r.p99 / 1000,
    p999Ms: r.p999 / 1000,
    maxMs: r.max / 1000,
    failures: r.failures,
  };
}

/** autocannon in a process of its own. */
async function autocannon(running: Running, load: HttpLoad, seconds: number): Promise<EngineResult> {
  const options = {
    url: url(running, load),
    method: load.method ?? 'GET',
    headers: Object.fromEntries(headerList(load)),
    connections: load.connections,
    duration: Math.ceil(seconds),
  };
  const program = new URL('./autocannon-client.ts', import.meta.url).pathname;
  const job = JSON.stringify({ options, bodyBytes: load.bodyBytes ?? 0 });
  return JSON.parse(await runChild(running, [process.execPath, program, job]));
}
