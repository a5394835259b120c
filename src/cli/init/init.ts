// lbproxy init: looks at the project here and writes an upstreams.json for it, saying why each part is there.
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { printJson } from '../../config/print-json.ts';
import { formatProblems } from '../../config/problem.ts';
import { shapeOf } from '../../config/registry.ts';
import { freePorts } from '../start/free-port.ts';
import { USUAL_PORT } from '../start/wish.ts';
import type { Finding } from './finding.ts';
import { initTree } from './init-tree.ts';
import { look } from './look.ts';

export interface InitIo {
  print(text: string): void;
  fail(text: string): void;
  readonly cwd: string;
}

export const INIT_USAGE = `lbproxy init [DIRECTORY] [--force] [--print]

Looks at the project (package.json, manage.py, Flask, FastAPI, Tornado, nginx.conf, supervisord.conf, index.html) and writes
upstreams.json. A file that is there stays, unless --force is given; --print writes nothing.`;

const NAME = 'upstreams.json';
const FIRST_APP_PORT = 8001;
/** Ports of one app stay apart from those of the next, so that numprocs can grow. */
const PORTS_OF_APP = 100;

/** The exit status: 2 for a wrong command line. */
export async function init(args: readonly string[], io: InitIo): Promise<number> {
  const wish = readWish(args);
  if (wish === 'help') {
    io.print(INIT_USAGE);
    return 0;
  }
  if (typeof wish === 'string') {
    io.fail(`lbproxy: ${wish}`);
    return 2;
  }
  const directory = resolve(io.cwd, wish.directory);
  if (!(statSync(directory, { throwIfNoEntry: false })?.isDirectory() ?? false))
    return refuse(`there is no directory ${directory}`, io);
  const file = join(directory, NAME);
  if (!wish.print && !wish.force && existsSync(file))
    return refuse(`${file} exists: --force replaces it, --print shows what would be written`, io);
  const findings = look(directory);
  if (findings.length === 0) return refuse(nothingIn(directory), io);
  return write(findings, { directory, file, print: wish.print }, io);
}

function readWish(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        force: { type: 'boolean' },
        print: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    const [directory = '.', more] = positionals;
    if (values.help) return 'help';
    if (more !== undefined) return `too many directories: ${directory} and ${more}; name one`;
    return { directory, force: values.force === true, print: values.print === true };
  } catch (error) {
    return (error as Error).message;
  }
}

function refuse(text: string, io: InitIo): 1 {
  io.fail(`lbproxy: ${text}`);
  return 1;
}

const nothingIn = (directory: string): string =>
  `nothing in ${directory} that could be served: no package.json with a start script, manage.py, Flask, FastAPI or Tornado app, nginx.conf, supervisord.conf or index.html; for an app that runs already: lbproxy 3000`;

interface Place {
  readonly directory: string;
  readonly file: string;
  readonly print: boolean;
}

async function write(findings: readonly Finding[], place: Place, io: InitIo): Promise<number> {
  const { directory, file, print } = place;
  const choice = { directory, ...(await choosePorts(findings)) };
  const { directives, problems, sources } = initTree(findings, choice);
  if (problems.list.length > 0) io.fail(formatProblems(problems.list, sources));
  if (problems.hasErrors) return refuse('nothing was written: mend these, or move the file away', io);
  const report = (_: unknown, message: string): void => io.fail(`lbproxy: ${message}`);
  const text = printJson(directives, { shapeOf, report });
  if (print) {
    io.print(text.trimEnd());
    return 0;
  }
  try {
    writeFileSync(file, text);
  } catch (error) {
    return refuse(`cannot write ${file}: ${(error as Error).message}`, io);
  }
  tell(findings, place, io);
  return 0;
}

async function choosePorts(findings: readonly Finding[]) {
  const taken = new Set<number>();
  const ports = new Map<string, number>();
  for (const app of findings) if (app.kind === 'app' && app.fixedPort !== null) taken.add(app.fixedPort);
  let next = FIRST_APP_PORT;
  for (const app of findings) {
    if (app.kind !== 'app' || app.fixedPort !== null) continue;
    const port = (await freePorts('127.0.0.1', next, 1, taken)) ?? next;
    ports.set(app.name, port);
    taken.add(port);
    next = port + PORTS_OF_APP;
  }
  const port = (await freePorts('', USUAL_PORT, 1, taken)) ?? USUAL_PORT;
  return { port, portOf: (name: string) => ports.get(name) ?? FIRST_APP_PORT };
}

function tell(findings: readonly Finding[], { directory, file }: Place, io: InitIo): void {
  const serves = findings.find(({ kind }) => kind !== 'files');
  for (const { kind, what } of findings)
    io.print(`found ${what}${kind === 'files' && serves !== undefined ? `, left to ${serves.what}` : ''}`);
  const config = findings.filter(({ kind }) => kind === 'nginx' || kind === 'supervisord');
  for (const { file: other } of config as readonly { readonly file: string }[])
    if (dirname(other) !== '.')
      io.fail(
        `lbproxy: paths in ${other} started from ${dirname(other)}, in ${NAME} they start from its own directory: see whether they are right`,
      );
  const apps = config.length > 0 ? [] : findings.filter((each) => each.kind === 'app');
  const runs = findings.some(({ kind }) => kind === 'supervisord');
  if (config.length > 0 && !runs)
    for (const { kind, what } of findings)
      if (kind === 'app')
        io.print(
          `note: ${what} is not started by ${NAME}, as nginx.conf says where it listens; a program block would`,
        );
  for (const { advice } of apps) for (const text of advice) io.print(`note: ${text}`);
  const shown = relative(io.cwd, file) || file;
  const where = directory === resolve(io.cwd) ? '' : ` ${shown}`;
  io.print(`wrote ${shown}; now: lbproxy -t${where}, then: lbproxy dev${where}`);
}
