// What a configuration runs: its own program blocks, and the supervisord.conf beside it (--programs). Which of their ports the balancer
// follows is settled here, where both are known.
import type { Model, ProgramModel } from '../config/model.ts';
import { positionOf } from '../config/places.ts';
import type { Problems, Severity } from '../config/problem.ts';
import { withSettings } from '../config/settings.ts';
import { Accounts } from '../supervise/ini/accounts.ts';
import { loneNumber } from '../supervise/ini/infer-port.ts';
import { readSupervisord } from '../supervise/ini/read.ts';
import type { GroupPlan, PoolPlan, ProcessSpec } from '../supervise/plan.ts';
import { defaultName, EMPTY_POOL, type PlanContext, planGroups } from '../supervise/process-spec.ts';
import type { ReadyPlan } from '../supervise/state.ts';
import { validatePrograms } from '../supervise/validate.ts';
import { followedPorts } from '../upstream/supervised-ports.ts';

export interface PoolWish {
  /** supervisord.conf, a fragment of one, or a folder of fragments; null without. */
  readonly programs: string | null;
  /** Programs that have another number of processes than the configuration says. */
  readonly scaled: ReadonlyMap<string, number>;
}

export interface ReadPool {
  readonly pool: PoolPlan;
  /** Texts of the files that supervisord.conf is made of, by the name in positions. */
  readonly sources: ReadonlyMap<string, string>;
}

export function readPool(model: Model, { programs: path, scaled }: PoolWish, problems: Problems): ReadPool {
  const accounts = new Accounts();
  const cx: PlanContext = { prefix: model.prefix, env: process.env, userOf: (name) => accounts.user(name) };
  const programs = model.programs.map((program) => withCount(program, scaled.get(program.name)));
  const followed = new Map(model.upstreams.map((u) => [u.settings.upstreamProgram, u.at]));
  followed.delete('');
  const report = (at: string, message: string, severity: Severity = 'error'): void => {
    problems.add({ severity, at: positionOf(at), message });
  };
  validatePrograms(programs, report, { ...cx, followed });
  // Its problems were told.
  const groups = planGroups(programs, cx, () => {});
  const ports = followedPorts(model);
  const { controlServers } = model.settings;
  if (path === null)
    return { pool: linked({ ...EMPTY_POOL, groups, controlServers }, ports), sources: new Map() };
  const { pool, sources } = readSupervisord(path, { env: process.env, cwd: process.cwd(), scaled }, problems);
  const other = pool ?? EMPTY_POOL;
  checkNames(groups, other.groups, report);
  const both = {
    groups: [...groups, ...other.groups],
    controlServers: [...controlServers, ...other.controlServers],
  };
  return { pool: linked({ ...other, ...both }, ports), sources };
}

function checkNames(
  own: readonly GroupPlan[],
  other: readonly GroupPlan[],
  report: (at: string, message: string) => void,
): void {
  const names = new Map(own.map((group) => [group.name, group]));
  for (const { name, at } of other) {
    const same = names.get(name);
    if (same !== undefined)
      report(at, `there is a program or group "${name}" already (${same.at}): call one of them otherwise`);
  }
}

function withCount(program: ProgramModel, count: number | undefined): ProgramModel {
  if (count === undefined) return program;
  const { settings } = program;
  // The one that stays of several keeps its name: by another it would have to be started anew.
  const programProcessName = settings.programProcessName ?? defaultName(settings);
  return { ...program, settings: withSettings(settings, { programNumprocs: count, programProcessName }) };
}

/**
 * A port that was only found in a command line is watched where something is sent to it. Otherwise the process is left alone, as Supervisor
 * leaves it.
 */
function linked(pool: PoolPlan, followed: ReadonlySet<number>): PoolPlan {
  const lone = lonePorts(pool, followed);
  const link = (spec: ProcessSpec): ProcessSpec => {
    if (spec.launch.dialect === 'lbproxy') return spec;
    const port = spec.launch.port ?? lone.get(spec) ?? null;
    const ready: ReadyPlan = port !== null && followed.has(port) ? { by: 'tcp' } : { by: 'running' };
    return { ...spec, policy: { ...spec.policy, port: ready.by === 'tcp' ? port : null, ready } };
  };
  return {
    ...pool,
    groups: pool.groups.map((group) => ({ ...group, processes: group.processes.map(link) })),
  };
}

/** `serv.py 8001`: the number is this process's port where something is sent to it and no other process lays claim to it. */
function lonePorts(pool: PoolPlan, followed: ReadonlySet<number>): ReadonlyMap<ProcessSpec, number> {
  const specs = pool.groups.flatMap(({ processes }) => processes);
  const claims = specs.map((spec) => spec.launch.port ?? loneNumber(spec.launch.argv));
  const found = new Map<ProcessSpec, number>();
  for (const [i, spec] of specs.entries()) {
    const port = claims[i];
    if (spec.launch.port !== null || port === null || !followed.has(port)) continue;
    if (claims.indexOf(port) === claims.lastIndexOf(port)) found.set(spec, port);
  }
  return found;
}
