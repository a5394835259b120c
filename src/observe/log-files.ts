// All logs of a process by path: one writer each, shared by every location and by the error log.
import { isatty } from 'node:tty';
import type { Exchange } from '../exchange/exchange.ts';
import { toBytes } from '../route/template.ts';
import { Timer } from '../shared/timer.ts';
import { GzipLog } from './gzip-log.ts';
import { type LogBuffering, LogWriter } from './log-writer.ts';
import { DEFAULT_BUFFERING, type LogFileCache } from './rows.ts';
import { SyslogSender } from './syslog-sender.ts';
import { terminalLine } from './terminal-line.ts';
import { VariableLog } from './variable-log.ts';

export class LogFiles {
  /** Hears of lines that were lost and of files that do not reopen. To be set to the error log once there is one. */
  report: (message: string) => void;
  readonly #toStderr = (message: string): void => this.print('stderr', message);
  readonly #writers = new Map<string, LogWriter>();
  /** What the newest configuration opened since the last `retire` or `discard`, and how it wants each buffered. */
  readonly #wanted = new Map<string, LogBuffering>();
  /** Of these, those that no configuration in use has open. */
  readonly #fresh = new Set<LogWriter>();
  /** By their texts: they cost a socket each, and live as long as the process. */
  readonly #senders = new Map<string, SyslogSender>();
  readonly #gzipped = new Map<LogWriter, GzipLog>();
  /** Logs that keep files of their own open: of the configuration in use, and of the newest until `retire` or `discard`. */
  #keeping: readonly VariableLog[] = [];
  #freshKeeping: VariableLog[] = [];
  /** Streams of the process that no configuration names. */
  readonly #unnamed = new Set<LogWriter>();

  constructor() {
    this.report = this.#toStderr;
  }

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
    if (this.#unnamed.delete(writer)) writer.tellsItself = false;
    this.#wanted.set(path, wanted);
    if (this.#fresh.has(writer)) writer.use(wanted);
    return writer;
  }

  /** The same for a file of compressed lines. */
  gzipped(path: string, buffering: LogBuffering, level: number): GzipLog {
    const writer = this.open(path, buffering);
    const log = this.#gzipped.get(writer) ?? new GzipLog(writer);
    log.level = level;
    this.#gzipped.set(writer, log);
    return log;
  }

  /** A log whose path has variables; how its files stay open is null where they do not. */
  varying(path: (x: Exchange) => string, cache: LogFileCache | null): VariableLog {
    const log = new VariableLog(path, cache, (message) => this.report(message));
    if (cache !== null) this.#freshKeeping.push(log);
    return log;
  }

  /** The sender of a `syslog:…`. */
  syslog(text: string): SyslogSender {
    const sender = this.#senders.get(text) ?? new SyslogSender(text);
    this.#senders.set(text, sender);
    return sender;
  }

  /**
   * A line, or several, on one of the process's own streams, at once and without waiting for whoever reads it. A stream that no
   * configuration names is open all the same. A terminal shows control characters and obeys none; files and pipes get them as they are.
   */
  print(stream: 'stdout' | 'stderr', text: string): void {
    try {
      const isTerminal = isatty(stream === 'stdout' ? 1 : 2);
      const shown = isTerminal ? text.split('\n').map(terminalLine).join('\n') : text;
      this.#stream(stream).write(`${toBytes(shown)}\n`, true);
    } catch {
      // There is no such stream, and nobody else to tell.
    }
  }

  #stream(path: 'stdout' | 'stderr'): LogWriter {
    let writer = this.#writers.get(path);
    if (writer === undefined) {
      writer = new LogWriter(path, DEFAULT_BUFFERING, (message) => this.report(message));
      this.#writers.set(path, writer);
      this.#unnamed.add(writer);
    }
    // Until an error log elsewhere hears of it.
    if (this.#unnamed.has(writer)) writer.tellsItself = path === 'stderr' && this.report === this.#toStderr;
    return writer;
  }

  /** After a rotation (USR1): lines from now on go to new files of the same names. Gives what did not open. */
  reopenAll(): string[] {
    this.#squeeze();
    return [...this.#writers.values()].flatMap((writer) => writer.reopen() ?? []);
  }

  /** Everything that waits is written when this resolves, or `timeoutMs` have passed: a reader may stand still. */
  async flushAll(timeoutMs: number): Promise<void> {
    this.#squeeze();
    let timer: Timer | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = new Timer(resolve, timeoutMs);
    });
    const all = [...this.#writers.values(), ...this.#senders.values()];
    await Promise.race([Promise.all(all.map((one) => one.flush())), timeout]);
    timer?.stop();
  }

  /**
   * Ends the process at once. Its exit would wait for a write that a terminal after Ctrl-S holds, which happens where that may not
   * be opened again: Node joins its I/O threads.
   */
  exit(code: number): void {
    if ([...this.#writers.values()].some((writer) => writer.isStuck)) process.kill(process.pid, 'SIGKILL');
    process.exit(code);
  }

  /** The last act of the process ('exit' event). */
  flushAllSync(): void {
    this.#squeeze();
    for (const writer of this.#writers.values()) writer.flushSync();
  }

  /**
   * To be called once a new configuration has taken over: closes the files that it did not open. Requests that began on the old
   * configuration may still log to them.
   */
  retire(): void {
    for (const [path, writer] of this.#writers) {
      const wanted = this.#wanted.get(path);
      if (wanted !== undefined) writer.use(wanted);
      else {
        this.#gzipped.get(writer)?.squeeze();
        writer.retire();
      }
    }
    for (const log of this.#keeping) log.retire();
    this.#keeping = this.#freshKeeping;
    this.#forget();
  }

  /** The new configuration was refused: closes what only it had opened. */
  discard(): void {
    for (const one of [...this.#fresh, ...this.#freshKeeping]) one.retire();
    this.#forget();
  }

  #squeeze(): void {
    for (const log of this.#gzipped.values()) log.squeeze();
  }

  #forget(): void {
    this.#wanted.clear();
    this.#fresh.clear();
    this.#freshKeeping = [];
  }
}

function shorter(a: LogBuffering, b: LogBuffering): LogBuffering {
  const flushMs = a.flushMs === 0 || b.flushMs === 0 ? a.flushMs + b.flushMs : Math.min(a.flushMs, b.flushMs);
  return { bufferBytes: Math.min(a.bufferBytes, b.bufferBytes), flushMs };
}
