// [program:x], [eventlistener:x] and [fcgi-program:x] → its processes.
import { resolve } from 'node:path';
import { formatPosition } from '../../config/problem.ts';
import type { Launch, ProcessSpec } from '../plan.ts';
import type { ProcessPolicy } from '../state.ts';
import { checkCommand } from './command-doubts.ts';
import { expand, type IniContext, Names, SectionReader } from './context.ts';
import { toAutorestart, toBoolean, toExitcodes, toInteger, toName, toOctal, toSignal } from './datatypes.ts';
import { placeOfPiece, type Section } from './document.ts';
import { parseEnvironment } from './environment.ts';
import type { GlobalSettings } from './global-section.ts';
import { inferPort } from './infer-port.ts';
import { isDirectory } from './paths.ts';
import { splitWords } from './shlex.ts';
import { readStreamSettings, readStreams, type StreamSettings } from './streams.ts';
import { readUser, type UserChoice } from './user.ts';

/** What all sections of programs share. */
export interface PoolSettings {
  readonly global: GlobalSettings;
  /** Where supervisorctl finds this instance; SUPERVISOR_SERVER_URL of programs without a serverurl. */
  readonly serverUrl: string | null;
  /** How many more processes there may be. */
  readonly budget: { left: number };
}

/** More than a machine runs; a number with a few zeros too many would fill the memory. */
export const MAX_PROCESSES = 10_000;

/** The processes in Supervisor's order: by name, as text. */
export function readProgram(
  cx: IniContext,
  section: Section,
  group: string,
  pool: PoolSettings,
): readonly ProcessSpec[] {
  const reader = new SectionReader(cx, section);
  const program = nameOf(reader);
  const names = new Names(cx.env, {
    here: cx.here,
    program_name: program,
    host_node_name: cx.hostNodeName,
    group_name: group,
  });
  const fixed = readFixed(reader, names, pool, program);
  const first = fixed.firstNumber;
  const specs: ProcessSpec[] = [];
  for (let index = 0; index < fixed.numprocs; index++) {
    names.set('process_num', first + index);
    names.set('numprocs', fixed.numprocs);
    specs.push(readProcess(reader, { names, group, program, index }, fixed, pool));
  }
  return specs.sort((a, b) => compareTexts(a.launch.name, b.launch.name));
}

export function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** What stands behind the colon of a header. */
export function nameOf(reader: SectionReader): string {
  const text = reader.section.name.slice(reader.section.name.indexOf(':') + 1);
  const name = toName(text);
  if ('value' in name) return name.value;
  reader.cx.report.error(reader.section.at, `[${reader.section.name}]: ${name.problem}`);
  return text;
}

/** What is the same for all processes of a section. */
interface Fixed {
  readonly processName: string;
  readonly numprocs: number;
  readonly firstNumber: number;
  readonly user: UserChoice;
  readonly umask: number | null;
  readonly serverUrl: string | null;
  readonly policy: ProcessPolicy;
  readonly streams: StreamSettings;
}

function readFixed(reader: SectionReader, names: Names, pool: PoolSettings, program: string): Fixed {
  const own = readUser(reader, names);
  const umask = reader.value('umask', toOctal, names);
  return {
    ...readNumbers(reader, names, { program, budget: pool.budget }),
    user: reader.entry('user') === undefined ? pool.global.user : own,
    umask: umask === undefined ? null : umask & 0o777,
    serverUrl: readServerUrl(reader, names, pool.serverUrl),
    policy: readPolicy(reader, names),
    streams: readStreamSettings(reader, names, pool.global.stripAnsi),
  };
}

function readNumbers(
  reader: SectionReader,
  names: Names,
  { program, budget }: { readonly program: string; readonly budget: { left: number } },
): Pick<Fixed, 'processName' | 'numprocs' | 'firstNumber'> {
  const written = reader.value('numprocs', toInteger, names) ?? 1;
  const wanted = reader.cx.scaled.get(program) ?? written;
  if (wanted > budget.left)
    reader.fail(
      'numprocs',
      `with ${wanted} there would be more than ${MAX_PROCESSES} processes in all: write a smaller number`,
    );
  const numprocs = Math.min(budget.left, Math.max(0, wanted));
  budget.left -= numprocs;
  const raw = reader.raw('process_name') ?? '%(program_name)s';
  const name = toName(raw);
  if ('problem' in name) reader.fail('process_name', name.problem);
  if (numprocs > 1 && !raw.includes('%(process_num)')) {
    const key = reader.entry('process_name') === undefined ? 'numprocs' : 'process_name';
    reader.fail(
      key,
      `its ${numprocs} processes would have one name: write process_name=%(program_name)s_%(process_num)02d`,
    );
  }
  if (wanted <= 0)
    reader.warn(
      'numprocs',
      `with ${wanted} there is no process of ${program}: write autostart=false to keep it stopped`,
    );
  const firstNumber = reader.value('numprocs_start', toInteger, names) ?? 0;
  return { processName: 'value' in name ? name.value : raw, numprocs, firstNumber };
}

function readServerUrl(reader: SectionReader, names: Names, otherwise: string | null): string | null {
  const url = reader.text('serverurl', names);
  if (url === undefined || url.trim().toUpperCase() === 'AUTO') return otherwise;
  if (url !== '' && url !== otherwise)
    reader.warn(
      'serverurl',
      'it is only what the program is told as SUPERVISOR_SERVER_URL: commands are taken where [unix_http_server] and [inet_http_server] say',
    );
  return url === '' ? null : url;
}

/** Stopping and killing the whole group is the default here; in Supervisor it is not. */
function readPolicy(reader: SectionReader, names: Names): ProcessPolicy {
  const kills = reader.value('killasgroup', toBoolean, names);
  const stopAsGroup = reader.value('stopasgroup', toBoolean, names);
  if (stopAsGroup === true && kills === false)
    reader.fail('killasgroup', 'stopasgroup=true needs killasgroup=true: remove one of the two lines');
  return {
    port: null,
    priority: reader.value('priority', toInteger, names) ?? 999,
    autostart: reader.value('autostart', toBoolean, names) ?? true,
    startMs: readSeconds(reader, 'startsecs', names, 1),
    stopSignal: readSignal(reader, names),
    stopWaitMs: readSeconds(reader, 'stopwaitsecs', names, 10),
    stopAsGroup: stopAsGroup ?? kills ?? true,
    killAsGroup: kills ?? true,
    autorestart: reader.value('autorestart', toAutorestart, names) ?? 'unexpected',
    exitcodes: reader.value('exitcodes', toExitcodes, names) ?? [0],
    giveUpAfter: Math.max(0, reader.value('startretries', toInteger, names) ?? 3),
    backOff: 'supervisor',
    ready: { by: 'running' },
    readyGates: false,
    readyTimeoutMs: null,
    readyLostMs: null,
    drainLimitMs: 10_000,
    dependsOn: [],
    watch: [],
    maxMemoryBytes: null,
    maxUnavailable: 1,
    slowStartMs: 0,
  };
}

function readSeconds(reader: SectionReader, key: string, names: Names, otherwise: number): number {
  return Math.max(0, reader.value(key, toInteger, names) ?? otherwise) * 1000;
}

function readSignal(reader: SectionReader, names: Names): NodeJS.Signals {
  const signal = reader.value('stopsignal', toSignal, names);
  if (signal === null)
    reader.warn(
      'stopsignal',
      'this signal cannot be sent, TERM is sent instead: write TERM, INT, QUIT, HUP or USR2',
    );
  return signal ?? 'SIGTERM';
}

interface Which {
  readonly names: Names;
  readonly group: string;
  readonly program: string;
  readonly index: number;
}

function readProcess(reader: SectionReader, which: Which, fixed: Fixed, pool: PoolSettings): ProcessSpec {
  const { names } = which;
  const environment = readEnvironment(reader, names);
  // As in Supervisor they stay for the processes after this one, which mostly set them anew.
  const own = new Names(names);
  for (const [name, value] of Object.entries(environment)) own.set(`ENV_${name}`, value);
  const { output, problem: logProblem } = readStreams(reader, own, fixed.streams);
  const directory = readDirectory(reader, own);
  const command = readCommand(reader, own);
  const name = reader.expanded('process_name', fixed.processName, own);
  const all = { ...pool.global.environment, ...environment };
  const port = inferPort(command.argv, all);
  const launch: Launch = {
    name,
    dialect: 'supervisor',
    port,
    argv: command.argv,
    command: command.text,
    directory: directory.path,
    environment: all,
    user: fixed.user.user,
    umask: fixed.umask,
    serverUrl: fixed.serverUrl,
    problem: fixed.user.problem ?? command.problem ?? directory.problem ?? logProblem,
  };
  return {
    group: which.group,
    program: which.program,
    index: which.index,
    at: formatPosition(reader.section.at),
    launch,
    policy: { ...fixed.policy, port, ready: port === null ? { by: 'running' } : { by: 'tcp' } },
    output,
    written: {
      directory: reader.text('directory', own) ?? null,
      serverUrl: reader.text('serverurl', own) ?? null,
    },
  };
}

function readEnvironment(reader: SectionReader, names: Names): Readonly<Record<string, string>> {
  const entry = reader.entry('environment');
  if (entry === undefined) return {};
  const parsed = parseEnvironment(reader.expanded('environment', entry.value, names));
  if ('problem' in parsed) {
    reader.fail('environment', parsed.problem);
    return {};
  }
  for (const { piece, message } of parsed.doubts)
    reader.cx.report.warn(placeOfPiece(entry, piece), `environment of [${reader.section.name}]: ${message}`);
  return parsed.values;
}

/** What is there is looked at again before each start; what cannot be a directory is told now. */
function readDirectory(
  reader: SectionReader,
  names: Names,
): { readonly path: string; readonly problem: string | null } {
  const { cwd } = reader.cx;
  const text = reader.text('directory', names);
  if (text === undefined) return { path: cwd, problem: null };
  const path = resolve(cwd, text);
  if (text === '') {
    const problem = 'its directory is empty: leave the line out, or write the path';
    reader.warn('directory', problem);
    return { path, problem };
  }
  if (isDirectory(text, cwd)) return { path, problem: null };
  const quoted = /^(['"])(.*)\1$/s.exec(text)?.[2];
  const why =
    quoted !== undefined
      ? `the quotes belong to the path here: write directory=${quoted}`
      : text.startsWith('~')
        ? 'Supervisor does not read ~ here: write the whole path, or %(ENV_HOME)s'
        : 'create it, or correct the path';
  const problem = `its directory ${text} does not exist: ${why}`;
  reader.warn('directory', `${problem}; until then it is not started`);
  return { path, problem: quoted === undefined && !text.startsWith('~') ? null : problem };
}

interface Command {
  readonly text: string;
  readonly argv: readonly string[];
  readonly problem: string | null;
}

/** What Supervisor finds out only when it starts the program keeps the program from starting here. */
function readCommand(reader: SectionReader, names: Names): Command {
  const entry = reader.entry('command');
  if (entry === undefined) {
    const { section, cx } = reader;
    cx.report.error(section.at, `[${section.name}] has no command: add command=, the line that starts it`);
    return { text: '', argv: [''], problem: null };
  }
  const done = expand(entry.value, names);
  if ('problem' in done && !done.dumps) reader.fail('command', done.problem);
  const text = 'text' in done ? done.text : entry.value;
  if ('problem' in done) return cannotStart(reader, text, done.problem);
  const words = splitWords(text);
  if ('problem' in words) {
    const cut = entry.parts.find((part) => part.cut !== null)?.cut?.text;
    const why = cut === undefined ? '' : ` (a comment was taken from the line: ${cut})`;
    return cannotStart(reader, text, `its command cannot be split into words: ${words.problem}${why}`);
  }
  if (words.length === 0)
    return cannotStart(reader, text, 'its command is empty: write the line that starts it');
  checkCommand(reader, entry, words);
  return { text, argv: words.map((word) => word.text), problem: null };
}

function cannotStart(reader: SectionReader, text: string, problem: string): Command {
  reader.warn('command', problem);
  return { text, argv: [text], problem };
}
