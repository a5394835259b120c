// The client programs of the special loads: options go in as JSON in the first argument, figures come out as a line of JSON.
import { fileURLToPath } from 'node:url';
import type { Running } from '../contenders/contender.ts';
import { cpuFigures, measureCpu, pssBytes } from '../measure.ts';
import { runChild } from './child.ts';
import type { Figures } from './load.ts';

/** Command of a client program; `name` is that of a file beside this one, such as `idle` for idle-client.ts. */
export function clientCommand(name: string, options: object): readonly string[] {
  const file = fileURLToPath(new URL(`./${name}-client.ts`, import.meta.url));
  return [process.execPath, file, JSON.stringify(options)];
}

/** One round of a client program: requests, seconds, failures and latencies, as it counted them. */
export async function runClient(running: Running, name: string, options: object): Promise<Figures> {
  return JSON.parse(await runChild(running, clientCommand(name, options)));
}

/** The same with what the contender spent meanwhile: the standard figures of loads of requests. */
export async function runMeasured(running: Running, name: string, options: object): Promise<Figures> {
  const cpu = measureCpu(running.pid);
  const { requests, seconds, failures, ...latency } = await runClient(running, name, options);
  const spent = cpuFigures(cpu(), requests);
  const pssMb = pssBytes(running.pid) / 2 ** 20;
  return { requestsPerSecond: requests / seconds, ...latency, ...spent, pssMb, failures };
}

/** Throws when a short round has a failure, or no success. */
export async function verifyShortly(running: Running, name: string, options: object): Promise<void> {
  const { requests, failures } = await runClient(running, name, { ...options, seconds: 0.3 });
  if (requests > 0 && failures === 0) return;
  throw new Error(
    `${running.contender.name} fails in the ${name} load: ${failures} failures, ${requests} requests`,
  );
}
