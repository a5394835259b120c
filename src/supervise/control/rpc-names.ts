// Names of processes as Supervisor writes and reads them, and its numbers for their states.
import type { ProcessState } from '../state.ts';
import type { GroupView, PoolFace, ProcessHandle } from './face.ts';
import type { LogReader } from './log-reader.ts';
import { FAULTS, RpcFault } from './rpc-faults.ts';
import { nameOf, type RpcValue } from './rpc-values.ts';

/** What every method works on. */
export interface RpcContext {
  readonly pool: PoolFace;
  readonly logs: LogReader;
  /** Aborted once nobody waits for the answer. */
  readonly gone: AbortSignal;
}

/** A process, and the name by which faults call it. */
export interface Named {
  readonly group: GroupView;
  readonly process: ProcessHandle;
  readonly name: string;
}

export const STATE_CODES: Readonly<Record<ProcessState, number>> = {
  STOPPED: 0,
  STARTING: 10,
  RUNNING: 20,
  BACKOFF: 30,
  STOPPING: 40,
  EXITED: 100,
  FATAL: 200,
};

export const isRunning = (state: ProcessState): boolean =>
  state === 'RUNNING' || state === 'BACKOFF' || state === 'STARTING';

/** `group:process`, or `process` where both are the same. */
export function namespec(group: string, process: string): string {
  return group === process ? process : `${group}:${process}`;
}

/** The process is null in `group:*` and `group:`. */
export function splitNamespec(name: string): { readonly group: string; readonly process: string | null } {
  const colon = name.indexOf(':');
  if (colon < 0) return { group: name, process: name };
  const process = name.slice(colon + 1);
  return { group: name.slice(0, colon), process: process === '' || process === '*' ? null : process };
}

export function findGroup(pool: PoolFace, name: string): GroupView | undefined {
  return pool.groups().find((group) => group.plan.name === name);
}

/** The process that is meant, or its whole group. Throws BAD_NAME. */
export function resolve(
  pool: PoolFace,
  value: RpcValue,
): Named | { readonly group: GroupView; readonly process: null } {
  const name = nameOf(value);
  const wanted = splitNamespec(name);
  const group = findGroup(pool, wanted.group);
  if (group === undefined) throw new RpcFault(FAULTS.BAD_NAME, name);
  if (wanted.process === null) return { group, process: null };
  const process = group.processes.find(({ view }) => view.name === wanted.process);
  if (process === undefined) throw new RpcFault(FAULTS.BAD_NAME, name);
  return { group, process, name };
}

/** Where a group is no answer. */
export function resolveProcess(pool: PoolFace, value: RpcValue): Named {
  const found = resolve(pool, value);
  if (found.process === null) throw new RpcFault(FAULTS.BAD_NAME, nameOf(value));
  return found;
}

/** In the order of priority, as Supervisor goes through them. */
export function allOf(groups: readonly GroupView[]): Named[] {
  return groups.flatMap((group) =>
    group.processes.map((process) => ({
      group,
      process,
      name: namespec(group.plan.name, process.view.name),
    })),
  );
}

/** As Python sorts text: by code point. */
export function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Sorted by name of group, then of process. */
export function allByName(pool: PoolFace): Named[] {
  // A view is put together each time it is asked for.
  const keyed = allOf(pool.groups()).map((member) => ({
    member,
    group: Buffer.from(member.group.plan.name),
    name: Buffer.from(member.process.view.name),
  }));
  keyed.sort((a, b) => Buffer.compare(a.group, b.group) || Buffer.compare(a.name, b.name));
  return keyed.map(({ member }) => member);
}

/** While lbproxy ends, or starts anew, nothing else is done. */
export function checkUp(pool: PoolFace): void {
  if (pool.state !== 'RUNNING') throw new RpcFault(FAULTS.SHUTDOWN_STATE);
}
