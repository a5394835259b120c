// What was found as a configuration: each part with a comment that says why it is there.
import { join } from 'node:path';
import { asJson } from '../../config/as-json.ts';
import { buildModel } from '../../config/build.ts';
import { withComments } from '../../config/comments.ts';
import { loadConfig } from '../../config/load.ts';
import { Problems } from '../../config/problem.ts';
import { shapeOf } from '../../config/registry.ts';
import type { Directive } from '../../config/tree.ts';
import { supervisordTree } from '../convert/supervisord-tree.ts';
import { directive } from '../start/start-tree.ts';
import type { AppFinding, ConfigFinding, FilesFinding, Finding } from './finding.ts';

export interface InitChoice {
  readonly directory: string;
  /** Where clients come. */
  readonly port: number;
  /** The first port of each app that takes what it is told, by its name. */
  readonly portOf: (name: string) => number;
}

export interface InitTree {
  readonly directives: readonly Directive[];
  readonly problems: Problems;
  /** Of files that were read, by their names in positions. */
  readonly sources: ReadonlyMap<string, string>;
}

export function initTree(findings: readonly Finding[], choice: InitChoice): InitTree {
  const problems = new Problems();
  const sources = new Map<string, string>();
  const programs: Directive[] = [];
  const supervisor = configOf(findings, 'supervisord');
  if (supervisor !== undefined) programs.push(...ofSupervisor(supervisor, choice, problems, sources));
  const apps = findings.filter((each) => each.kind === 'app');
  const nginx = configOf(findings, 'nginx');
  if (nginx !== undefined) {
    // What serves is said there; what runs is not, unless Supervisor says it.
    const site = ofNginx(nginx, choice, problems, sources);
    return { directives: [...programs, ...site], problems, sources };
  }
  const own = programs.length > 0 ? [] : apps;
  const files = findings.find((each) => each.kind === 'files');
  const directives = [
    ...programs,
    ...own.map((app) => program(app, choice)),
    ...upstreams(programs, own),
    server({ programs, apps: own, files: files ?? null }, choice),
  ];
  return { directives, problems, sources };
}

function configOf(findings: readonly Finding[], kind: ConfigFinding['kind']): ConfigFinding | undefined {
  for (const each of findings) if ('file' in each && each.kind === kind) return each;
  return undefined;
}

const noted = (it: Directive, ...comments: readonly string[]): Directive => ({
  ...it,
  comments: [...comments.map((text) => ` ${text}`), ...(it.comments ?? [])],
});

function program(app: AppFinding, { portOf }: InitChoice): Directive {
  const port = app.fixedPort ?? portOf(app.name);
  const numprocs = directive('numprocs', ['1']);
  const block = [
    noted(directive('command', [app.command]), app.why),
    ...(app.fixedPort === null && !app.isFrontEnd
      ? [noted(numprocs, 'more of them share the requests')]
      : []),
    directive('first_port', [String(port)]),
    ...app.environment.map(([name, value]) => directive('environment', [name, value])),
  ];
  return noted(
    directive('program', [app.name], block),
    `${app.what}: started, watched, started again when it ends`,
  );
}

function upstreams(programs: readonly Directive[], apps: readonly AppFinding[]): Directive[] {
  const names = [...apps.map(({ name }) => name), ...webPrograms(programs)];
  return names.map((name) => directive('upstream', [name], [directive('program', [name])]));
}

/** Programs whose ports are known: they serve something. */
function webPrograms(programs: readonly Directive[]): string[] {
  return programs
    .filter(({ name, block = [] }) => name === 'program' && block.some((each) => each.name === 'first_port'))
    .map(({ args }) => args[0].text);
}

interface Parts {
  readonly programs: readonly Directive[];
  readonly apps: readonly AppFinding[];
  readonly files: FilesFinding | null;
}

function server(parts: Parts, { port }: InitChoice): Directive {
  const listen = noted(
    directive('listen', [String(port)]),
    `http://localhost:${port}; 127.0.0.1:${port} would be for this machine alone`,
  );
  return directive('server', [], [listen, ...content(parts)]);
}

function content({ programs, apps, files }: Parts): Directive[] {
  const pages = apps.find((app) => app.isFrontEnd);
  const data = apps.find((app) => !app.isFrontEnd);
  if (pages !== undefined && data !== undefined)
    return [
      noted(pass('/api/', data), `a guess: what ${data.what} answers; name its other paths here, too`),
      noted(pass('/', pages), `all else is ${pages.what}'s`),
    ];
  const [app] = apps;
  const [web] = webPrograms(programs);
  const passed =
    app === undefined ? (web === undefined ? undefined : passTo('/', web, null)) : pass('/', app);
  // Files beside an app are its own business: whether it serves them, nobody can see from here.
  if (passed !== undefined) return [passed];
  return files === null ? [] : pagesOf(files);
}

const pass = (path: string, { name, readTimeout }: AppFinding): Directive => passTo(path, name, readTimeout);

function passTo(path: string, name: string, readTimeout: string | null): Directive {
  const wait = readTimeout === null ? [] : [directive('proxy_read_timeout', [readTimeout])];
  return directive('location', [path], [directive('proxy_pass', [`http://${name}`]), ...wait]);
}

function pagesOf({ root, spa, why }: FilesFinding): Directive[] {
  const inside = spa
    ? [directive('try_files', ['$uri', '/index.html'])]
    : [directive('index', ['index.html'])];
  const hidden = directive('location', ['~', '/\\.(?!well-known/)'], [directive('return', ['404'])]);
  return [
    noted(directive('root', [root]), why),
    directive('location', ['/'], inside),
    noted(hidden, 'names that begin with a dot are nobody’s business: .git, .env'),
  ];
}

function ofSupervisor(
  { file, what }: ConfigFinding,
  { directory }: InitChoice,
  problems: Problems,
  sources: Map<string, string>,
): readonly Directive[] {
  const { tree, problems: own } = supervisordTree(join(directory, file));
  for (const problem of own.list) problems.add(problem);
  for (const [name, text] of tree?.sources ?? []) sources.set(name, text);
  const [first, ...rest] = tree?.directives ?? [];
  return first === undefined ? [] : [noted(first, `from ${what}`), ...rest];
}

function ofNginx(
  { file, what }: ConfigFinding,
  { directory }: InitChoice,
  problems: Problems,
  sources: Map<string, string>,
): readonly Directive[] {
  const path = join(directory, file);
  const { tree, problems: own, prefix } = loadConfig(path, { shapeOf });
  if (tree !== undefined) buildModel(tree, prefix, own);
  for (const problem of own.list) if (problem.severity === 'error') problems.add(problem);
  if (tree === undefined) return [];
  for (const [name, text] of tree.sources) sources.set(name, text);
  const { directives } = withComments(tree, path);
  const [first, ...rest] = asJson(directives, (at, message) => problems.warn(at, message));
  return first === undefined ? [] : [noted(first, `from ${what}`), ...rest];
}
