// Whether the file descriptors that the system allows are enough for a configuration: a start that runs out of them halfway can
// neither serve nor tell why. Linux only; elsewhere nothing is said.
import { readdirSync } from 'node:fs';
import { descriptorLimit } from '../shared/descriptor-limit.ts';
import type { PoolPlan, ProcessSpec } from '../supervise/plan.ts';
import type { PrepareProblem } from './messages.ts';

/** For what is open for a moment: pipes of a process that is being started, port probes, files being read. */
const SPARE = 24;

/** What runs already and so has its descriptors. */
export interface Running {
  readonly acceptors: number;
  readonly processes: number;
}

/** To be asked when all addresses are bound. Null when there are enough, or nobody knows. */
export function descriptorProblem(
  pool: PoolPlan,
  acceptors: number,
  running: Running,
): PrepareProblem | null {
  const limit = descriptorLimit();
  const open = openDescriptors();
  if (limit === null || open === null) return null;
  const specs = pool.groups.flatMap((group) => group.processes);
  const processes = specs.length;
  const newShare = processes === 0 ? 0 : Math.max(0, processes - running.processes) / processes;
  const more = Math.max(0, acceptors - running.acceptors) + Math.ceil(descriptorsOf(specs) * newShare);
  const needed = open + more + SPARE;
  if (needed <= limit || more === 0) return null;
  const largest = pool.groups.toSorted((a, b) => b.processes.length - a.processes.length);
  const of = processes === 0 ? '' : `${counted(processes, 'process', 'processes')} of programs and `;
  return {
    at: largest[0]?.at ?? '',
    message:
      `${of}${counted(acceptors, 'acceptor', 'acceptors')} need about ${needed} file descriptors, and the limit ` +
      `is ${limit}: raise it (ulimit -n, LimitNOFILE=), or run fewer`,
  };
}

/** Of each its stdin, stdout and stderr, and the files that these are written to. */
function descriptorsOf(specs: readonly ProcessSpec[]): number {
  const files = new Set<string>();
  let count = 0;
  for (const { output } of specs) {
    const streams = output.redirectStderr ? [output.stdout] : [output.stdout, output.stderr];
    count += 1 + streams.length;
    for (const { target } of streams) {
      if (target.kind === 'file') files.add(target.path);
      if (target.kind === 'auto') count++;
    }
  }
  return count + files.size;
}

function openDescriptors(): number | null {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return null;
  }
}

function counted(n: number, one: string, many: string): string {
  return `${n} ${n === 1 ? one : many}`;
}
