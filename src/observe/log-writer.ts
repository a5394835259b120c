// Writes the lines of one log off the request path: whole lines per write(2), one write at a time, bounded memory.
// Several processes may append to the same file; what one write holds stays together.
// A little past 300 lines: one queue, from its lines to its file, with reopening and the end of the process.
import { close, write as writeAsync, writeSync } from 'node:fs';
import { Timer } from '../shared/timer.ts';
import { CUT_BYTES, type LineSink, LineStore } from './line-store.ts';
import { type LogOutput, openLogOutput } from './log-output.ts';
import { countLines, LostLines } from './lost-lines.ts';

export interface LogBuffering {
  /** Bytes that may wait before they are written. */
  readonly bufferBytes: number;
  /** Longest wait of a line in ms; 0 = until `bufferBytes` wait. */
  readonly flushMs: number;
}

/** What may wait while the disk, or who reads the pipe, is slower than the traffic. Lines beyond it are dropped and counted. */
export const MAX_WAITING_BYTES = 16 * 1024 * 1024;
const RETRY_MIN_MS = 5;
const RETRY_MAX_MS = 100;
/** How long the end of the process may wait for a full pipe. */
const SYNC_PATIENCE_MS = 250;

export class LogWriter implements LineSink {
  readonly path: string;
  /** Hears of lost lines and of files that do not open, at most once a minute. */
  onProblem: (message: string) => void;
  /** What `onProblem` says is written to this very log: lost lines are told once it takes lines again. */
  tellsItself = false;
  #buffering: LogBuffering;
  readonly #lost = new LostLines((message) => this.onProblem(`log "${this.path}": ${message}`));
  #output: LogOutput | null;
  #atomicBytes: number;
  /** Lines that have not been made into a batch yet. */
  readonly #store = new LineStore();
  /** Batches, and outputs to change to after the batches before them. */
  #queue: (Buffer | LogOutput)[] = [];
  /** What is being written; its written part is cut off. */
  #current: Buffer | null = null;
  #writing = false;
  #writingSince = 0;
  /** Bytes in current, queue and store. */
  #waiting = 0;
  /** How many of the waiting bytes are to be written even if the buffer is not full. */
  #due = 0;
  #timer: Timer | undefined;
  #retryMs = RETRY_MIN_MS;
  #retry: Timer | undefined;
  #retired = false;
  #drained: (() => void)[] = [];

  /** Opens the log; throws LogFileError. */
  constructor(path: string, buffering: LogBuffering, onProblem: (message: string) => void) {
    this.path = path;
    this.#buffering = buffering;
    this.onProblem = onProblem;
    this.#output = openLogOutput(path);
    this.#atomicBytes = this.#output.atomicBytes;
  }

  get buffering(): LogBuffering {
    return this.#buffering;
  }

  /** Bytes that wait to be written. */
  get waitingBytes(): number {
    return this.#waiting;
  }

  /** Takes one line, ended by a line feed, bytes as latin1. `urgent` begins to write it at once. */
  write(line: string, urgent = false): void {
    const at = this.room(line.length);
    this.end(at + this.bytes.latin1Write(line, at, line.length), urgent);
  }

  get bytes(): Buffer {
    return this.#store.bytes;
  }

  room(mostBytes: number): number {
    if (!this.#store.hasRoom(mostBytes)) {
      this.#cut();
      this.#store.makeRoom(mostBytes);
    }
    return this.#store.gathered;
  }

  end(to: number, urgent = false): void {
    const store = this.#store;
    const length = to - store.gathered;
    if (this.#waiting + length > this.#maxWaiting()) {
      this.#lose(1, 'it takes lines more slowly than they come');
      return;
    }
    if (to > Math.min(CUT_BYTES, this.#atomicBytes)) this.#cut(to);
    store.gathered += length;
    this.#waiting += length;
    if (urgent) this.#writeAll();
    else if (this.#waiting >= this.#buffering.bufferBytes) this.#pump();
    else if (this.#timer === undefined) this.#armTimer();
  }

  #maxWaiting(): number {
    return Math.max(MAX_WAITING_BYTES, 2 * this.#buffering.bufferBytes);
  }

  /** A write waits for a reader that stands still. */
  get isStuck(): boolean {
    const may = this.#output !== null && (this.#output.waits || this.#output.beforeWrite !== null);
    return may && this.#writing && performance.now() - this.#writingSince > SYNC_PATIENCE_MS;
  }

  /** Everything that waits is written, or lost and counted, when this resolves. Does not keep the process alive. */
  flush(): Promise<void> {
    this.#writeAll();
    if (!this.#writing && this.#waiting === 0) return Promise.resolve();
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  /**
   * For the end of the process: hands everything that waits to the system before it returns. A write under way is completed
   * by Node, which joins its I/O threads when it exits.
   */
  flushSync(): void {
    this.#timer?.stop();
    this.#retry?.stop();
    this.#timer = this.#retry = undefined;
    const until = performance.now() + SYNC_PATIENCE_MS;
    if (this.tellsItself) this.#lost.end();
    if (!this.#writing && this.#current !== null) this.#writeNow(this.#current, until);
    for (let batch = this.#nextBatch(); batch !== null; batch = this.#nextBatch())
      this.#writeNow(batch, until);
    if (!this.#writing) this.#current = null;
    this.#waiting = this.#current?.length ?? 0;
    this.#due = this.#waiting;
    this.#lost.end();
    if (!this.#writing) this.#settle();
  }

  /** Lines that came before go to the file as it was opened, later ones to what now has its path. */
  reopen(): string | null {
    let problem: string | null = null;
    if (this.#output?.owned) {
      try {
        const output = openLogOutput(this.path);
        this.#cut();
        this.#queue.push(output);
      } catch (error) {
        problem = `${(error as Error).message}; lines go on to the file that was open`;
        this.onProblem(problem);
      }
    }
    this.#writeAll();
    return problem;
  }

  /** Opens a file that was closed when nobody used it any more; throws LogFileError. False when it is open already. */
  openAgain(): boolean {
    if (this.#output !== null) return false;
    this.#output = openLogOutput(this.path);
    this.#atomicBytes = this.#output.atomicBytes;
    return true;
  }

  /** The log is in use (again). */
  use(buffering: LogBuffering): void {
    this.#retired = false;
    this.#buffering = buffering;
  }

  /** The log is no longer in use: closes the file. Lines that still come open it again for as long as they are written. */
  retire(): void {
    this.#retired = true;
    this.#writeAll();
  }

  #armTimer(): void {
    if (this.#retired) {
      this.#writeAll();
      return;
    }
    if (this.#buffering.flushMs === 0) return;
    this.#timer = new Timer(() => {
      this.#timer = undefined;
      this.#writeAll();
    }, this.#buffering.flushMs).unref();
  }

  /** Begins to write all that waits now. */
  #writeAll(): void {
    this.#due = this.#waiting;
    this.#pump();
  }

  /** Makes the lines so far one batch. A line that ends before `to` comes behind it. */
  #cut(to?: number): void {
    const batch = this.#store.cut(to);
    if (batch !== null) this.#queue.push(batch);
  }

  /** The next batch; changes to a reopened file on the way. Null when nothing waits. */
  #nextBatch(): Buffer | null {
    if (this.#queue.length === 0) this.#cut();
    for (let step = this.#queue.shift(); step !== undefined; step = this.#queue.shift()) {
      if (Buffer.isBuffer(step)) return this.#joinQueued(step);
      this.#close();
      this.#output = step;
      if (this.#queue.length === 0) this.#cut();
    }
    return null;
  }

  /** Together with the first batch those behind it that one write may take. */
  #joinQueued(first: Buffer): Buffer {
    const batches = [first];
    let bytes = first.length;
    for (const next of this.#queue) {
      if (!Buffer.isBuffer(next) || bytes + next.length > this.#atomicBytes) break;
      batches.push(next);
      bytes += next.length;
    }
    if (batches.length === 1) return first;
    this.#queue.splice(0, batches.length - 1);
    const joined = Buffer.concat(batches, bytes);
    for (const batch of batches) this.#store.giveBack(batch);
    return joined;
  }

  /** The next step is to change to a reopened file. */
  #reopening(): boolean {
    return this.#queue.length > 0 && !Buffer.isBuffer(this.#queue[0]);
  }

  /** Writes on while something is due. */
  #pump(): void {
    if (this.#writing || this.#retry !== undefined) return;
    if (this.#current === null) {
      const full = this.#waiting >= this.#buffering.bufferBytes;
      const batch = this.#due > 0 || full || this.#reopening() ? this.#nextBatch() : null;
      if (batch === null) {
        this.#settle();
        return;
      }
      this.#current = batch;
    }
    const output = this.#ready();
    if (output === null) return;
    this.#writing = true;
    this.#writingSince = performance.now();
    output.beforeWrite?.();
    writeAsync(output.fd, this.#current, 0, this.#current.length, null, (error, written) => {
      this.#writing = false;
      this.#onWritten(error, written);
    });
  }

  /** The open output; a retired log's file is opened again. */
  #ready(): LogOutput | null {
    if (this.#output !== null) return this.#output;
    try {
      this.#output = openLogOutput(this.path);
      return this.#output;
    } catch (error) {
      this.#loseCurrent((error as Error).message);
      this.#pump();
      return null;
    }
  }

  #onWritten(error: NodeJS.ErrnoException | null, written: number): void {
    if (error?.code === 'EAGAIN') {
      this.#retry = new Timer(() => {
        this.#retry = undefined;
        this.#pump();
      }, this.#retryMs).unref();
      this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MAX_MS);
      return;
    }
    this.#retryMs = RETRY_MIN_MS;
    if (error === null) this.#advance(written);
    else this.#loseCurrent(error.message);
    this.#pump();
  }

  /** The first `written` bytes of the current batch are out. */
  #advance(written: number): void {
    const batch = this.#current;
    if (batch === null) return;
    this.#taken(written);
    this.#current = written === batch.length ? null : batch.subarray(written);
    if (this.#current === null) this.#store.giveBack(batch);
    // Not with the first piece that a full pipe takes: there would be no room for the word either.
    if (this.#waiting <= this.#maxWaiting() / 2) this.#lost.recovered();
  }

  #taken(bytes: number): void {
    this.#waiting -= bytes;
    this.#due = Math.max(0, this.#due - bytes);
  }

  #loseCurrent(reason: string): void {
    const batch = this.#current;
    if (batch === null) return;
    this.#current = null;
    this.#taken(batch.length);
    this.#lose(countLines(batch), reason);
    this.#store.giveBack(batch);
  }

  #lose(lines: number, reason: string): void {
    this.#lost.add(lines, reason, this.tellsItself);
  }

  /** Nothing to write now. */
  #settle(): void {
    if (this.#waiting > 0) {
      if (this.#timer === undefined) this.#armTimer();
      return;
    }
    if (this.#retired) this.#close();
    const drained = this.#drained;
    this.#drained = [];
    for (const resolve of drained) resolve();
  }

  #close(): void {
    // A write under way still needs its descriptor; that happens only in flushSync, just before the process ends.
    if (!this.#output?.owned) return;
    if (!this.#writing) close(this.#output.fd, ignore);
    this.#output = null;
  }

  #writeNow(batch: Buffer, until: number): void {
    let rest = batch;
    while (rest.length > 0) {
      try {
        this.#output ??= openLogOutput(this.path);
        if (this.#output.waits) throw new Error('its reader may stand still');
        this.#output.beforeWrite?.();
        rest = rest.subarray(writeSync(this.#output.fd, rest));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN' && performance.now() < until) {
          Atomics.wait(SLEEP, 0, 0, RETRY_MIN_MS);
          continue;
        }
        this.#lose(countLines(rest), (error as Error).message);
        return;
      }
    }
  }
}

const ignore = (): void => undefined;
const SLEEP = new Int32Array(new SharedArrayBuffer(4));
