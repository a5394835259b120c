// All logs of a process by path: one writer each, shared by every location and by the error log.
import { writeSync } from 'node:fs';
import { type LogBuffering, LogWriter } from './log-writer.ts';
import { DEFAULT_BUFFERING } from './rows.ts';

export class LogFiles {
  /** Hears of lines that were lost and of files that do not reopen. To be set to the error log once there is one. */
  report: (message: string) => void = printToStderr;
  readonly #writers = new Map<string, LogWriter>();
  /** Paths opened since the last retire(): what the newest configuration uses. */
  readonly #inUse = new Set<string>();

  /** The writer of an absolute path, `stdout` or `stderr`; throws LogFileError. Where users differ the shorter wait holds. */
  open(path: string, buffering: LogBuffering = DEFAULT_BUFFERING): LogWriter {
    const known = this.#writers.get(path);
    const writer = known ?? new LogWriter(path, buffering, (message) => this.report(message));
    if (known !== undefined)
      known.use(this.#inUse.has(path) ? shorter(known.buffering, buffering) : buffering);
    this.#writers.set(path, writer);
    this.#inUse.add(path);
    return writer;
  }

  /** After a rotation (USR1): lines from now on go to new files of the same names. Gives what did not open. */
  reopenAll(): string[] {
    return [...this.#writers.values()].flatMap((writer) => writer.reopen() ?? []);
  }

  /** Everything that waits is written when this resolves, or `timeoutMs` have passed: a reader may stand still. */
  async flushAll(timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([Promise.all([...this.#writers.values()].map((writer) => writer.flush())), timeout]);
    clearTimeout(timer);
  }

  /** The last act of the process ('exit' event). */
  flushAllSync(): void {
    for (const writer of this.#writers.values()) writer.flushSync();
  }

  /**
   * To be called once a new configuration has taken over: closes the files that were not opened since the last call. Requests
   * that began on the old configuration may still log to them.
   */
  retire(): void {
    for (const [path, writer] of this.#writers) {
      if (!this.#inUse.has(path)) writer.retire();
    }
    this.#inUse.clear();
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
