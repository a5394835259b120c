// What a contender is: how to start it in front of the upstreams, and what to say when it is not installed.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { connect } from 'node:net';

export interface ContenderSetup {
  /** Port the contender listens on. */
  readonly port: number;
  /** Ports of the upstream processes. */
  readonly upstreams: readonly number[];
  /** Directory for its files, removed after the run. */
  readonly dir: string;
}

export interface Contender {
  readonly name: string;
  /** How to get it, for those who lack it. */
  readonly install: string;
  /** Its version, or undefined when it is not installed. */
  version(): string | undefined;
  /** Command line that serves in the foreground. */
  command(setup: ContenderSetup): readonly string[];
}

/** A running contender: its process and all below it are measured. */
export interface Running {
  readonly contender: Contender;
  readonly port: number;
  readonly process: ChildProcess;
  stop(): Promise<void>;
}

export async function startContender(contender: Contender, setup: ContenderSetup): Promise<Running> {
  const [command, ...args] = contender.command(setup);
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk).slice(-2000);
  });
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${contender.name} ended with ${code}: ${stderr}`)));
  });
  await Promise.race([listening(setup.port), failed]);
  failed.catch(() => {});
  return { contender, port: setup.port, process: child, stop: () => stopGroup(child) };
}

function stopGroup(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    const { pid } = child;
    if (pid === undefined || child.exitCode !== null) return resolve();
    child.once('exit', () => resolve());
    const signal = (name: NodeJS.Signals): void => {
      try {
        process.kill(-pid, name);
      } catch {
        // Gone already.
      }
    };
    signal('SIGTERM');
    setTimeout(() => signal('SIGKILL'), 3000).unref();
  });
}

/** Resolves when the port accepts; rejects after ten seconds. */
export async function listening(port: number): Promise<void> {
  const end = Date.now() + 10_000;
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
