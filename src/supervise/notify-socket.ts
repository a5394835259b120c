// `ready notify`: one Unix datagram socket for each process that says READY=1 itself (sd_notify(3)), in a directory of their own.
// The sockets are held by a small program (notify-receivers.ts), which is started with the first of them.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { receiverFor } from './notify-receivers.ts';

/** unix(7): what a name may have. */
const MOST_PATH_BYTES = 107;
const RESTART_MS = 1000;
/** A receiver starts within a tenth of a second; one that does not is not waited for. */
const BIND_LIMIT_MS = 5000;
const CLOSE_MS = 1000;

interface Entry {
  readonly path: string;
  /** Of the present socket: what is said of an earlier one is stale. */
  id: number;
  ready: boolean;
  onReady: (() => void) | undefined;
  owner: { readonly uid: number; readonly gid: number } | null;
  bound: ((problem: string | null) => void) | undefined;
}

export class NotifySocket {
  /** Others may pass through it, to a name that they cannot guess: processes run as users that are not ours. */
  readonly #directory: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #warn: (message: string) => void;
  readonly #entries = new Map<string, Entry>();
  #lastId = 0;
  #child: ChildProcess | undefined;
  #restart: NodeJS.Timeout | undefined;
  #closed = false;

  /** Makes a directory in `parent`, whose users need to be let through: not a state directory that is its owner's alone. */
  constructor(warn: (message: string) => void, parent = tmpdir(), env: NodeJS.ProcessEnv = process.env) {
    this.#warn = warn;
    this.#env = env;
    this.#directory = mkdtempSync(join(parent, 'lbproxy-notify-'));
    chmodSync(this.#directory, 0o711);
  }

  /** What the process gets as NOTIFY_SOCKET. The same at every start. */
  pathFor(processKey: string): string {
    return this.#entryOf(processKey).path;
  }

  /**
   * To be awaited before each start: a fresh socket, so that nothing an earlier process said counts; `user` is who may send to it.
   * Rejects with a whole clause and the next step.
   */
  async open(processKey: string, user: { readonly uid: number; readonly gid: number } | null): Promise<void> {
    const entry = this.#entryOf(processKey);
    entry.owner = user;
    if (Buffer.byteLength(entry.path) > MOST_PATH_BYTES)
      throw new Error(
        `the path of its notify socket is too long (${entry.path}): set TMPDIR to a shorter directory`,
      );
    if (this.#closed) throw new Error('lbproxy is stopping');
    if (this.#child === undefined && this.#restart === undefined) this.#start();
    const problem = await this.#bind(entry);
    if (problem !== null) throw new Error(problem);
  }

  /** Calls back once, when READY=1 came since the latest `open`, also if that was before. The returned function ends the waiting. */
  onReady(processKey: string, onReady: () => void): () => void {
    const entry = this.#entryOf(processKey);
    let ended = false;
    const act = (): void => {
      if (ended) return;
      ended = true;
      onReady();
    };
    if (entry.ready) queueMicrotask(act);
    else entry.onReady = act;
    return () => {
      ended = true;
      if (entry.onReady === act) entry.onReady = undefined;
    };
  }

  /** The process is no longer configured. */
  forget(processKey: string): void {
    const entry = this.#entries.get(processKey);
    if (entry === undefined) return;
    this.#entries.delete(processKey);
    this.#unbind(entry);
  }

  /** The sockets and their directory go. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#restart);
    for (const entry of this.#entries.values()) entry.bound?.('lbproxy is stopping');
    this.#entries.clear();
    await this.#endChild();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #entryOf(key: string): Entry {
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      const path = join(this.#directory, randomBytes(8).toString('hex'));
      entry = { path, id: 0, ready: false, onReady: undefined, owner: null, bound: undefined };
      this.#entries.set(key, entry);
    }
    return entry;
  }

  /** What is wrong, or null once the socket is there. */
  #bind(entry: Entry): Promise<string | null> {
    this.#unbind(entry);
    entry.id = ++this.#lastId;
    entry.ready = false;
    return new Promise((resolve) => {
      const timer = setTimeout(
        () => entry.bound?.(`its notify socket ${entry.path} was not made within ${BIND_LIMIT_MS / 1000} s`),
        BIND_LIMIT_MS,
      );
      entry.bound = (problem) => {
        clearTimeout(timer);
        entry.bound = undefined;
        resolve(problem);
      };
      this.#tell(`+${entry.id} ${entry.path}\n`);
    });
  }

  #unbind(entry: Entry): void {
    entry.bound?.('its notify socket was given up');
    if (entry.id !== 0) this.#tell(`-${entry.id} ${entry.path}\n`);
    entry.id = 0;
  }

  #start(): void {
    this.#restart = undefined;
    const receiver = receiverFor(this.#env);
    if ('problem' in receiver) throw new Error(receiver.problem);
    const child: ChildProcess = spawn(receiver.command, [...receiver.args, this.#directory], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { PATH: this.#env.PATH },
      // A Ctrl-C at the terminal is the primary's to handle.
      detached: true,
    });
    this.#child = child;
    child.unref();
    // Without descriptors to spare there are no pipes; its error event follows.
    const { stdin, stdout } = child;
    for (const stream of [stdin, stdout]) {
      unref(stream);
      // EPIPE of one that just died; its exit event starts another.
      stream?.on('error', () => undefined);
    }
    if (stdout) createInterface({ input: stdout }).on('line', (line) => this.#onLine(line));
    child.once('error', ({ message }) => this.#onEnd(child, message));
    child.once('exit', (code, signal) => this.#onEnd(child, signal ?? `status ${code}`));
    // Those of the receiver before: messages that came in between are lost, and the processes that sent them are ready at their timeout.
    for (const entry of this.#entries.values())
      if (entry.id !== 0) this.#tell(`+${entry.id} ${entry.path}\n`);
  }

  #onEnd(child: ChildProcess, why: string): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    if (this.#closed) return;
    this.#warn(`what receives READY=1 for lbproxy ended (${why}) and is started again`);
    this.#restart = setTimeout(() => this.#startAgain(), RESTART_MS).unref();
  }

  #startAgain(): void {
    try {
      this.#start();
    } catch (error) {
      this.#warn((error as Error).message);
    }
  }

  #onLine(line: string): void {
    const [, kind, id, why = ''] = /^([bre])(\d+) ?(.*)$/.exec(line) ?? [];
    const entry = [...this.#entries.values()].find((one) => one.id === Number(id));
    if (entry === undefined) return;
    if (kind === 'e') entry.bound?.(`its notify socket ${entry.path} could not be made: ${why}`);
    else if (kind === 'b') entry.bound?.(giveTo(entry));
    else {
      entry.ready = true;
      entry.onReady?.();
      entry.onReady = undefined;
    }
  }

  #tell(line: string): void {
    this.#child?.stdin?.write(line);
  }

  async #endChild(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => child.kill('SIGKILL'), CLOSE_MS);
      child.once('exit', () => {
        clearTimeout(timer);
        resolve();
      });
      child.ref();
      child.stdin?.end();
    });
    this.#child = undefined;
  }
}

/** What is wrong, or null. */
function giveTo({ path, owner }: Entry): string | null {
  if (owner === null) return null;
  try {
    chownSync(path, owner.uid, owner.gid);
    return null;
  } catch (error) {
    return `its notify socket ${path} could not be given to its user: ${(error as Error).message}`;
  }
}

/** The pipe of a child is a socket; it must not keep the primary from exiting. */
function unref(stream: object | null | undefined): void {
  if (stream && 'unref' in stream && typeof stream.unref === 'function') stream.unref();
}
