// What can be said of a pool before anything of it is started: log files that cannot be opened or are in each other's way, ports that
// somebody else has.
import { positionOf } from '../config/places.ts';
import type { Problems } from '../config/problem.ts';
import { checkLogs } from '../supervise/logs/check-logs.ts';
import { isMarked } from '../supervise/mark.ts';
import type { PoolPlan } from '../supervise/plan.ts';
import { accepts, holderOfPort } from '../supervise/port-probe.ts';

/** The reader of supervisord.conf has its own words for the others. */
const OF_SUPERVISOR: readonly string[] = ['collision'];

export function warnOfLogs(pool: PoolPlan, problems: Problems): void {
  const specs = pool.groups.flatMap(({ processes }) => processes);
  const isOwn = new Map(specs.map((spec) => [spec.at, spec.launch.dialect === 'lbproxy']));
  for (const { kind, at, text } of checkLogs(specs, pool.childLogDirectory))
    if (isOwn.get(at) === true || OF_SUPERVISOR.includes(kind)) problems.warn(positionOf(at), text);
}

/** At -t: a start asks each port again. What runs as a program of an lbproxy is most likely what this configuration runs. */
export async function warnOfTakenPorts(pool: PoolPlan, problems: Problems): Promise<void> {
  const specs = pool.groups.flatMap(({ processes }) => processes).slice(0, MOST_ASKED);
  await Promise.all(
    specs.map(async ({ at, program, launch: { port } }) => {
      if (port === null || !(await accepts(port))) return;
      const holder = await holderOfPort(port);
      if (holder !== undefined && isMarked(holder.pid)) return;
      const who = holder?.text ?? 'another process';
      problems.warn(
        positionOf(at),
        `program "${program}": port ${port} is taken by ${who}: stop that, or choose another port`,
      );
    }),
  );
}

const MOST_ASKED = 200;
