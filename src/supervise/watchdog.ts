// The primary's side of the watchdog: one small process that outlives a SIGKILL of the primary and then ends the process
// groups the primary was running. It learns of the primary's death by the end of its stdin.
import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { HAS_GROUPS } from './process-group.ts';

const RESTART_MS = 1000;

/** The script beside this file, with the ending this file has: .ts in development, .js as built. */
const SCRIPT = fileURLToPath(import.meta.url).replace(/watchdog(\.[jt]s)$/, 'watchdog-process$1');

export class Watchdog {
  readonly #groups = new Set<number>();
  readonly #warn: (message: string) => void;
  #child: ChildProcess | undefined;
  #restart: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(warn: (message: string) => void) {
    this.#warn = warn;
  }

  /** Its pid while it runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts the watchdog with the first group. Without process groups (Windows) there is nothing it could do. */
  add(pid: number): void {
    if (!HAS_GROUPS || this.#closed) return;
    this.#groups.add(pid);
    if (this.#child === undefined && this.#restart === undefined) this.#start();
    else this.#tell(`+${pid}\n`);
  }

  remove(pid: number): void {
    if (this.#groups.delete(pid)) this.#tell(`-${pid}\n`);
  }

  /** Lets it go; groups that were not removed are ended by it, as after the primary's death. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#restart);
    this.#child?.stdin?.end();
  }

  #start(): void {
    this.#restart = undefined;
    const child = spawnScript();
    if (child === null) return this.#startLater();
    this.#child = child;
    child.unref();
    // The pipe of a child is a socket; it must not keep the primary from exiting either.
    if (child.stdin instanceof Socket) child.stdin.unref();
    // EPIPE of a watchdog that just died; its exit event starts another.
    child.stdin?.on('error', () => undefined);
    child.once('error', () => this.#onEnd(child));
    child.once('exit', () => this.#onEnd(child));
    for (const pid of this.#groups) this.#tell(`+${pid}\n`);
  }

  #onEnd(child: ChildProcess): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    if (this.#closed) return;
    this.#warn('the watchdog ended; until it is back, programs would outlive a SIGKILL of lbproxy');
    this.#startLater();
  }

  #startLater(): void {
    this.#restart = setTimeout(() => this.#start(), RESTART_MS).unref();
  }

  #tell(line: string): void {
    this.#child?.stdin?.write(line);
  }
}

/** Null when the system has no memory for it: such errors Node throws. */
function spawnScript(): ChildProcess | null {
  try {
    return spawn(process.execPath, [SCRIPT], {
      stdio: ['pipe', 'ignore', 'ignore'],
      // Options meant for lbproxy (a debugger's port, a loader) must not stop or slow it.
      env: { ...process.env, NODE_OPTIONS: '' },
      detached: true,
    });
  } catch {
    return null;
  }
}
