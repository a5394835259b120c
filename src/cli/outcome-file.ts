// What came of a wish (-s, a signal), in a file beside the pid file: the running lbproxy writes, `-s` reads.
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { readRegularFile } from '../shared/read-regular-file.ts';
import type { Signal } from './run-cli.ts';

export interface WrittenOutcome {
  /** On the system's monotonic clock, which all processes share: when the wish was taken up. */
  readonly sinceNs: string;
  /** False while it is under way; the text then says what is waited for. */
  readonly done: boolean;
  readonly ok: boolean;
  /** What lbproxy printed: problems with their places. */
  readonly printed: string;
  readonly text: string;
}

type Outcomes = Partial<Record<Signal, WrittenOutcome>>;

/** Now on the clock of `sinceNs`. */
export function nowNs(): string {
  return process.hrtime.bigint().toString();
}

export class OutcomeFile {
  readonly #path: string;

  constructor(pidFile: string) {
    this.#path = `${pidFile}.outcome`;
  }

  /** Replaces what was written of such a wish. A file that cannot be written costs `-s` its answer and nothing else. */
  write(wish: Signal, outcome: WrittenOutcome): void {
    const part = `${this.#path}.${process.pid}`;
    rmQuietly(part);
    try {
      // It quotes the configuration, so it is for its owner alone.
      writeFileSync(part, JSON.stringify({ ...this.#read(), [wish]: outcome }), {
        mode: 0o600,
        flag: 'wx',
      });
      renameSync(part, this.#path);
    } catch {
      rmQuietly(part);
    }
  }

  /** The outcome of a wish that was taken up after `sinceNs`; undefined while there is none. */
  read(wish: Signal, sinceNs: string): WrittenOutcome | undefined {
    const outcome = this.#read()[wish];
    return outcome !== undefined && BigInt(outcome.sinceNs) >= BigInt(sinceNs) ? outcome : undefined;
  }

  remove(): void {
    rmQuietly(this.#path);
  }

  #read(): Outcomes {
    try {
      return JSON.parse(readRegularFile(this.#path).toString()) as Outcomes;
    } catch {
      return {};
    }
  }
}

/** On a file system that has become read-only even the removal of nothing throws. */
function rmQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {}
}
