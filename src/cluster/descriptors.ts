// Whether the file descriptors that the system allows are enough for a configuration: a start that runs out of them halfway can
// neither serve nor tell why. Linux only; elsewhere nothing is said.
import { readdirSync } from 'node:fs';
import { descriptorLimit } from '../shared/descriptor-limit.ts';
import type { PoolPlan } from '../supervise/plan.ts';
import type { PrepareProblem } from './messages.ts';

/** For what is open for a moment: pipes of a process that is being started, port probes, files being read. */
const SPARE = 24;
/** Its stdin, stdout and stderr. */
const PER_PROCESS = 3;

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
  const processes = pool.groups.reduce((sum, group) => sum + group.processes.length, 0);
  const more =
    Math.max(0, acceptors - running.acceptors) + PER_PROCESS * Math.max(0, processes - running.processes);
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
