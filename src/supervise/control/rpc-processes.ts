// Starting, stopping and signalling over XML-RPC, one process or many, and the waits for what comes of it.
import { constants } from 'node:os';
import type { ProcessPolicy } from '../state.ts';
import type { PoolFace } from './face.ts';
import { FAULTS, RpcFault } from './rpc-faults.ts';
import { allOf, checkUp, isRunning, type Named, namespec, type RpcContext } from './rpc-names.ts';
import { asText, type RpcValue, signalNumber } from './rpc-values.ts';

/** What became of one process of many. */
export interface ProcessResult {
  readonly name: string;
  readonly group: string;
  readonly status: number;
  readonly description: string;
  readonly [key: string]: string | number;
}

/** Where a command that was begun stands. */
type Standing = 'pending' | 'done' | RpcFault;
type Check = () => Standing;

/** Begins with one process: null where that is all. Throws a fault. */
export type Begin = (member: Named) => Check | null;

/** With startsecs 0 Supervisor has a process RUNNING as soon as it is started: its result has its place among those that came at once. */
const isQuick = (member: Named): boolean => policyOf(member)?.startMs === 0;

const policyOf = ({ group, process }: Named): ProcessPolicy | undefined =>
  group.plan.processes.find(({ launch }) => launch.name === process.view.name)?.policy;

/** How often those of many are looked at; results come in the order of these looks, as Supervisor's do. */
const ROUND_MS = 50;
const LOOK_AGAIN_MS = 60_000;

export function beginStart(pool: PoolFace, wait: boolean): Begin {
  return ({ process, name }) => {
    checkUp(pool);
    const why = process.whyNoCommand();
    if (why !== null)
      throw new RpcFault(why.kind === 'missing' ? FAULTS.NO_FILE : FAULTS.NOT_EXECUTABLE, why.text);
    if (isRunning(process.view.state)) throw new RpcFault(FAULTS.ALREADY_STARTED, name);
    // One that is being stopped stays so, as in Supervisor; what is said is that it did not come up.
    if (process.view.state !== 'STOPPING') process.start();
    const check: Check = () => {
      const { state, spawnError } = process.view;
      if (spawnError !== '') return new RpcFault(FAULTS.SPAWN_ERROR, name);
      if (state === 'RUNNING') return 'done';
      return state === 'STARTING' ? 'pending' : new RpcFault(FAULTS.ABNORMAL_TERMINATION, name);
    };
    if (process.view.spawnError !== '') throw new RpcFault(FAULTS.SPAWN_ERROR, name);
    return wait && process.view.state !== 'RUNNING' ? check : null;
  };
}

export function beginStop(pool: PoolFace, wait: boolean): Begin {
  return ({ process, name }) => {
    checkUp(pool);
    if (!isRunning(process.view.state)) throw new RpcFault(FAULTS.NOT_RUNNING, name);
    process.stop();
    // Somebody else may have it started anew.
    const check: Check = () => (process.view.state === 'STOPPING' ? 'pending' : 'done');
    return wait && check() === 'pending' ? check : null;
  };
}

export function beginSignal(pool: PoolFace, signal: RpcValue): Begin {
  return ({ process, name }) => {
    checkUp(pool);
    const number = signalNumber(signal, constants.signals);
    if (number === undefined) throw new RpcFault(FAULTS.BAD_SIGNAL, asExtra(signal));
    if (!isSignallable({ process })) throw new RpcFault(FAULTS.NOT_RUNNING, name);
    try {
      process.signal(number);
    } catch (error) {
      throw new RpcFault(FAULTS.FAILED, error instanceof Error ? error.message : String(error));
    }
    return null;
  };
}

/** None is no text beside a fault. */
export const asExtra = (value: RpcValue): string | undefined => (value === null ? undefined : asText(value));

export const isSignallable = ({ process }: Pick<Named, 'process'>): boolean =>
  ['RUNNING', 'STARTING', 'STOPPING'].includes(process.view.state);

export const isUp = ({ process }: Named): boolean => isRunning(process.view.state);
export const isDown = (member: Named): boolean => !isUp(member);

/** One process: true, or the fault. */
export async function runOne(cx: RpcContext, member: Named, begin: Begin): Promise<true> {
  const check = begin(member);
  let standing = check?.() ?? 'done';
  const reached = (): boolean => {
    if (standing === 'pending' && check !== null) standing = check();
    return standing !== 'pending' || cx.gone.aborted;
  };
  while (!(await member.process.until(reached, LOOK_AGAIN_MS)));
  if (standing instanceof RpcFault) throw standing;
  return true;
}

/** All to which `applies`, begun one after the other and then waited for together. Done at once first, then as they come. */
export async function runMany(
  cx: RpcContext,
  members: readonly Named[],
  applies: (member: Named) => boolean,
  begin: Begin,
): Promise<ProcessResult[]> {
  const { atOnce, later } = await runWave(cx, members, applies, begin);
  return [...atOnce, ...later.map(({ result }) => result)];
}

/** Starts all that are down. */
export async function startMany(
  cx: RpcContext,
  members: readonly Named[],
  wait: boolean,
  applies: (member: Named) => boolean = isDown,
): Promise<ProcessResult[]> {
  const { atOnce, later } = await runWave(cx, members, applies, beginStart(cx.pool, wait));
  const quick = new Set(members.filter(isQuick).map(({ name }) => name));
  const { place, nameOf } = orderOf(members);
  const isFirst = ({ result }: Wave['later'][number]): boolean => quick.has(nameOf(result));
  const first = [...atOnce, ...later.filter(isFirst).map(({ result }) => result)];
  return [
    ...first.sort((a, b) => place(a) - place(b)),
    ...later.filter((one) => !isFirst(one)).map(({ result }) => result),
  ];
}

/** The place of a result among the members that were asked for. */
function orderOf(members: readonly Named[]) {
  const nameOf = ({ group, name }: ProcessResult): string => namespec(group, name);
  const places = new Map(members.map(({ name }, index) => [name, index]));
  return { nameOf, place: (result: ProcessResult): number => places.get(nameOf(result)) ?? 0 };
}

interface Wave {
  readonly atOnce: ProcessResult[];
  /** With the number of the look that found it. */
  readonly later: { readonly round: number; readonly result: ProcessResult }[];
}

async function runWave(
  cx: RpcContext,
  members: readonly Named[],
  applies: (member: Named) => boolean,
  begin: Begin,
): Promise<Wave> {
  const atOnce: ProcessResult[] = [];
  const later: Wave['later'] = [];
  let pending: { readonly member: Named; readonly check: Check }[] = [];
  for (const member of members.filter(applies)) {
    try {
      const check = begin(member);
      if (check === null) atOnce.push(resultOf(member, 'done'));
      else pending.push({ member, check });
    } catch (error) {
      if (!(error instanceof RpcFault)) throw error;
      atOnce.push(resultOf(member, error));
    }
  }
  for (let round = 0; pending.length > 0 && !cx.gone.aborted; round++) {
    const still: typeof pending = [];
    for (const waiting of pending) {
      const standing = waiting.check();
      if (standing === 'pending') still.push(waiting);
      else later.push({ round, result: resultOf(waiting.member, standing) });
    }
    pending = still;
    if (pending.length > 0) await new Promise((resolve) => setTimeout(resolve, ROUND_MS));
  }
  return { atOnce, later };
}

/**
 * Those of the highest priority number first, side by side, and the next once they have stopped. Results are in the order that they would
 * have had all at once: the quickest first.
 */
export async function stopMany(
  cx: RpcContext,
  members: readonly Named[],
  wait: boolean,
  applies: (member: Named) => boolean = isUp,
): Promise<ProcessResult[]> {
  const begin = beginStop(cx.pool, wait);
  const waves = wait ? wavesOf(members) : [members];
  if (waves.length === 1) return runMany(cx, members, applies, begin);
  const done: Wave[] = [];
  for (const wave of waves) done.push(await runWave(cx, wave, applies, begin));
  const { place } = orderOf(members);
  const atOnce = done.flatMap((wave) => wave.atOnce).sort((a, b) => place(a) - place(b));
  const later = done
    .flatMap((wave) => wave.later)
    .sort((a, b) => a.round - b.round || place(a.result) - place(b.result));
  return [...atOnce, ...later.map(({ result }) => result)];
}

/** By priority of the group, then of the process; the last to start first. */
function wavesOf(members: readonly Named[]): Named[][] {
  const waves = new Map<string, { readonly rank: readonly [number, number]; readonly members: Named[] }>();
  for (const member of members) {
    const { priority } = member.group.plan;
    const rank = [priority, policyOf(member)?.priority ?? priority] as const;
    const wave = waves.get(rank.join());
    if (wave === undefined) waves.set(rank.join(), { rank, members: [member] });
    else wave.members.push(member);
  }
  return [...waves.values()]
    .sort((a, b) => b.rank[0] - a.rank[0] || b.rank[1] - a.rank[1])
    .map((wave) => wave.members);
}

/** All processes of all groups, in the order of priority. */
export const everyone = (pool: PoolFace): Named[] => allOf(pool.groups());

export function resultOf({ group, process }: Named, standing: Standing): ProcessResult {
  const fault = standing instanceof RpcFault ? standing : null;
  return {
    name: process.view.name,
    group: group.plan.name,
    status: fault?.code ?? FAULTS.SUCCESS,
    description: fault?.message ?? 'OK',
  };
}
