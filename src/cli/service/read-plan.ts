// The command line of `lbproxy service` and the configuration it names → what the service is to run.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { listensOf } from '../../cluster/needs.ts';
import type { Model } from '../../config/model.ts';
import { formatProblems } from '../../config/problem.ts';
import { configFile, NO_CONFIG, readConfig } from '../read-config.ts';
import type { ServicePlan } from './service-plan.ts';

export interface ServiceOptions {
  readonly action: 'install' | 'uninstall' | 'print';
  readonly name: string;
  readonly user: string | null;
  readonly ofUser: boolean;
  readonly sysv: boolean;
  readonly config: string | null;
  readonly programs: string | null;
}

export const USAGE =
  'usage: lbproxy service install|uninstall|print [--name NAME] [--user USER] [--system|--user-unit] [--sysv] [-c FILE] [--programs FILE]';

/** The options, or a sentence that says what is wrong with them. */
export function readOptions(args: readonly string[]): ServiceOptions | string {
  const parsed = parse(args);
  if (typeof parsed === 'string') return `${parsed}\n${USAGE}`;
  const { values, positionals } = parsed;
  const [action, ...more] = positionals;
  if (more.length > 0 || (action !== 'install' && action !== 'uninstall' && action !== 'print')) return USAGE;
  const { name = 'lbproxy', user = null, sysv = false } = values;
  if (!/^[A-Za-z0-9][\w.-]{0,63}$/.test(name))
    return `--name ${name}: letters, digits, "-", "_" and ".", the first a letter or digit, 64 at most`;
  if (user !== null && !/^[A-Za-z_][\w.-]{0,31}\$?$/.test(user)) return `--user ${user} is no name of a user`;
  const ofUser = values['user-unit'] ?? false;
  if (ofUser && values.system === true) return '--system and --user-unit are two places: name one';
  if (ofUser && sysv) return '--sysv is for the whole system: leave --user-unit out';
  if (ofUser && user !== null) return '--user-unit runs as you: leave --user out';
  const { config = null, programs = null } = values;
  return { action, name, user, ofUser, sysv, config, programs };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        name: { type: 'string' },
        user: { type: 'string' },
        system: { type: 'boolean' },
        'user-unit': { type: 'boolean' },
        sysv: { type: 'boolean' },
        config: { type: 'string', short: 'c' },
        programs: { type: 'string' },
      },
    });
  } catch (error) {
    return (error as Error).message;
  }
}

/** The plan, or what is wrong. `command` is lbproxy's own: node, its options and the script. */
export function readPlan(options: ServiceOptions, command: readonly string[]): ServicePlan | string {
  const { name, user } = options;
  const named = options.config ?? (options.programs === null ? configFile({}) : undefined);
  if (named === undefined && options.programs === null) return NO_CONFIG;
  // As it is named: a link that is led elsewhere (`current`) is followed at each start.
  const config = named === undefined ? null : resolve(named);
  const programs = options.programs === null ? null : resolve(options.programs);
  for (const file of [config, programs])
    if (file !== null && !existsSync(file)) return `${file} does not exist: name a file that does`;
  const model = config === null ? null : modelOf(config);
  if (typeof model === 'string') return model;
  return {
    name,
    user,
    command,
    config,
    programs,
    directory: dirname(config ?? programs ?? '/'),
    stopSeconds: Math.ceil((stopMsOf(model) + iniStopMs(programs)) / 1000) + MARGIN_SECONDS,
    hasLowPort: model !== null && [...listensOf(model).values()].some(({ port }) => port > 0 && port < 1024),
    hasStatePath: model !== null && model.settings.statePath !== '',
  };
}

const MARGIN_SECONDS = 10;
/** worker_shutdown_timeout 0 is no limit: a service manager needs one. */
const NO_LIMIT_MS = 3_600_000;

function modelOf(file: string): Model | string {
  const { model, problems, tree } = readConfig(file, {});
  if (model !== undefined && !problems.hasErrors) return model;
  return `${file} has errors: correct them first\n${formatProblems(problems.list, tree?.sources ?? new Map())}`;
}

/** Requests end first; then programs by priority, those of one side by side. */
function stopMsOf(model: Model | null): number {
  if (model === null) return 0;
  const { workerShutdownTimeoutMs } = model.settings;
  const waits = model.programs.map(({ settings }) => settings.programStopWaitMs);
  return (workerShutdownTimeoutMs || NO_LIMIT_MS) + sumOf(waits);
}

const INI_STOP_SECONDS = 10;

/** Of a supervisord.conf, or a folder of its pieces, which names further ones: what the file itself says of stopwaitsecs. */
function iniStopMs(file: string | null): number {
  if (file === null) return 0;
  const text = statSync(file).isFile() ? readFileSync(file, 'latin1') : '';
  const waits = [...text.matchAll(/^stopwaitsecs\s*[=:]\s*(\d{1,6})/gim)].map(([, seconds]) =>
    Number(seconds),
  );
  return sumOf([INI_STOP_SECONDS, ...waits]) * 1000;
}

/** Each of a different length once: those of one length are mostly of one kind and priority. */
const sumOf = (waits: readonly number[]): number => [...new Set(waits)].reduce((sum, wait) => sum + wait, 0);
