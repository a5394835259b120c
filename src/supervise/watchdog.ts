// The primary's side of the watchdog: one small process that outlives a SIGKILL of the primary and then ends the process groups the
// primary was running, and what left them. It learns of the primary's death by the end of its stdin.
import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { newMark, withoutOwn } from './mark.ts';
import { HAS_GROUPS } from './process-group.ts';

const RESTART_MS = 1000;
/** A little more than the watchdog takes for those that do not go by themselves. */
const CLOSE_MS = 3000;

/** The script beside this file, with the ending this file has: .ts in development, .js as built. */
const SCRIPT = fileURLToPath(new URL(`./watchdog-process${extname(import.meta.filename)}`, import.meta.url));

export class Watchdog {
  #mark: string | null = null;
  readonly #groups = new Set<number>();
  readonly #directories = new Set<string>();
  readonly #warn: (message: string) => void;
  #child: ChildProcess | undefined;
  #restart: NodeJS.Timeout | undefined;
  #closed = false;
  #onClosed: () => void = () => {};

  constructor(warn: (message: string) => void) {
    this.#warn = warn;
  }

  /** To be in the environment of all that it guards. */
  get mark(): string {
    this.#mark ??= newMark();
    return this.#mark;
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

  /** A directory of this run's temporary files: it goes with the primary. */
  tidy(directory: string): void {
    this.#directories.add(directory);
    this.#tell(`/${directory}\n`);
  }

  /** Lets it go; what is left of groups and outside them is ended by it, as after the primary's death. Resolves when that is done. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#restart);
    const child = this.#child;
    if (child === undefined) return;
    child.stdin?.end();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, CLOSE_MS);
      this.#onClosed = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #start(): void {
    this.#restart = undefined;
    const child = spawnScript(this.mark);
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
    for (const directory of this.#directories) this.#tell(`/${directory}\n`);
  }

  #onEnd(child: ChildProcess): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    if (this.#closed) return this.#onClosed();
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
function spawnScript(mark: string): ChildProcess | null {
  try {
    return spawn(process.execPath, [SCRIPT, mark], {
      stdio: ['pipe', 'ignore', 'ignore'],
      // Options meant for lbproxy (a debugger's port, a loader) must not stop or slow it.
      env: { ...withoutOwn(process.env), NODE_OPTIONS: '' },
      detached: true,
    });
  } catch {
    return null;
  }
}
