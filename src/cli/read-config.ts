// A configuration file to its Model, with every check that needs no socket; what start, reload, -t and -s share.
import { realpathSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { listensOf } from '../cluster/needs.ts';
import { buildModel } from '../config/build.ts';
import { type Loaded, loadConfig } from '../config/load.ts';
import type { Model } from '../config/model.ts';
import { parse } from '../config/nginx/parse.ts';
import { positionOf } from '../config/places.ts';
import { formatProblems, Problems } from '../config/problem.ts';
import { shapeOf } from '../config/registry.ts';
import { withSettings } from '../config/settings.ts';
import type { Tree } from '../config/tree.ts';
import type { ErrorLogSetting } from '../observe/rows.ts';
import type { PoolPlan } from '../supervise/plan.ts';
import { warnOfLogs } from './check-pool.ts';
import { warnOfStrangers } from './check-surroundings.ts';
import type { CliOptions } from './cli-options.ts';
import { isSupervisordFile } from './programs-file.ts';
import { readPool } from './read-pool.ts';
import { nameOf, usualStateDir } from './state-places.ts';

export { configFile, NO_CONFIG } from './config-file.ts';
export { controlSocketOf, runNameOf } from './state-places.ts';

export interface ReadConfig {
  readonly file: string;
  /** Undefined when there are errors. */
  readonly model: Model | undefined;
  /** What it runs; defined where the model is. */
  readonly pool: PoolPlan | undefined;
  readonly tree: Tree | undefined;
  readonly problems: Problems;
  /** Since the epoch, before the first file was opened. */
  readonly readAtMs: number;
}

export interface ReadWish {
  /** As loadConfig takes it. */
  readonly mayBeInput: boolean;
  /** Programs that have another number of processes than the configuration says. */
  readonly scaled: ReadonlyMap<string, number>;
}

const FIRST_READING: ReadWish = { mayBeInput: true, scaled: new Map() };

export function readConfig(file: string, options: CliOptions, wish: ReadWish = FIRST_READING): ReadConfig {
  const readAtMs = Date.now();
  const { loaded, programs } = loadBoth(file, options, wish);
  const { problems, prefix } = loaded;
  if (loaded.tree === undefined)
    return { file, model: undefined, pool: undefined, tree: undefined, problems, readAtMs };
  const ownTree = withGlobals(loaded.tree, options, problems);
  const built = buildModel(ownTree, prefix, problems, options.defaults);
  if (options.allowUnsupported === true) problems.allowUnsupported();
  const { pool, sources } = readPool(built, { programs, scaled: wish.scaled }, problems);
  const model = withErrorLog(built, options.errorLog ?? mainLogOf(pool, programs === file));
  const tree = { ...ownTree, sources: new Map([...ownTree.sources, ...sources]) };
  checkPorts(model, pool, problems);
  warnOfLogs(pool, problems);
  // -t asks whether they are host names.
  if (options.test !== true && options.dump !== true) warnOfStrangers(model, problems);
  if (!problems.hasErrors && programs === null && options.mayIdle !== true)
    checkServes(model, tree, file, problems);
  return problems.hasErrors
    ? { file, model: undefined, pool: undefined, tree, problems, readAtMs }
    : { file, model, pool, tree, problems, readAtMs };
}

/** The file's own tree, and the supervisord.conf beside it, which may be the file itself. */
function loadBoth(
  file: string,
  options: CliOptions,
  { mayBeInput }: ReadWish,
): { readonly loaded: Loaded; readonly programs: string | null } {
  const alone = file === options.programs || isSupervisordFile(file);
  if (!alone) {
    const loaded = loadConfig(file, { shapeOf, prefix: options.prefix, mayBeInput });
    return { loaded, programs: options.programs ?? null };
  }
  const path = resolve(file);
  const tree: Tree = { syntax: 'json', file: path, directives: [], sources: new Map() };
  const folder = isDirectory(path) ? path : dirname(path);
  return {
    loaded: { tree, problems: new Problems(), prefix: resolve(options.prefix ?? folder) },
    programs: file,
  };
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** An empty file, one of comments, one that was cut off: whoever wrote it did not mean that nothing shall be served. */
function checkServes(model: Model, tree: Tree, file: string, problems: Problems): void {
  if (model.servers.length > 0 || model.programs.length > 0) return;
  const http = tree.syntax === 'nginx' ? tree.directives.find(({ name }) => name === 'http') : undefined;
  const next = tree.syntax === 'json' ? '"servers": [{ "listen": 80 }]' : 'http { server { listen 80; } }';
  problems.error(
    http?.at ?? { file, line: 1, column: 1 },
    `nothing to do: no server, and no program; add ${next}, or see whether the file is whole`,
  );
}

/** A program on a port that lbproxy itself listens on could never start. */
function checkPorts(model: Model, pool: PoolPlan, problems: Problems): void {
  const listens = new Map([...listensOf(model).values()].map((listen) => [listen.port, listen]));
  const said = new Set<string>();
  for (const { program, at, launch } of pool.groups.flatMap(({ processes }) => processes)) {
    if (launch.port === null || !listens.has(launch.port)) continue;
    const own = launch.dialect === 'lbproxy';
    const advice = own ? 'choose another first_port' : 'correct one of them';
    const message = `program "${program}": port ${launch.port} is one that lbproxy listens on; ${advice}`;
    if (!said.has(message))
      problems.add({ severity: own ? 'error' : 'warning', at: positionOf(at), message });
    said.add(message);
  }
}

/** `-g`: directives in front of the file's own. */
function withGlobals(tree: Tree, options: CliOptions, problems: Problems): Tree {
  if (options.directives === undefined) return tree;
  const source = '(-g)';
  const directives = parse(options.directives, source, problems);
  return {
    ...tree,
    directives: [...directives, ...tree.directives],
    sources: new Map([...tree.sources, [source, options.directives]]),
  };
}

/** Programs alone log where their [supervisord] says, all that Supervisor logs. */
function mainLogOf({ logFile }: PoolPlan, alone: boolean): ErrorLogSetting | undefined {
  return alone && logFile !== null ? { path: logFile, level: 'info' } : undefined;
}

function withErrorLog(model: Model, wanted: string | ErrorLogSetting | undefined): Model {
  if (wanted === undefined) return model;
  const [first] = model.settings.processLog;
  const setting = typeof wanted === 'string' ? { ...first, path: wanted } : wanted;
  const path = setting.path === 'stderr' ? setting.path : resolve(model.prefix, setting.path);
  return {
    ...model,
    settings: withSettings(model.settings, {
      errorLog: [{ ...setting, path }],
      processLog: [{ ...setting, path }],
    }),
  };
}

/** Prints what was found, each with its place. */
export function printProblems(read: ReadConfig): void {
  const { problems, tree } = read;
  if (problems.list.length === 0) return;
  process.stderr.write(`${formatProblems(problems.list, tree?.sources ?? new Map())}\n`);
}

/** Where things are kept that are made once: `state_path`, else the user's state directory. */
export function stateDirOf(model: Model): string {
  return model.settings.statePath !== '' ? model.settings.statePath : usualStateDir();
}

/**
 * `pid`, else names made from the configuration's path as it was named and as it is without symbolic links: another link to the
 * file is found by the one, a link that leads elsewhere since (`current/upstreams.json` after a deployment) by the other. And the pidfile
 * of a supervisord.conf.
 */
export function pidFilesOf(model: Model, file: string, pool?: PoolPlan): readonly string[] {
  const others = pool === undefined || pool.pidFile === null ? [] : [pool.pidFile];
  if (model.settings.pidFile !== '') return [model.settings.pidFile, ...others];
  const paths = new Set([resolve(file), realpathSync(file)]);
  const own = [...paths].map((path) => join(stateDirOf(model), `${nameOf(path)}.pid`));
  return [...own, ...others];
}
