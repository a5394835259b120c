// What a new configuration means for the processes that run. Pure.
import { isDeepStrictEqual } from 'node:util';
import type { PoolPlan, ProcessSpec } from './plan.ts';

/** Names of processes. */
export interface PoolChanges {
  readonly started: readonly string[];
  readonly stopped: readonly string[];
  readonly replaced: readonly string[];
}

/** What a process is known by across reloads: it may be called otherwise then. */
export function slotKey({ group, program, index }: ProcessSpec): string {
  return `${group}/${program}/${index}`;
}

export function specsOf(pool: PoolPlan): readonly ProcessSpec[] {
  return pool.groups.flatMap((group) => group.processes);
}

/** Only what a process was started with makes it start anew: not its logs, priorities, limits, nor who else is in its group. */
export function needsRestart(before: ProcessSpec, after: ProcessSpec): boolean {
  return (
    !isDeepStrictEqual(before.launch, after.launch) ||
    before.output.redirectStderr !== after.output.redirectStderr ||
    (before.policy.ready.by === 'notify') !== (after.policy.ready.by === 'notify')
  );
}

export function changesOf(running: readonly ProcessSpec[], pool: PoolPlan): PoolChanges {
  const before = new Map(running.map((spec) => [slotKey(spec), spec]));
  const wanted = new Map(specsOf(pool).map((spec) => [slotKey(spec), spec]));
  const started: string[] = [];
  const replaced: string[] = [];
  for (const [key, spec] of wanted) {
    const present = before.get(key);
    if (present === undefined) started.push(spec.launch.name);
    else if (needsRestart(present, spec)) replaced.push(spec.launch.name);
  }
  const stopped = running.filter((spec) => !wanted.has(slotKey(spec))).map((spec) => spec.launch.name);
  return { started, stopped, replaced };
}
