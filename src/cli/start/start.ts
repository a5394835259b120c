// Starts what a one-line command asks for: makes its configuration, which then goes the way of any other. It lies in the state directory
// as long as it is served.
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { printJson } from '../../config/print-json.ts';
import { shapeOf } from '../../config/registry.ts';
import { accepts } from '../../supervise/port-probe.ts';
import type { CliOptions } from '../cli-options.ts';
import { convertTree } from '../convert/convert-tree.ts';
import { nameOf, usualStateDir } from '../state-places.ts';
import { DEVELOPMENT } from './development.ts';
import { freePorts, hasIpv6, whyPortUnusable } from './free-port.ts';
import { type Choice, startTree } from './start-tree.ts';
import { type Front, readStart, START_USAGE, type StartWish, USUAL_PORT } from './wish.ts';

/** Where ports of processes are looked for. */
const FIRST_PROCESS_PORT = 8101;

export interface StartIo {
  print(text: string): void;
  fail(text: string): void;
  readonly cwd: string;
  /** Where nobody names one; 8080 but in tests. */
  readonly usualPort?: number;
  /** The main job, with a configuration in a file. */
  serve(options: CliOptions): Promise<number>;
}

/** The exit status: 2 for a wrong command line. */
export async function start(args: readonly string[], dev: boolean, io: StartIo): Promise<number> {
  const wish = readStart(args, dev);
  if (wish === 'help') {
    io.print(START_USAGE);
    return 0;
  }
  if (typeof wish === 'string') {
    io.fail(`${wish}; see lbproxy run --help`);
    return 2;
  }
  const problem = whyNotServed(wish, io.cwd);
  const choice = problem ?? (await choose(wish, io));
  if (typeof choice === 'string') {
    io.fail(choice);
    return 1;
  }
  const tree = startTree(wish, choice);
  if (wish.print === 'nginx') {
    io.print(convertTree(tree, tree.file, 'nginx').text.trimEnd());
    return 0;
  }
  const text = printJson(tree.directives, { shapeOf, report: (_, message) => io.fail(message) });
  if (wish.print === 'json') {
    io.print(text.trimEnd());
    if (wish.dev) io.fail('kept as upstreams.json it is started by: lbproxy dev');
    return 0;
  }
  await tellOfTargets(wish, io);
  return serveText(text, wish, io);
}

function whyNotServed(wish: StartWish, cwd: string): string | undefined {
  if (wish.kind !== 'files') return undefined;
  const path = resolve(cwd, wish.directory);
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return `there is no directory ${path}`;
  if (!stat.isDirectory()) return `${path} is a file: name the directory that it is in`;
  if (wish.spa && statSync(join(path, 'index.html'), { throwIfNoEntry: false }) === undefined)
    return `${path} has no index.html, which --spa needs: build the app first, or name the directory that it is built into`;
  return undefined;
}

/** Ports for what nobody named; a text says why there are none. */
async function choose(wish: StartWish, io: StartIo): Promise<Choice | string> {
  const fronts = wish.fronts.length > 0 ? wish.fronts : [await usualFront(wish, io)];
  if (fronts[0] === undefined)
    return `no port from ${io.usualPort ?? USUAL_PORT} on is free: name one with --from`;
  const named = fronts as readonly Front[];
  for (const { host, port, text } of named) {
    const problem = text === null || wish.print !== null ? undefined : await whyPortUnusable(host, port);
    if (problem !== undefined) return `--from ${text}: ${problem}`;
    if (wish.kind === 'proxy' && wish.targets.some(({ address }) => isSame(host, port, address)))
      return `port ${port} is both where clients come and where requests go: lbproxy would ask itself; name another with --from`;
  }
  const processes = wish.kind === 'run' ? wish.processes : 0;
  const ports = new Set(named.map(({ port }) => port));
  const firstPort = processes === 0 ? 0 : await freePorts('127.0.0.1', FIRST_PROCESS_PORT, processes, ports);
  if (firstPort === undefined) return `no ${processes} ports in a row are free from ${FIRST_PROCESS_PORT} on`;
  return { fronts: named, firstPort, hasIpv6: await hasIpv6(), cwd: io.cwd };
}

/** Only this machine gets there, unless a wish says more. */
async function usualFront(wish: StartWish, io: StartIo): Promise<Front | undefined> {
  const { usualPort = USUAL_PORT } = io;
  const front = { host: 'localhost', secure: false, name: '', text: null };
  if (wish.print !== null) return { ...front, port: usualPort };
  const used = new Set(wish.kind === 'proxy' ? wish.targets.map(({ address }) => portOf(address)) : []);
  const port = await freePorts('localhost', usualPort, 1, used);
  if (port === undefined) return undefined;
  if (port !== usualPort) {
    const why = used.has(usualPort) ? undefined : await whyPortUnusable('localhost', usualPort);
    const reason = why?.replace(/: stop that.*$/, '') ?? `port ${usualPort} is the app's`;
    io.fail(`${reason}, so this is http://localhost:${port} (--from names another)`);
  }
  return { ...front, port };
}

const portOf = (address: string): number => Number(/:(\d+)$/.exec(address)?.[1] ?? 0);

const LOCAL = /^(?:localhost|127\.0\.0\.1|\[::1\]):/;

function isSame(host: string, port: number, address: string): boolean {
  if (portOf(address) !== port || address.startsWith('unix:')) return false;
  return LOCAL.test(address) || address === `${host}:${port}`;
}

/** A start in the wrong order is no mistake, and a 502 no way to tell of it. */
async function tellOfTargets(wish: StartWish, io: StartIo): Promise<void> {
  if (wish.kind !== 'proxy') return;
  for (const { address } of wish.targets)
    if (LOCAL.test(address) && !(await accepts(portOf(address))))
      io.fail(`nothing listens on ${address} yet: requests get 502 until it does`);
}

async function serveText(text: string, { dev }: StartWish, io: StartIo): Promise<number> {
  const directory = join(usualStateDir(), 'start');
  const file = join(directory, `${nameOf(`${io.cwd}\n${text}`)}.json`);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeFileSync(file, text, { mode: 0o600 });
  } catch (error) {
    io.fail(`cannot write ${file}: ${(error as Error).message}; XDG_STATE_HOME names another place`);
    return 1;
  }
  const defaults = dev ? DEVELOPMENT : {};
  try {
    return await io.serve({ config: file, prefix: io.cwd, defaults });
  } finally {
    rmSync(file, { force: true });
  }
}
