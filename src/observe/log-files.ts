// All logs of a process by path: one writer each, shared by every location and by the error log.
import { writeSync } from 'node:fs';
import { Timer } from '../shared/timer.ts';
import { type LogBuffering, LogWriter } from './log-writer.ts';
import { DEFAULT_BUFFERING } from './rows.ts';

export class LogFiles {
  /** Hears of lines that were lost and of files that do not reopen. To be set to the error log once there is one. */
  report: (message: string) => void = printToStderr;
  readonly #writers = new Map<string, LogWriter>();
  /** What the newest configuration opened since the last `retire` or `discard`, and how it wants each buffered. */
  readonly #wanted = new Map<string, LogBuffering>();
  /** Of these, those that no configuration in use has open. */
  readonly #fresh = new Set<LogWriter>();

  /**
   * The writer of an absolute path, `stdout` or `stderr`; throws LogFileError. Where users differ the shorter wait holds. A writer that
   * runs already stays as it is until `retire`.
   */
  open(path: string, buffering: LogBuffering = DEFAULT_BUFFERING): LogWriter {
    const before = this.#wanted.get(path);
    const wanted = before === undefined ? buffering : shorter(before, buffering);
    let writer = this.#writers.get(path);
    if (writer === undefined) {
      writer = new LogWriter(path, wanted, (message) => this.report(message));
      this.#writers.set(path, writer);
      this.#fresh.add(writer);
    } else if (writer.openAgain()) {
      this.#fresh.add(writer);
    }
    this.#wanted.set(path, wanted);
    if (this.#fresh.has(writer)) writer.use(wanted);
    return writer;
  }

  /** After a rotation (USR1): lines from now on go to new files of the same names. Gives what did not open. */
  reopenAll(): string[] {
    return [...this.#writers.values()].flatMap((writer) => writer.reopen() ?? []);
  }

  /** Everything that waits is written when this resolves, or `timeoutMs` have passed: a reader may stand still. */
  async flushAll(timeoutMs: number): Promise<void> {
    let timer: Timer | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = new Timer(resolve, timeoutMs);
    });
    await Promise.race([Promise.all([...this.#writers.values()].map((writer) => writer.flush())), timeout]);
    timer?.stop();
  }

  /** The last act of the process ('exit' event). */
  flushAllSync(): void {
    for (const writer of this.#writers.values()) writer.flushSync();
  }

  /**
   * To be called once a new configuration has taken over: closes the files that it did not open. Requests that began on the old
   * configuration may still log to them.
   */
  retire(): void {
    for (const [path, writer] of this.#writers) {
      const wanted = this.#wanted.get(path);
      if (wanted === undefined) writer.retire();
      else writer.use(wanted);
    }
    this.#forget();
  }

  /** The new configuration was refused: closes what only it had opened. */
  discard(): void {
    for (const writer of this.#fresh) writer.retire();
    this.#forget();
  }

  #forget(): void {
    this.#wanted.clear();
    this.#fresh.clear();
  }
}

function shorter(a: LogBuffering, b: LogBuffering): LogBuffering {
  const flushMs = a.flushMs === 0 || b.flushMs === 0 ? a.flushMs + b.flushMs : Math.min(a.flushMs, b.flushMs);
  return { bufferBytes: Math.min(a.bufferBytes, b.bufferBytes), flushMs };
}

/** Last resort of messages about logs; there is nobody left to tell when it fails. */
export function printToStderr(message: string): void {
  try {
    writeSync(2, `${message}\n`);
  } catch {}
}
