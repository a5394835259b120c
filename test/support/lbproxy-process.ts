// The kit's whole process: lbproxy started as a user starts it, in a process group of its own, gone after the test.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { freePorts } from './free-ports.ts';
import { MAIN } from './main-file.ts';

const READY_MS = 20_000;
const STOP_MS = 8000;

export interface StartOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Most descriptors that it may have open. */
  readonly descriptors?: number;
  /** The program, instead of this checkout's. */
  readonly main?: string;
  /** Ports for PORT1, PORT2 …; free ones otherwise. */
  readonly ports?: readonly number[];
  /** The directory of one that has ended, with its state; a new one otherwise. */
  readonly dir?: string;
  /** Directories to make in DIR before the start. */
  readonly dirs?: readonly string[];
  /** Files to write into DIR before the start. */
  readonly files?: Readonly<Record<string, string>>;
}

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

const running = new Set<LbproxyProcess>();

afterEach(async () => {
  await Promise.all([...running].map((process) => process.stop()));
});
process.on('exit', () => {
  for (const each of running) each.killGroup();
});

/**
 * Writes the text as configuration (JSON when it begins with a brace) and waits for "is ready". PORT1, PORT2 … in it become free
 * ports, DIR the directory it lies in. Throws what was printed when it does not get ready.
 */
export async function startLbproxy(configText: string, options: StartOptions = {}): Promise<LbproxyProcess> {
  const lbproxy = await spawnLbproxy(configText, options);
  await lbproxy.printed('is ready', READY_MS);
  return lbproxy;
}

/** As startLbproxy, without waiting for anything. */
export async function spawnLbproxy(configText: string, options: StartOptions = {}): Promise<LbproxyProcess> {
  const named = [...configText.matchAll(/\bPORT(\d+)\b/g)].map((m) => Number(m[1]));
  const ports = options.ports ?? (await freePorts(Math.max(0, ...named)));
  return new LbproxyProcess(configText, ports, options);
}

export class LbproxyProcess {
  readonly dir: string;
  readonly ports: readonly number[];
  readonly configFile: string;
  readonly child: ChildProcess;
  readonly exited: Promise<Exit>;
  #stdout = '';
  #stderr = '';
  /** It has ended, and what it said last is there: its exit alone does not tell that. */
  #closed = false;
  readonly #env: NodeJS.ProcessEnv;
  readonly #main: string;
  readonly #descriptors: number | undefined;
  readonly #waiting = new Set<() => void>();

  constructor(configText: string, ports: readonly number[], options: StartOptions) {
    this.dir = options.dir ?? mkdtempSync(join(tmpdir(), 'lbproxy-e2e-'));
    this.ports = ports;
    const name = configText.trimStart().startsWith('{') ? 'upstreams.json' : 'nginx.conf';
    this.configFile = join(this.dir, name);
    for (const name of options.dirs ?? []) mkdirSync(join(this.dir, name));
    for (const [name, text] of Object.entries(options.files ?? {})) writeFileSync(join(this.dir, name), text);
    this.write(configText);
    this.#main = options.main ?? MAIN;
    this.#descriptors = options.descriptors;
    this.#env = { ...process.env, XDG_STATE_HOME: join(this.dir, 'state'), ...options.env };
    this.child = this.#spawn(options.args ?? []);
    running.add(this);
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#onText(text, ''));
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#onText('', text));
    this.exited = once(this.child, 'close').then(([code, signal]) => {
      this.#closed = true;
      this.#onText('', '');
      return { code, signal };
    });
  }

  #spawn(args: readonly string[]): ChildProcess {
    const command = [process.execPath, this.#main, '--config', this.configFile, ...args];
    const limited = ['/bin/sh', '-c', `ulimit -n ${this.#descriptors}; exec "$0" "$@"`, ...command];
    const [program, ...words] = this.#descriptors === undefined ? command : limited;
    return spawn(program, words, {
      cwd: this.dir,
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
  }

  #onText(stdout: string, stderr: string): void {
    this.#stdout += stdout;
    this.#stderr += stderr;
    for (const check of [...this.#waiting]) check();
  }

  get pid(): number {
    return this.child.pid as number;
  }

  get port(): number {
    return this.ports[0];
  }

  stdout(): string {
    return this.#stdout;
  }

  stderr(): string {
    return this.#stderr;
  }

  get hasExited(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Resolves when stdout or stderr has the text at least `times` times; rejects when the process exits before or `ms` pass. */
  printed(text: string, ms = 10_000, times = 1): Promise<void> {
    const has = (): boolean => `${this.#stdout}${this.#stderr}`.split(text).length > times;
    return new Promise((resolve, reject) => {
      const end = (problem: string): void => {
        clearTimeout(timer);
        this.#waiting.delete(check);
        if (problem === '') resolve();
        else reject(new Error(`${problem} before it printed "${text}":\n${this.#stdout}\n${this.#stderr}`));
      };
      const check = (): void => {
        if (has()) end('');
        else if (this.#closed) end(`lbproxy exited (${this.child.exitCode ?? this.child.signalCode})`);
      };
      const timer = setTimeout(() => end(`${ms} ms passed`), ms);
      this.#waiting.add(check);
      check();
    });
  }

  /** Writes another configuration, with the same ports, without telling the process. */
  write(configText: string): void {
    const text = configText
      .replaceAll(/\bPORT(\d+)\b/g, (name, n) => {
        const port = this.ports[Number(n) - 1];
        if (port === undefined) throw new Error(`${name} is not among the ports of the start`);
        return String(port);
      })
      .replaceAll(/\bDIR\b/g, this.dir);
    // At once: a process that reads it meanwhile has the one or the other, and no part of it.
    writeFileSync(`${this.configFile}.part`, text);
    renameSync(`${this.configFile}.part`, this.configFile);
  }

  /** Writes another configuration and has it read; resolves when it serves or was refused, and tells which. */
  async reload(configText?: string): Promise<'reloaded' | 'refused'> {
    if (configText !== undefined) this.write(configText);
    const before = this.#stderr.length;
    const since = (): string => this.#stderr.slice(before);
    this.signal('SIGHUP');
    const deadline = performance.now() + 10_000;
    while (performance.now() < deadline) {
      if (since().includes('reload refused')) return 'refused';
      if (since().includes('reloaded')) return 'reloaded';
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new Error(`neither reloaded nor refused:\n${this.#stderr}`);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** A second command with the same configuration and state directory, such as `-s stop`. */
  async command(...args: string[]): Promise<{ code: number | null; text: string }> {
    const child = this.#spawn(args);
    let text = '';
    child.stdout?.setEncoding('utf8').on('data', (part: string) => (text += part));
    child.stderr?.setEncoding('utf8').on('data', (part: string) => (text += part));
    const timer = setTimeout(() => child.kill('SIGKILL'), READY_MS);
    const [code] = await once(child, 'close');
    clearTimeout(timer);
    return { code, text };
  }

  /** What stands in `error_log DIR/error.log` a moment from now. */
  async log(): Promise<string> {
    await new Promise((resolve) => setTimeout(resolve, 100));
    return readFileSync(join(this.dir, 'error.log'), 'utf8');
  }

  acceptorPids(): number[] {
    return childrenOf(this.pid).filter((pid) => commandOf(pid).includes('acceptor-main'));
  }

  /** Resolves when there are `n` acceptors, none of them among `except`. */
  async acceptors(n: number, except: readonly number[] = [], ms = 20_000): Promise<number[]> {
    const deadline = performance.now() + ms;
    for (;;) {
      const pids = this.acceptorPids();
      if (pids.length === n && !pids.some((pid) => except.includes(pid))) return pids;
      if (performance.now() > deadline) throw new Error(`${pids.length} acceptors after ${ms} ms, not ${n}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** SIGTERM, then SIGKILL to what is left of its process group; removes its directory. */
  async stop(): Promise<Exit> {
    running.delete(this);
    this.signal('SIGTERM');
    const timer = setTimeout(() => this.killGroup(), STOP_MS);
    const exit = await this.exited;
    clearTimeout(timer);
    this.killGroup();
    rmSync(this.dir, { recursive: true, force: true });
    return exit;
  }

  killGroup(): void {
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch {
      // Nobody is left.
    }
  }
}

/** proc(5); empty when the process is gone. */
export function childrenOf(pid: number): number[] {
  return readProc(`${pid}/task/${pid}/children`)
    .split(' ')
    .filter((text) => text !== '')
    .map(Number);
}

export function commandOf(pid: number): string {
  return readProc(`${pid}/cmdline`).replaceAll('\0', ' ').trim();
}

/** Resident memory in bytes. */
export function residentBytes(pid: number): number {
  const kb = /VmRSS:\s+(\d+) kB/.exec(readProc(`${pid}/status`))?.[1];
  return Number(kb ?? 0) * 1024;
}

/** How many descriptors a process has open. */
export function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Established connections that the process has accepted on a port. */
export function connectionsOn(pid: number, port: number): number {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = readProc('net/tcp')
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  // Columns: number, local address, remote address, state (01 = established), …, inode.
  const inodes = new Set(rows.filter((r) => r[3] === '01' && r[1].endsWith(suffix)).map((r) => r[9]));
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => inodes.has(socketInode(`/proc/${pid}/fd/${fd}`)))
    .length;
}

function socketInode(path: string): string {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(path))?.[1] ?? '';
  } catch {
    return '';
  }
}

export function isAlive(pid: number): boolean {
  const state = /^State:\s+(\w)/m.exec(readProc(`${pid}/status`))?.[1];
  return state !== undefined && state !== 'Z';
}

function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch {
    return '';
  }
}
