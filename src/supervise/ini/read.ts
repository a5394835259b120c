// supervisord.conf, one file or a folder of fragments, as Supervisor 4.2.5 reads it → the plan of what is to run.
import { resolve } from 'node:path';
import { Problems } from '../../config/problem.ts';
import type { PoolPlan } from '../plan.ts';
import { Accounts } from './accounts.ts';
import { hostNodeName, type IniContext, Names, SectionReader, saidOnce } from './context.ts';
import { toPythonName } from './datatypes.ts';
import { readFiles } from './files.ts';
import { readGlobal } from './global-section.ts';
import { readGroups } from './groups.ts';
import { checkLines } from './line-doubts.ts';
import { checkPool } from './pool-doubts.ts';
import { MAX_PROCESSES } from './program.ts';
import { readServers, serverUrlOf } from './servers.ts';

export interface SupervisordContext {
  /** The environment that %(ENV_X)s looks in: lbproxy's own. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What relative paths start from, and where programs without a directory run. */
  readonly cwd: string;
  /** Programs that have another number of processes than their section says; none unless given. */
  readonly scaled?: ReadonlyMap<string, number>;
}

export interface SupervisordResult {
  /** undefined when Supervisor would refuse the configuration; the errors are among the problems. */
  readonly pool: PoolPlan | undefined;
  readonly sources: ReadonlyMap<string, string>;
  /** All files that were read. Absolute. */
  readonly files: readonly string[];
}

/**
 * `path` is a main file, a fragment without [supervisord], or a folder of fragments (*.conf and *.ini, by name). One program that cannot
 * run has a `launch.problem` and a warning; what Supervisor refuses as a whole is an error.
 */
export function readSupervisord(
  path: string,
  from: SupervisordContext,
  problems: Problems,
): SupervisordResult {
  const own = new Problems();
  const report = saidOnce(own);
  const env = new Names();
  for (const [name, value] of Object.entries(from.env))
    if (value !== undefined) env.set(`ENV_${name}`, value);
  const shared = { report, env, cwd: from.cwd, hostNodeName: hostNodeName() };
  const { document, here, sources } = readFiles(path, shared);
  const cx: IniContext = {
    ...shared,
    document,
    here,
    accounts: new Accounts(),
    processEnv: from.env,
    scaled: from.scaled ?? new Map(),
  };
  checkLines(cx);
  if (document.sections.size === 0 && !own.hasErrors)
    report.warn(
      { file: resolve(from.cwd, path), line: 1, column: 1 },
      'there is no section in it: write [program:name] and a command',
    );
  const pool = readPool(cx);
  for (const problem of own.list) problems.add(problem);
  return { pool: own.hasErrors ? undefined : pool, sources, files: [...sources.keys()] };
}

function readPool(cx: IniContext): PoolPlan {
  const global = readGlobal(cx, cx.document.sections.get('supervisord'));
  checkPlugins(cx);
  const controlServers = readServers(cx, global.user.user);
  const budget = { left: MAX_PROCESSES };
  const groups = readGroups(cx, { global, serverUrl: serverUrlOf(controlServers), budget });
  checkPool(groups, cx.report);
  const { identifier, childLogDirectory, keepsOldAutoLogs, logFile, logFileLimits, pidFile } = global;
  const own = { logFile, logFileLimits, pidFile };
  return { groups, controlServers, identifier, childLogDirectory, keepsOldAutoLogs, ...own };
}

const MAIN_INTERFACE = 'supervisor.rpcinterface:make_main_rpcinterface';

/** [rpcinterface:x]: the usual one is always there; others are code in Python. */
function checkPlugins(cx: IniContext): void {
  for (const section of cx.document.sections.values()) {
    if (!section.name.startsWith('rpcinterface:')) continue;
    const reader = new SectionReader(cx, section);
    const factory = reader.value('supervisor.rpcinterface_factory', toPythonName, cx.env);
    if (reader.entry('supervisor.rpcinterface_factory') === undefined)
      cx.report.error(
        section.at,
        `[${section.name}] has no supervisor.rpcinterface_factory: remove the section, or write ${MAIN_INTERFACE}`,
      );
    else if (factory !== undefined && factory !== MAIN_INTERFACE)
      reader.warn(
        'supervisor.rpcinterface_factory',
        `${factory} is an extension in Python and is not loaded: its methods are missing`,
      );
    for (const key of [...cx.document.defaults.entries.keys(), ...section.entries.keys()])
      reader.text(key, cx.env);
  }
}
