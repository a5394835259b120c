// A configuration file to its Model, with every check that needs no socket; what start, reload, -t and -s share.
import { createHash } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { listensOf } from '../cluster/needs.ts';
import { buildModel } from '../config/build.ts';
import { loadConfig } from '../config/load.ts';
import type { Model } from '../config/model.ts';
import { parse } from '../config/nginx/parse.ts';
import { positionOf } from '../config/places.ts';
import { formatProblems, type Problems, type Severity } from '../config/problem.ts';
import { shapeOf } from '../config/registry.ts';
import type { Tree } from '../config/tree.ts';
import { validatePrograms } from '../supervise/validate.ts';
import { warnOfStrangers } from './check-surroundings.ts';
import type { CliOptions } from './run-cli.ts';

export interface ReadConfig {
  readonly file: string;
  /** Undefined when there are errors. */
  readonly model: Model | undefined;
  readonly tree: Tree | undefined;
  readonly problems: Problems;
}

/** Looked for, in this order, when no file is named. */
const CANDIDATES = [
  'upstreams.json',
  'lbproxy.json',
  'nginx.conf',
  'config/upstreams.json',
  'conf/nginx.conf',
];

/** The configuration file: the one that was named, or the first candidate of this directory. */
export function configFile(options: CliOptions): string | undefined {
  if (options.config !== undefined) {
    return options.prefix !== undefined && !existsSync(options.config)
      ? join(options.prefix, options.config)
      : options.config;
  }
  const base = options.prefix ?? '.';
  return CANDIDATES.map((name) => (base === '.' ? name : join(base, name))).find((path) => existsSync(path));
}

/** `mayBeInput` as loadConfig takes it. */
export function readConfig(file: string, options: CliOptions, mayBeInput = true): ReadConfig {
  const loaded = loadConfig(file, { shapeOf, prefix: options.prefix, mayBeInput });
  const { problems, prefix } = loaded;
  if (loaded.tree === undefined) return { file, model: undefined, tree: undefined, problems };
  const tree = withGlobals(loaded.tree, options, problems);
  const built = buildModel(tree, prefix, problems);
  const model = options.errorLog === undefined ? built : withErrorLog(built, options.errorLog);
  const followed = new Map(model.upstreams.map((u) => [u.settings.upstreamProgram, u.at]));
  followed.delete('');
  const report = (at: string, message: string, severity: Severity = 'error'): void => {
    problems.add({ severity, at: positionOf(at), message });
  };
  validatePrograms(model.programs, report, { prefix, followed });
  checkPorts(model, problems);
  // -t asks whether they are host names.
  if (options.test !== true && options.dump !== true) warnOfStrangers(model, problems);
  if (!problems.hasErrors) checkServes(model, tree, file, problems);
  return { file, model: problems.hasErrors ? undefined : model, tree, problems };
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
function checkPorts(model: Model, problems: Problems): void {
  const listens = new Map([...listensOf(model).values()].map((listen) => [listen.port, listen]));
  for (const { name, at, settings } of model.programs) {
    const first = settings.programFirstPort;
    if (first === null) continue;
    for (let port = first; port < first + settings.programNumprocs; port++) {
      if (!listens.has(port)) continue;
      problems.error(
        positionOf(at),
        `program "${name}": port ${port} is one that lbproxy listens on; choose another first_port`,
      );
    }
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

function withErrorLog(model: Model, path: string): Model {
  const { errorLog } = model.settings;
  const target = path === 'stderr' ? path : resolve(model.prefix, path);
  return { ...model, settings: { ...model.settings, errorLog: { ...errorLog, path: target } } };
}

/** Prints what was found, each with its place. */
export function printProblems(read: ReadConfig): void {
  const { problems, tree } = read;
  if (problems.list.length === 0) return;
  process.stderr.write(`${formatProblems(problems.list, tree?.sources ?? new Map())}\n`);
}

/** Where things are kept that are made once: `state_path`, else the user's state directory. */
export function stateDirOf(model: Model): string {
  if (model.settings.statePath !== '') return model.settings.statePath;
  return join(process.env.XDG_STATE_HOME ?? join(homedir(), '.local', 'state'), 'lbproxy');
}

/**
 * `pid`, else names made from the configuration's path as it was named and as it is without symbolic links: another link to the
 * file is found by the one, a link that leads elsewhere since (`current/upstreams.json` after a deployment) by the other.
 */
export function pidFilesOf(model: Model, file: string): readonly string[] {
  if (model.settings.pidFile !== '') return [model.settings.pidFile];
  const paths = new Set([resolve(file), realpathSync(file)]);
  return [...paths].map((path) => {
    const name = createHash('sha256').update(path).digest('hex').slice(0, 12);
    return join(stateDirOf(model), `${name}.pid`);
  });
}

/** A sentence for a start without a configuration. */
export const NO_CONFIG = `no configuration: name one with --config FILE, or put one of ${CANDIDATES.join(', ')} here`;
