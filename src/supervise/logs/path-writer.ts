// The one writer of a path: takes blocks of all streams that share it, writes them in turn off the event loop, and rotates the file.
// A little past 300 lines: one queue with everything that must not happen beside its writes.
import { fstatSync, writev } from 'node:fs';
import { stat, truncate } from 'node:fs/promises';
import type { LogOutput } from '../../observe/log-output.ts';
import { Timer } from '../../shared/timer.ts';
import { BlockQueue } from './block-queue.ts';
import { type JoinedStream, LineJoin } from './line-join.ts';
import { closeOutput, type LogPlace, NEW_FILE_MODE } from './log-place.ts';
import { LogTrouble } from './log-trouble.ts';
import { removeFiles, rotatedFiles, shiftFiles, trimFiles } from './rotated-files.ts';
import { NO_ROTATION, type Rotation, sameRotation, withLargerBudget } from './rotation.ts';

/** What may wait while a path takes less than comes; beyond it the processes wait in their writes. */
export const QUEUE_BYTES = 4 * 1024 * 1024;
const GO_ON_BYTES = QUEUE_BYTES / 4;
const RETRY_MIN_MS = 5;
const RETRY_FULL_MS = 100;
const RETRY_MAX_MS = 1000;
const LF = 0x0a;
const LINE_END = Buffer.from('\n');

export interface WriterSettings {
  readonly report: (message: string) => void;
  /** Wall clock. */
  readonly nowMs: () => number;
  /** How long a full queue that nothing is taken from holds the processes back before what they print is dropped. */
  readonly patienceMs: number;
  /** The newest rotated file of the writer is complete. */
  readonly rotated: (writer: PathWriter) => void;
  /** The writer has no streams and nothing to write. */
  readonly idle: (writer: PathWriter) => void;
}

export class PathWriter {
  readonly place: LogPlace;
  readonly #settings: WriterSettings;
  readonly #trouble: LogTrouble;
  readonly #join = new LineJoin((block) => this.#push(block));
  readonly #rotations = new Map<JoinedStream, Rotation>();
  readonly #queue = new BlockQueue<LogOutput>();
  #rotation: Rotation = NO_ROTATION;
  #output: LogOutput | null = null;
  #sizeBytes = 0;
  #isMidLine = false;
  /** The last block that was taken ends a line; what follows a loss begins a new one. */
  #acceptedMidLine = false;
  #lostSome = false;
  /** End of the day that the file is of. */
  #dayEndMs = Number.POSITIVE_INFINITY;
  /** After a rotation that failed: the size up to which none is tried again. */
  #keepUntilBytes = 0;
  #writingCost = 0;
  #running = false;
  /** Something came since the last look whether there is something to do. */
  #hasNews = false;
  #operations: (() => Promise<void>)[] = [];
  #room: PromiseWithResolvers<void> | null = null;
  /** Runs while a full queue waits for a write to succeed. */
  #patience: Timer | null = null;
  #dropping = false;
  #wake: (() => void) | null = null;
  #retryMs = RETRY_MIN_MS;
  #drained: (() => void)[] = [];
  #closed = false;

  constructor(place: LogPlace, settings: WriterSettings) {
    this.place = place;
    this.#settings = settings;
    this.#trouble = new LogTrouble((message) => settings.report(`log "${place.key}": ${message}`));
  }

  get rotation(): Rotation {
    return this.#rotation;
  }

  /** No streams, and nothing to write. */
  get isIdle(): boolean {
    return this.#join.size === 0 && !this.#running && this.#waitingCost === 0;
  }

  /** Mode with which a file is made that is not there yet. */
  attach(rotation: Rotation, mode = NEW_FILE_MODE): JoinedStream {
    const stream = this.#join.add();
    this.change(stream, rotation);
    this.#open(mode);
    return stream;
  }

  /** The stream wants its file rotated otherwise. Of several wishes the one that keeps most holds. */
  change(stream: JoinedStream, rotation: Rotation): void {
    this.#rotations.set(stream, rotation);
    const before = this.#rotation;
    this.#rotation = [...this.#rotations.values()].reduce(withLargerBudget);
    if (!this.#rotation.daily) this.#dayEndMs = Number.POSITIVE_INFINITY;
    else if (!before.daily) this.#dayEndMs = this.#endOfFileDay();
    if (!sameRotation(before, this.#rotation)) this.#run();
  }

  detach(stream: JoinedStream): void {
    this.#join.remove(stream);
    this.#rotations.delete(stream);
    this.#run();
  }

  /** A promise holds the stream back until it settles; it never rejects. */
  write(stream: JoinedStream, chunk: Buffer): void | Promise<void> {
    this.#join.write(stream, chunk);
    if (!this.#isFull || this.#dropping) return;
    this.#patience ??= new Timer(() => this.#giveUp(), this.#settings.patienceMs).unref();
    this.#room ??= Promise.withResolvers<void>();
    return this.#room.promise;
  }

  /** What came before goes to the file as it was open, the rest to what now has its path. Gives the reason where that cannot be opened. */
  reopen(): string | null {
    if (this.#closed || (this.#output !== null && !this.#output.owned)) return null;
    try {
      const output = this.place.open(NEW_FILE_MODE);
      this.#queue.pushChange(output);
    } catch (error) {
      const problem = `${(error as Error).message}; output goes on to the file that was open`;
      this.#trouble.note(problem);
      return problem;
    } finally {
      this.#run();
    }
    return null;
  }

  /** Empties the file, with what waits to be written to it. Rejects with the reason. */
  async clear(withRotated: boolean): Promise<void> {
    if (!this.place.isFile) return;
    for (const output of this.#queue.clear()) closeOutput(output);
    this.#acceptedMidLine = false;
    await this.exclusively(async () => {
      await truncateIfThere(this.place.key);
      if (withRotated) await removeFiles(await rotatedFiles(this.place.key));
      if (this.#output !== null) this.#use(this.place.open(NEW_FILE_MODE));
    });
    this.#makeRoom();
  }

  /** Does something to the path's files while nothing is written. Rejects as `act` does. */
  exclusively(act: () => Promise<void>): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      this.#operations.push(() => act().then(resolve, reject));
      this.#run();
      this.#wake?.();
    });
  }

  /** Resolves when nothing waits any more. */
  flush(): Promise<void> {
    this.#join.settle();
    this.#run();
    if (!this.#running) return Promise.resolve();
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  /** It may be midnight. */
  checkDay(): void {
    if (this.#isOver) this.#run();
  }

  /** No bytes come any more; what still waits is lost, and told. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#giveUp();
    this.#patience?.stop();
    for (const block of this.#takeWaiting()) this.#trouble.lose(block);
    this.#trouble.close();
    this.#wake?.();
    if (!this.#running) this.#closeOutput();
  }

  #takeWaiting(): Buffer[] {
    const blocks: Buffer[] = [];
    const whole = { sizeBytes: 0, isMidLine: false, maxBytes: 0, isOver: false };
    while (!this.#queue.isEmpty) {
      closeOutput(this.#queue.takeChange());
      const batch = this.#queue.takeBatch(QUEUE_BYTES, whole);
      if (batch !== null) blocks.push(...batch.blocks);
    }
    return blocks;
  }

  get #waitingCost(): number {
    return this.#queue.cost + this.#writingCost + this.#join.deferredBytes;
  }

  get #isFull(): boolean {
    return this.#waitingCost >= QUEUE_BYTES;
  }

  get #isOver(): boolean {
    return this.#sizeBytes > 0 && this.#settings.nowMs() >= this.#dayEndMs;
  }

  #push(block: Buffer): void {
    if (block.length === 0) return;
    if (this.#closed || (this.#dropping && this.#isFull)) {
      this.#lostSome = true;
      this.#trouble.lose(block);
      return;
    }
    if (this.#lostSome && this.#acceptedMidLine) this.#queue.push(LINE_END);
    this.#lostSome = false;
    this.#acceptedMidLine = block.at(-1) !== LF;
    this.#queue.push(block);
    this.#run();
  }

  /** Nothing was taken for too long: the processes go on, what they print is lost. */
  #giveUp(): void {
    this.#dropping = true;
    this.#makeRoom();
  }

  #makeRoom(): void {
    this.#room?.resolve();
    this.#room = null;
  }

  #run(): void {
    this.#hasNews = true;
    if (this.#running) return;
    this.#running = true;
    void this.#work();
  }

  /** Writes on while there is something to write. Nothing in it throws; all that can go wrong is tried again. */
  async #work(): Promise<void> {
    // Blocks of one turn of the event loop go out together.
    await Promise.resolve();
    for (;;) {
      this.#hasNews = false;
      const operation = this.#operations.shift();
      if (operation !== undefined) await operation();
      else if (!(await this.#step()) && !this.#hasNews) break;
    }
    this.#running = false;
    this.#settle();
  }

  /** False when there is nothing to do. */
  async #step(): Promise<boolean> {
    const change = this.#queue.takeChange();
    if (change !== null) {
      this.#use(change);
      return true;
    }
    if (this.#closed) return false;
    if (this.#output === null) {
      if (this.#queue.isEmpty) return false;
      if (!this.#open(NEW_FILE_MODE)) await this.#pause(RETRY_MAX_MS);
      return true;
    }
    const batch = this.#queue.takeBatch(this.#output.atomicBytes, this.#fileEnd());
    if (batch === null) return false;
    await this.#writeBlocks(batch.blocks);
    if (batch.rotate && !this.#closed) await this.#rotate();
    return true;
  }

  #fileEnd(): Parameters<BlockQueue<LogOutput>['takeBatch']>[1] {
    const { maxBytes } = this.#rotation;
    return {
      sizeBytes: this.#sizeBytes,
      isMidLine: this.#isMidLine,
      maxBytes: this.place.isFile && maxBytes > 0 ? Math.max(maxBytes, this.#keepUntilBytes) : 0,
      isOver: this.#isOver,
    };
  }

  /** Until all is written, however often it has to be tried; or until the file is emptied or closed. */
  async #writeBlocks(blocks: readonly Buffer[]): Promise<void> {
    let left = blocks;
    while (left.length > 0 && this.#output !== null) {
      this.#writingCost = left.reduce((sum, block) => sum + block.length, 0);
      const { error, written } = await writeOnce(this.#output, left);
      if (error === null) {
        this.#advance(left, written);
        left = withoutFirst(left, written);
        continue;
      }
      if (this.#closed) break;
      if (error.code !== 'EAGAIN') this.#trouble.begin(error.message);
      await this.#pause(error.code === 'EAGAIN' ? RETRY_FULL_MS : RETRY_MAX_MS);
      // Emptying the file makes room on a full disk; what was to be written is older than that.
      if (this.#operations.length > 0) left = await this.#operateInBetween(left);
    }
    for (const block of left) this.#trouble.lose(block);
    if (this.#closed) this.#trouble.close();
    this.#writingCost = 0;
  }

  async #operateInBetween(left: readonly Buffer[]): Promise<readonly Buffer[]> {
    const before = this.#output;
    for (let next = this.#operations.shift(); next !== undefined; next = this.#operations.shift())
      await next();
    return before === this.#output ? left : [];
  }

  #advance(blocks: readonly Buffer[], written: number): void {
    if (written === 0) return;
    this.#retryMs = RETRY_MIN_MS;
    this.#sizeBytes += written;
    this.#isMidLine = !endsLine(blocks, written);
    this.#writingCost = Math.max(0, this.#writingCost - written);
    this.#patience?.stop();
    this.#patience = null;
    this.#dropping = false;
    this.#trouble.end();
    if (this.#waitingCost <= GO_ON_BYTES) this.#makeRoom();
    else if (this.#room !== null)
      this.#patience = new Timer(() => this.#giveUp(), this.#settings.patienceMs).unref();
  }

  /** Twice as long each time, up to `mostMs`; an operation or the end cuts it short. */
  #pause(mostMs: number): Promise<void> {
    const ms = Math.min(this.#retryMs, mostMs);
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MAX_MS);
    if (this.#operations.length > 0 || this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        this.#wake = null;
        timer.stop();
        resolve();
      };
      const timer = new Timer(done, ms).unref();
      this.#wake = done;
    });
  }

  #open(mode: number): boolean {
    if (this.#output !== null || this.#closed) return true;
    try {
      this.#use(this.place.open(mode));
      return true;
    } catch (error) {
      this.#trouble.begin((error as Error).message);
      return false;
    }
  }

  #use(output: LogOutput): void {
    if (this.#output !== output) closeOutput(this.#output);
    this.#output = output;
    this.#isMidLine = false;
    this.#keepUntilBytes = 0;
    this.#sizeBytes = this.place.isFile ? fstatSync(output.fd).size : 0;
    this.#dayEndMs = this.#rotation.daily ? this.#endOfFileDay() : Number.POSITIVE_INFINITY;
  }

  #endOfFileDay(): number {
    if (!this.place.isFile || this.#output === null) return Number.POSITIVE_INFINITY;
    const { size, mtimeMs } = fstatSync(this.#output.fd);
    return nextMidnightMs(size > 0 ? Math.min(mtimeMs, this.#settings.nowMs()) : this.#settings.nowMs());
  }

  async #rotate(): Promise<void> {
    const output = this.#output;
    if (output === null || this.#sizeBytes === 0) return;
    try {
      const own = fstatSync(output.fd);
      const named = await stat(this.place.key).catch(() => null);
      // Somebody else moved it, or emptied it: what has the path now is another file.
      if (named?.ino !== own.ino || named.dev !== own.dev || own.size < this.#sizeBytes) {
        this.#use(this.place.open(own.mode & 0o777));
        return;
      }
      if (this.#rotation.backups === 0) await truncate(this.place.key);
      else await shiftFiles(this.place.key, this.#rotation.backups);
      this.#use(this.place.open(own.mode & 0o777));
      if (this.#rotation.totalBytes > 0) await trimFiles(this.place.key, this.#rotation.totalBytes);
      if (this.#rotation.gzip && this.#rotation.backups > 0) this.#settings.rotated(this);
    } catch (error) {
      this.#keepUntilBytes = this.#sizeBytes + this.#rotation.maxBytes;
      this.#dayEndMs = this.#rotation.daily
        ? nextMidnightMs(this.#settings.nowMs())
        : Number.POSITIVE_INFINITY;
      this.#trouble.note(
        `it cannot be rotated: ${(error as Error).message}; it grows on, and is tried again`,
      );
    }
  }

  /** Nothing to do now. */
  #settle(): void {
    const drained = this.#drained;
    this.#drained = [];
    for (const resolve of drained) resolve();
    if (this.#closed) this.#closeOutput();
    else if (this.isIdle) this.#settings.idle(this);
  }

  #closeOutput(): void {
    closeOutput(this.#output);
    this.#output = null;
  }
}

interface WriteResult {
  readonly error: NodeJS.ErrnoException | null;
  readonly written: number;
}

function writeOnce(output: LogOutput, blocks: readonly Buffer[]): Promise<WriteResult> {
  return new Promise((resolve) => {
    output.beforeWrite?.();
    writev(output.fd, blocks, null, (error, written) => resolve({ error, written: written ?? 0 }));
  });
}

function withoutFirst(blocks: readonly Buffer[], bytes: number): readonly Buffer[] {
  let left = bytes;
  for (const [i, block] of blocks.entries()) {
    if (left < block.length) return [block.subarray(left), ...blocks.slice(i + 1)];
    left -= block.length;
  }
  return [];
}

function endsLine(blocks: readonly Buffer[], written: number): boolean {
  let left = written;
  for (const block of blocks) {
    if (left <= block.length) return block[left - 1] === LF;
    left -= block.length;
  }
  return false;
}

async function truncateIfThere(path: string): Promise<void> {
  try {
    await truncate(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** Midnight of this machine's time zone after a moment. */
function nextMidnightMs(afterMs: number): number {
  const date = new Date(afterMs);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + 1).getTime();
}
