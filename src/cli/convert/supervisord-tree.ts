// supervisord.conf as the program blocks that mean the same. Supervisor's defaults that lbproxy's own programs do not have are written out;
// what they cannot have is told with its place.
import { dirname, resolve } from 'node:path';
import { positionOf } from '../../config/places.ts';
import { Problems } from '../../config/problem.ts';
import type { Directive, Position, Tree } from '../../config/tree.ts';
import { Names } from '../../supervise/ini/context.ts';
import type { Entry, IniDocument, Section } from '../../supervise/ini/document.ts';
import { parseEnvironment } from '../../supervise/ini/environment.ts';
import { readFiles } from '../../supervise/ini/files.ts';
import { readSupervisord } from '../../supervise/ini/read.ts';
import type { PoolPlan, ProcessSpec } from '../../supervise/plan.ts';

export interface SupervisordTree {
  /** Undefined where Supervisor would refuse the file. */
  readonly tree: Tree | undefined;
  readonly problems: Problems;
}

/** `file` is a main file, a fragment of one, or a folder of fragments. */
export function supervisordTree(file: string): SupervisordTree {
  const problems = new Problems();
  const cwd = dirname(resolve(file));
  const { pool, sources } = readSupervisord(file, { env: process.env, cwd: process.cwd() }, problems);
  if (pool === undefined) return { tree: undefined, problems };
  const nobody = { error: () => {}, warn: () => {}, tally: () => {} };
  const { document } = readFiles(file, {
    report: nobody,
    cwd: process.cwd(),
    env: new Names(),
    hostNodeName: '',
  });
  const files = [...sources.keys()];
  const directives = inPlace(new Converter(document, pool, problems).directives(), files);
  return { tree: { syntax: 'nginx', file: resolve(cwd, file), directives, sources }, problems };
}

/** In the order of the file, as its comments are; what a section's line stands for, as nothing says it, comes last. */
function inPlace(
  directives: readonly Directive[],
  files: readonly string[],
  section = 0,
): readonly Directive[] {
  const line = ({ at }: Directive): number => (at.line === section ? Number.POSITIVE_INFINITY : at.line);
  const isBefore = (a: Directive, b: Directive): number =>
    line(a) < line(b) ? -1 : line(a) > line(b) ? 1 : 0;
  return [...directives]
    .sort((a, b) => files.indexOf(a.at.file) - files.indexOf(b.at.file) || isBefore(a, b))
    .map((each) =>
      each.block === undefined ? each : { ...each, block: inPlace(each.block, files, each.at.line) },
    );
}

/** What is called alike on both sides, and means the same. */
const SAME = ['numprocs', 'numprocs_start', 'process_name', 'directory', 'priority', 'user', 'umask'].concat([
  'autostart',
  'startsecs',
  'startretries',
  'exitcodes',
  'stopsignal',
  'stopwaitsecs',
  'stopasgroup',
  'killasgroup',
  'redirect_stderr',
]);

const FLAGS: ReadonlySet<string> = new Set(['autostart', 'stopasgroup', 'killasgroup', 'redirect_stderr']);

/** Read into directives of another form below. */
const OTHERWISE: readonly string[] = ['command', 'autorestart', 'environment'].concat(
  ...['stdout', 'stderr'].map((name) => ['', '_maxbytes', '_backups'].map((end) => `${name}_logfile${end}`)),
);

class Converter {
  readonly #document: IniDocument;
  readonly #pool: PoolPlan;
  readonly #problems: Problems;

  constructor(document: IniDocument, pool: PoolPlan, problems: Problems) {
    this.#document = document;
    this.#pool = pool;
    this.#problems = problems;
  }

  directives(): readonly Directive[] {
    const all: Directive[] = [];
    for (const section of this.#document.sections.values()) {
      const [kind, name] = section.name.split(/:(.*)/s);
      if (kind === 'program') all.push(this.#program(section, name));
      else if (kind === 'unix_http_server' || kind === 'inet_http_server') continue;
      else if (kind === 'group') this.#tellOf(section, ['priority'], 'its programs keep their own priority');
      else if (kind === 'supervisord') all.push(...this.#global(section));
      else if (kind !== 'supervisorctl' && kind !== 'include' && kind !== 'rpcinterface')
        this.#problems.warn(
          section.at,
          `[${section.name}] has no form of its own: run it with --programs FILE`,
        );
    }
    return [
      ...all.filter(({ name }) => name !== 'program'),
      ...this.#controls(),
      ...all.filter(({ name }) => name === 'program'),
    ];
  }

  #tellOf(section: Section, keys: readonly string[], what: string): void {
    for (const key of keys) {
      const entry = section.entries.get(key);
      if (entry !== undefined) this.#problems.warn(entry.at, `${key} of [${section.name}]: ${what}`);
    }
  }

  #global(section: Section): Directive[] {
    const { logFile, pidFile } = this.#pool;
    const log = section.entries.get('logfile');
    const pid = section.entries.get('pidfile');
    this.#tellOf(
      section,
      ['childlogdir', 'identifier', 'nocleanup', 'strip_ansi'],
      'has no form of its own: left out',
    );
    return [
      ...(pid === undefined || pidFile === null ? [] : [directive('pid', [pidFile], pid.at)]),
      ...(log === undefined || logFile === null ? [] : [directive('error_log', [logFile, 'info'], log.at)]),
    ];
  }

  #controls(): Directive[] {
    return this.#pool.controlServers.map(({ address, login, at }) => {
      const where =
        address.kind === 'unix' ? `unix:${address.path}` : `${address.host || '0.0.0.0'}:${address.port}`;
      const more = login === null ? [] : [`user=${login.user}`, `password=${login.password}`];
      const mode = address.kind === 'unix' ? [`mode=${address.mode.toString(8).padStart(4, '0')}`] : [];
      return directive('control', [where, ...more, ...mode], positionOf(at));
    });
  }

  #program(section: Section, name: string): Directive {
    const specs = this.#pool.groups
      .flatMap(({ processes }) => processes)
      .filter(({ program }) => program === name)
      .sort((a, b) => a.index - b.index);
    const known = new Set([...SAME, ...OTHERWISE]);
    for (const [key, entry] of section.entries)
      if (!known.has(key))
        this.#problems.warn(entry.at, `${key} of [${section.name}] has no form of its own: left out`);
    const entries = new Map([...this.#document.defaults.entries, ...section.entries]);
    const block = [
      ...this.#command(section, entries.get('command'), specs),
      ...SAME.flatMap((key) => same(key, entries.get(key))),
      ...this.#environment(section, specs),
      ...this.#usual(section.at, entries),
      ...this.#logs(section, entries, specs),
    ];
    const [first] = specs;
    if (first !== undefined && first.group !== name)
      block.push(directive('group', [first.group], section.at));
    return { ...directive('program', [name], section.at), block };
  }

  #command(section: Section, entry: Entry | undefined, specs: readonly ProcessSpec[]): Directive[] {
    if (entry === undefined) return [];
    const { at } = section;
    for (const [form] of entry.value.matchAll(/\{(?:port|index)\}/g))
      this.#problems.warn(entry.at, `${form} in the command would be replaced: see whether that is meant`);
    const port = firstPortOf(specs);
    return [
      directive('command', [entry.value.replace(/\s*\n\s*/g, ' ')], entry.at),
      ...(port === undefined ? [] : [directive('first_port', [String(port)], at)]),
    ];
  }

  /** With what [supervisord] gives to all. */
  #environment(section: Section, specs: readonly ProcessSpec[]): Directive[] {
    const own = section.entries.get('environment');
    const parsed = own === undefined ? { values: {} } : parseEnvironment(own.value);
    const values = 'values' in parsed ? parsed.values : {};
    const shared = specs[0]?.launch.environment ?? {};
    const all: Readonly<Record<string, string>> = { ...shared, ...values };
    return Object.entries(all).map(([key, value]) =>
      directive('environment', [key, value], own?.at ?? section.at),
    );
  }

  /** What Supervisor does where nothing is said, and lbproxy does not. */
  #usual(at: Position, entries: ReadonlyMap<string, Entry>): Directive[] {
    const restart = entries.get('autorestart');
    const word = restart?.value.toLowerCase() ?? 'unexpected';
    const value = TRUE.has(word) ? 'true' : word === 'unexpected' ? word : 'false';
    return [directive('autorestart', [value], restart?.at ?? at), directive('give_up', ['on'], at)];
  }

  #logs(section: Section, entries: ReadonlyMap<string, Entry>, specs: readonly ProcessSpec[]): Directive[] {
    const output = specs[0]?.output;
    return (['stdout', 'stderr'] as const).flatMap((stream) => {
      const key = `${stream}_logfile`;
      const entry = entries.get(key);
      const { target, syslog } = output?.[stream] ?? { target: { kind: 'auto' }, syslog: false };
      if (stream === 'stderr' && output?.redirectStderr) return [];
      const isFile = target.kind === 'file' && entry !== undefined;
      const place = isFile ? entry.value.replaceAll('%%%%', '%%') : syslog ? 'syslog' : target.kind;
      const sizes = (['maxbytes', 'backups'] as const).flatMap((end) => {
        const limit = entries.get(`${key}_${end}`);
        return limit === undefined ? [] : [directive(`${key}_${end}`, [sizeOf(limit.value)], limit.at)];
      });
      return [directive(key, [place], entry?.at ?? section.at), ...sizes];
    });
  }
}

const TRUE: ReadonlySet<string> = new Set(['yes', 'true', 'on', '1']);

function directive(name: string, args: readonly string[], at: Position): Directive {
  return { name, args: args.map((text) => ({ text, at })), at };
}

function same(key: string, entry: Entry | undefined): Directive[] {
  if (entry === undefined) return [];
  const { value, at } = entry;
  if (FLAGS.has(key)) return [directive(key, [TRUE.has(value.toLowerCase()) ? 'on' : 'off'], at)];
  return key === 'exitcodes' ? [directive(key, value.split(','), at)] : [directive(key, [value], at)];
}

/** `50MB` as `50m`. */
function sizeOf(text: string): string {
  return text.replace(/([kmg])b$/i, (_, unit: string) => unit.toLowerCase());
}

/** Where the ports that stand in the commands count up from it. */
function firstPortOf(specs: readonly ProcessSpec[]): number | undefined {
  const first = specs[0]?.launch.port ?? null;
  if (first === null) return undefined;
  return specs.every(({ launch }, i) => launch.port === first + i) ? first : undefined;
}
