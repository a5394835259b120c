// lbproxy with programs, and its `lbproxy ctl`, as somebody at a terminal has them.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePorts } from './free-ports.ts';
import { get, until } from './http-client.ts';
import {
  childrenOf,
  commandOf,
  type LbproxyProcess,
  type StartOptions,
  spawnLbproxy,
} from './lbproxy-process.ts';
import { MAIN } from './main-file.ts';

const TORNADO_APP = fileURLToPath(new URL('./programs/tornado-app.py', import.meta.url));
const QUICK_APP = fileURLToPath(new URL('./programs/quick-app.mjs', import.meta.url));
const CTL_MS = 60_000;

/** Debian's python3-tornado belongs to this interpreter. */
const PYTHON = '/usr/bin/python3';
export const hasTornado = spawnSync(PYTHON, ['-c', 'import tornado']).status === 0;
if (!hasTornado) {
  const why = 'python3-tornado is missing';
  if (process.env.CI) throw new Error(`${why}: in CI the tests with Tornado must run`);
  console.warn(`\n*** ${why}: the tests with Tornado are SKIPPED ***\n`);
}

/** {port} or Supervisor's way of saying it, with more arguments behind. */
export const tornado = (port = '{port}', ...more: readonly string[]): string =>
  [PYTHON, TORNADO_APP, `--port=${port}`, ...more].join(' ');
/** An app that starts sooner. */
export const quick = (port = '{port}', ...more: readonly string[]): string =>
  [process.execPath, QUICK_APP, `--port=${port}`, ...more].join(' ');

/** A process as `ctl status --json` shows it. */
export interface Shown {
  readonly group: string;
  readonly name: string;
  readonly state: string;
  readonly pid: number | null;
  readonly port: number | null;
  readonly ready: boolean;
  readonly inFlight: number | null;
  readonly restarts: number;
  readonly problem: string | null;
  readonly description: string;
}

export interface CtlEnd {
  readonly code: number | null;
  /** stdout and stderr. */
  readonly text: string;
}

export class PoolSite {
  readonly lbproxy: LbproxyProcess;
  /** The first one is lbproxy's own. */
  readonly ports: readonly number[];

  constructor(lbproxy: LbproxyProcess) {
    this.lbproxy = lbproxy;
    this.ports = lbproxy.ports;
  }

  /** Another lbproxy in the place of this one, which has ended. */
  async again(): Promise<PoolSite> {
    const { dir, ports, configFile } = this.lbproxy;
    return new PoolSite(await spawnLbproxy(readFileSync(configFile, 'utf8'), { dir, ports }));
  }

  get port(): number {
    return this.lbproxy.port;
  }

  /** Until `ctl` reaches it: its programs start then. */
  controlled(): Promise<void> {
    const state = join(this.lbproxy.dir, 'state');
    const hasSocket = (): boolean =>
      existsSync(state) &&
      readdirSync(state, { recursive: true, encoding: 'utf8' }).some((name) => name.endsWith('.sock'));
    return until(hasSocket, 20_000, 'a control socket');
  }

  async ctl(...args: readonly string[]): Promise<CtlEnd> {
    const { dir, configFile } = this.lbproxy;
    const child = spawn(process.execPath, [MAIN, 'ctl', '-c', configFile, ...args], {
      env: { ...process.env, XDG_STATE_HOME: join(dir, 'state') },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (part: string) => (text += part));
    const timer = setTimeout(() => child.kill('SIGKILL'), CTL_MS);
    const [code] = await once(child, 'close');
    clearTimeout(timer);
    return { code, text };
  }

  async status(): Promise<readonly Shown[]> {
    const { text } = await this.ctl('status', '--json');
    const found = JSON.parse(text) as readonly Shown[] | { readonly processes: readonly Shown[] };
    return 'processes' in found ? found.processes : found;
  }

  /** Of the process that was started for a port. */
  pidOn(port: number): number | undefined {
    return childrenOf(this.lbproxy.pid).find((pid) => commandOf(pid).includes(`--port=${port}`));
  }

  pidsOn(ports: readonly number[]): readonly (number | undefined)[] {
    return ports.map((port) => this.pidOn(port));
  }

  /** Until each of these ports has answered through lbproxy. */
  async serves(ports: readonly number[], ms = 20_000): Promise<void> {
    const seen = new Set<number>();
    const ask = async (): Promise<boolean> => {
      const answer = await get(this.port).catch(() => null);
      if (answer?.status === 200) seen.add(Number.parseInt(answer.body, 10));
      return ports.every((port) => seen.has(port));
    };
    await until(ask, ms, `answers of ${ports}`);
  }
}

/** JSON with one server on the first port that passes everything on to `upstream`. */
export function siteText(
  ports: readonly number[],
  programs: object,
  {
    upstream = { program: 'web' },
    more = {},
    location = {},
  }: { upstream?: object; more?: object; location?: object } = {},
): string {
  return JSON.stringify({
    acceptors: 2,
    ...more,
    programs,
    upstreams: { web: upstream },
    servers: [
      { listen: `127.0.0.1:${ports[0]}`, locations: { '/': { proxy_pass: 'http://web', ...location } } },
    ],
  });
}

/** Free ports, as many as the programs have, and one more. */
export const sitePorts = (programs: number): Promise<number[]> => freePorts(1 + programs);

export async function startSite(text: string, options: StartOptions): Promise<PoolSite> {
  const site = new PoolSite(await spawnLbproxy(text, options));
  await site.controlled();
  return site;
}
