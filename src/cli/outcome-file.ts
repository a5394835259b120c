// What came of a wish (-s, a signal), in a file beside the pid file: the running lbproxy writes, `-s` reads.
import { rmSync } from 'node:fs';
import { readPlainFile, replaceFile } from '../shared/replace-file.ts';
import type { Signal } from './cli-options.ts';
import { startOf } from './process-alive.ts';

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

/** Which process writes: its number may be another's later. */
export interface Writer {
  readonly pid: number;
  readonly start: string;
}

type Written = Partial<Record<Signal, WrittenOutcome>> & { readonly writer?: Writer };

/** Now on the clock of `sinceNs`. */
export function nowNs(): string {
  return process.hrtime.bigint().toString();
}

export class OutcomeFile {
  readonly #path: string;

  constructor(pidFile: string) {
    this.#path = `${pidFile}.outcome`;
  }

  /** Begins anew, as the file of this process. */
  begin(): void {
    const start = startOf(process.pid);
    this.#put(start === undefined ? {} : { writer: { pid: process.pid, start } });
  }

  /** Who wrote it; undefined where that is not known. */
  get writer(): Writer | undefined {
    return this.#read().writer;
  }

  /** Replaces what was written of such a wish. */
  write(wish: Signal, outcome: WrittenOutcome): void {
    this.#put({ ...this.#read(), [wish]: outcome });
  }

  /** A file that cannot be written costs `-s` its answer and nothing else. */
  #put(written: Written): void {
    try {
      // It quotes the configuration, so it is for its owner alone.
      replaceFile(this.#path, JSON.stringify(written), 0o600);
    } catch {
      // No room, or no right.
    }
  }

  /** The outcome of a wish that was taken up after `sinceNs`; undefined while there is none. */
  read(wish: Signal, sinceNs: string): WrittenOutcome | undefined {
    const outcome = this.#read()[wish];
    if (outcome === undefined || !/^\d+$/.test(outcome.sinceNs)) return undefined;
    return BigInt(outcome.sinceNs) >= BigInt(sinceNs) ? outcome : undefined;
  }

  remove(): void {
    rmQuietly(this.#path);
  }

  #read(): Written {
    try {
      const written: unknown = JSON.parse(readPlainFile(this.#path).text);
      return typeof written === 'object' && written !== null ? (written as Written) : {};
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
