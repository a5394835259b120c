// What a contender is: how to start it in front of the upstreams, and what to say when it is not installed.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { pinned } from '../pin.ts';

/** What a scenario asks of a contender. Data: instances of equal setup are shared by scenarios. */
export interface Setup {
  /** Listens with TLS, with the certificate of the place. */
  readonly tls: boolean;
  /** Access log; written in blocks as nginx's `buffer=64k flush=1s`. */
  readonly log: 'off' | 'combined';
  /** Serves `/static/` from the place's static directory. */
  readonly staticRoot: boolean;
  /** Processes or threads that take connections. */
  readonly acceptors: number;
  /** Neither the contender nor load and upstreams are bound to a core. */
  readonly unpinned: boolean;
  /** Upstream processes that the harness starts. */
  readonly upstreams: number;
  /** Milliseconds that the last upstream process waits before it answers; 0: none is slow. */
  readonly slowPeerMs: number;
  /** Peers that the group lists; beyond the upstream processes they are the same ports at other loopback addresses. 0: one per process. */
  readonly peers: number;
  /** Idle connections to the peers that are kept; with many peers one for each. */
  readonly keepalive: number;
  /** Virtual hosts (`h0.example` …) in front of the one used, `used.example`. */
  readonly serverNames: number;
  /** Prefix locations (`/p0/` …) in front of the one used. */
  readonly prefixes: number;
  /** Regular-expression locations that do not match, in front of the one used. */
  readonly regexes: number;
  readonly method: 'round_robin' | 'least_conn' | 'ip_hash';
  /** Passes WebSocket upgrades on. */
  readonly upgrade: boolean;
  /** Answers `/generation` with this number; 0: no such location. */
  readonly generation: number;
}

export const PLAIN_SETUP: Setup = {
  tls: false,
  log: 'off',
  staticRoot: false,
  acceptors: 1,
  unpinned: false,
  upstreams: 2,
  slowPeerMs: 0,
  peers: 0,
  keepalive: 128,
  serverNames: 0,
  prefixes: 0,
  regexes: 0,
  method: 'round_robin',
  upgrade: false,
  generation: 0,
};

/** Where an instance lives. All files exist before `command` is called. */
export interface Place {
  /** Port of 127.0.0.1 that it listens on. */
  readonly port: number;
  /** Ports of the upstream processes. */
  readonly upstreams: readonly number[];
  /** Directory of its own for configuration and temporary files, removed after the run. */
  readonly dir: string;
  /** PEM files of `localhost`; `both` holds certificate and key. */
  readonly certificate: { readonly certificate: string; readonly key: string; readonly both: string };
  /** Holds `static/1k`, `static/10k` and `static/100m`. */
  readonly staticDir: string;
}

export interface Contender {
  readonly name: string;
  /** How to get it, for those who lack it. */
  readonly install: string;
  /** Its version, or undefined when it is not installed. */
  version(): string | undefined;
  /** Whether it can do what the setup asks. */
  supports(setup: Setup): boolean;
  /** Writes the configuration into `place.dir` and gives the command line that serves in the foreground. */
  command(setup: Setup, place: Place): readonly string[];
}

/** A running contender: its process and all below it are measured. */
export interface Running {
  readonly contender: Contender;
  readonly setup: Setup;
  readonly place: Place;
  /** Of its first process, which leads its own process group. */
  readonly pid: number;
  /** Whether cores are divided between contender and load. */
  readonly pinned: boolean;
  /** Ends the whole process group; resolves when its first process has gone. */
  stop(): Promise<void>;
}

/** Starts an instance and resolves when its port accepts; rejects with what it printed when it ends before. */
export async function startContender(contender: Contender, setup: Setup, place: Place): Promise<Running> {
  const divided = !setup.unpinned;
  const [command, ...args] = pinned(divided ? 'contender' : undefined, contender.command(setup, place));
  const child = spawn(command, args, {
    cwd: place.dir,
    env: { ...process.env, GOMAXPROCS: String(setup.acceptors) },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk).slice(-2000);
  });
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${contender.name} ended with ${code}: ${stderr}`)));
  });
  failed.catch(() => {});
  const stop = stopAtExit(child);
  try {
    await Promise.race([listening(place.port), failed]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { contender, setup, place, pid: child.pid ?? 0, pinned: divided, stop };
}

const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) signalGroup(child, 'SIGKILL');
});

/** Ends the child's process group with this program, whatever way it ends, or when the function returned is called. */
export function stopAtExit(child: ChildProcess): () => Promise<void> {
  children.add(child);
  child.once('exit', () => children.delete(child));
  return () =>
    new Promise((resolve) => {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return resolve();
      const kill = setTimeout(() => signalGroup(child, 'SIGKILL'), 3000);
      child.once('exit', () => {
        clearTimeout(kill);
        resolve();
      });
      signalGroup(child, 'SIGTERM');
    });
}

/** The child must have been spawned with `detached`. */
function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal);
  } catch {
    // Gone already.
  }
}

/** A TCP port of 127.0.0.1 that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** Resolves when the port accepts; rejects after thirty seconds: a machine may be busy. */
export async function listening(port: number): Promise<void> {
  const end = Date.now() + 30_000;
  while (Date.now() < end) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true));
      socket.once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`port ${port} did not open`);
}

/** First line that a program prints about its version; undefined when it cannot be run. */
export function versionOf(command: string, args: readonly string[]): string | undefined {
  try {
    const out = execFileSync('sh', ['-c', `"$0" "$@" 2>&1`, command, ...args], { encoding: 'utf8' });
    return out.split('\n')[0].trim();
  } catch {
    return undefined;
  }
}

/** Version of an npm package in node_modules; undefined when it is absent. */
export function packageVersion(name: string): string | undefined {
  try {
    const file = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
    return `${name} ${JSON.parse(readFileSync(file, 'utf8')).version}`;
  } catch {
    return undefined;
  }
}
