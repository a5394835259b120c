// Acceptors' processes that are started before the configuration is read: they load their code while the primary loads its own and reads.
// How many there will be is a guess: those too many end unused, and what is missing the primary starts as ever.
import cluster, { type Worker } from 'node:cluster';
import { openSharedFiles, type SharedFiles, setUpAcceptors } from './acceptor-processes.ts';
import { inheritsNothing } from './inherited-descriptors.ts';
import { type Culprit, onAccountOf } from './survival.ts';

/** Each ends lbproxy: before it serves all mean the same. */
const ENDING_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const;

export class EarlyAcceptors {
  readonly shared: SharedFiles = openSharedFiles();
  readonly #waiting: EarlyAcceptor[] = [];
  /** They must not outlive this process: Node complains where its channel is closed before it is set up. */
  readonly #onSignal = (): void => {
    this.drop();
    process.exit(0);
  };

  /** `hidden`: variables that are for this process alone. */
  constructor(count: number, hidden: readonly string[]) {
    setUpAcceptors(this.shared, undefined);
    for (const signal of ENDING_SIGNALS) process.on(signal, this.#onSignal);
    const env = Object.fromEntries(hidden.map((name) => [name, undefined]));
    try {
      for (let i = 0; i < count; i++) this.#waiting.push(new EarlyAcceptor(env));
    } catch {
      // The primary tries again, and says what is wrong.
    }
  }

  /** Somebody else hears the signals that end lbproxy. */
  leaveSignals(): void {
    for (const signal of ENDING_SIGNALS) process.off(signal, this.#onSignal);
  }

  /** One that still runs and nobody has taken. */
  take(): EarlyAcceptor | null {
    const next = this.#waiting.shift();
    return next === undefined || !next.ended ? (next ?? null) : this.take();
  }

  /** Ends those that nobody has taken. */
  drop(): void {
    this.leaveSignals();
    for (const early of this.#waiting.splice(0)) early.worker.process.kill('SIGKILL');
  }
}

/** Until somebody takes it. */
export class EarlyAcceptor implements Culprit {
  readonly worker: Worker;
  ended = false;
  readonly #said: unknown[] = [];
  #owner: Culprit | null = null;
  readonly #hear = (message: unknown): void => void this.#said.push(message);
  readonly #end = (): void => {
    this.ended = true;
  };

  constructor(env: object) {
    this.worker = onAccountOf(this, () => cluster.fork(env));
    this.worker.on('message', this.#hear).on('exit', this.#end).on('error', this.#end);
  }

  /** What it has said so far; from here on its events, and what it does wrong, are the owner's. */
  handOver(owner: Culprit): readonly unknown[] {
    this.#owner = owner;
    this.worker.off('message', this.#hear).off('exit', this.#end).off('error', this.#end);
    return this.#said;
  }

  onOffence(error: unknown): void {
    if (this.#owner === null) this.worker.process.kill('SIGKILL');
    else this.#owner.onOffence(error);
  }
}

/** Null where it may not be: what was passed on to this process would reach them, and how many they are is not known. */
export function startEarly(count: number, hidden: readonly string[]): EarlyAcceptors | null {
  return count > 0 && inheritsNothing() ? new EarlyAcceptors(count, hidden) : null;
}
