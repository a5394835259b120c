// The one writer of a path: takes blocks of all streams that share it, and does one thing after the other off the event loop: writing,
// rotating, emptying, reopening. A little past 300 lines: one queue with all that must not happen beside its writes.
import type { LogOutput } from '../../observe/log-output.ts';
import { BlockQueue, withoutFirst } from './block-queue.ts';
import { HoldBack } from './hold-back.ts';
import { type JoinedStream, LineJoin } from './line-join.ts';
import { LogFile } from './log-file.ts';
import { closeOutput, type LogPlace, NEW_FILE_MODE } from './log-place.ts';
import { LogTrouble } from './log-trouble.ts';
import { RetryPause } from './retry-pause.ts';
import { emptyFile, removeFiles, rotatedFiles } from './rotated-files.ts';
import { NO_ROTATION, type Rotation, withLargerBudget } from './rotation.ts';

/** What may wait while a path takes less than comes; beyond it the processes wait in their writes. */
export const QUEUE_BYTES = 4 * 1024 * 1024;
const GO_ON_BYTES = QUEUE_BYTES / 4;
/** Until a full pipe is tried again. */
const RETRY_FULL_MS = 100;
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
  readonly #file: LogFile;
  readonly #holdBack: HoldBack;
  #rotation: Rotation = NO_ROTATION;
  /** The last block that was taken has no line end; what follows a loss begins a new line. */
  #acceptedMidLine = false;
  #lostSome = false;
  /** Bytes that are being written. */
  #writingBytes = 0;
  #running = false;
  /** Something came since the last look whether there is something to do. */
  #hasNews = false;
  #operations: (() => Promise<void>)[] = [];
  readonly #retry = new RetryPause();
  #drained: (() => void)[] = [];
  /** Of what is being written no more is to be. */
  #wasCleared = false;
  /** What is being written and will be tried again. */
  #left: readonly Buffer[] = [];
  #closed = false;

  constructor(place: LogPlace, settings: WriterSettings) {
    this.place = place;
    this.#settings = settings;
    this.#trouble = new LogTrouble((message) => settings.report(`log "${place.key}": ${message}`));
    this.#file = new LogFile(place, settings.nowMs);
    this.#holdBack = new HoldBack(settings.patienceMs);
  }

  get rotation(): Rotation {
    return this.#rotation;
  }

  /** No streams, and nothing to write. */
  get isIdle(): boolean {
    return this.#join.size === 0 && !this.#running && this.#waitingBytes() === 0;
  }

  /** `mode` is that of the file if it is made. */
  attach(rotation: Rotation, mode = NEW_FILE_MODE): JoinedStream {
    const stream = this.#join.add();
    this.change(stream, rotation);
    this.#open(mode);
    return stream;
  }

  /** The stream wants its file rotated otherwise. Of several wishes the one that keeps most holds. */
  change(stream: JoinedStream, rotation: Rotation): void {
    this.#rotations.set(stream, rotation);
    this.#rotation = [...this.#rotations.values()].reduce(withLargerBudget);
  }

  detach(stream: JoinedStream): void {
    this.#join.remove(stream);
    // Its rotation holds on: it may be started anew, and what the others want may be less.
    this.#rotations.delete(stream);
    this.#run();
  }

  /** A promise holds the stream back until it settles; it never rejects. */
  write(stream: JoinedStream, chunk: Buffer): void | Promise<void> {
    this.#join.write(stream, chunk);
    return this.#isFull() && !this.#holdBack.isOver ? this.#holdBack.wait() : undefined;
  }

  /** What came before goes to the file as it was open, the rest to what now has its path. Gives the reason where that cannot be opened. */
  reopen(): string | null {
    if (this.#closed || this.#file.output?.owned === false) return null;
    try {
      const output = this.place.open(NEW_FILE_MODE);
      // Where nothing is taken, what waits goes to the new file too.
      if (this.#trouble.isOn) void this.exclusively(async () => this.#file.use(output));
      else this.#queue.pushChange(output);
      return null;
    } catch (error) {
      const problem = `${(error as Error).message}; output goes on to the file that was open`;
      this.#trouble.note(problem);
      return problem;
    } finally {
      this.#run();
    }
  }

  /** Empties the file, with what waits to be written to it. Rejects with the reason. */
  async clear(withRotated: boolean): Promise<void> {
    if (!this.place.isFile) return;
    for (const output of this.#queue.clear()) closeOutput(output);
    this.#acceptedMidLine = false;
    await this.exclusively(async () => {
      this.#wasCleared = true;
      await emptyFile(this.place.key);
      if (withRotated) await removeFiles(await rotatedFiles(this.place.key));
      if (!this.#closed) this.#file.use(this.place.open(NEW_FILE_MODE));
    });
    this.#holdBack.release();
  }

  /** Does something to the path's files while nothing is written. Rejects as `act` does. */
  exclusively(act: () => Promise<void>): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      this.#operations.push(() => act().then(resolve, reject));
      this.#run();
      this.#retry.wake();
    });
  }

  /** Resolves when nothing waits any more. */
  flush(): Promise<void> {
    this.#join.settle();
    this.#run();
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  /** It may be midnight. */
  checkDay(): void {
    if (this.#file.isOver(this.#rotation)) this.#run();
  }

  /** No bytes come any more; what still waits is lost, and told. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#holdBack.giveUp();
    for (const block of this.#takeWaiting()) this.#trouble.lose(block);
    // Unless it is just being written.
    if (this.#retry.isPausing) this.#loseLeft();
    this.#trouble.close();
    this.#retry.wake();
    if (!this.#running) this.#file.close();
  }

  #takeWaiting(): Buffer[] {
    const blocks: Buffer[] = [];
    while (!this.#queue.isEmpty) {
      closeOutput(this.#queue.takeChange());
      blocks.push(...(this.#queue.takeBatch(QUEUE_BYTES, this.#file.end(NO_ROTATION))?.blocks ?? []));
    }
    return blocks;
  }

  #waitingBytes(): number {
    return this.#queue.cost + this.#writingBytes + this.#join.deferredBytes;
  }

  #isFull(): boolean {
    return this.#waitingBytes() >= QUEUE_BYTES;
  }

  #push(block: Buffer): void {
    if (block.length === 0) return;
    if (this.#closed || (this.#holdBack.isOver && this.#isFull())) {
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
      this.#file.use(change);
      return true;
    }
    if (this.#closed) return false;
    const { output } = this.#file;
    if (output === null) {
      if (this.#queue.isEmpty) return false;
      if (!this.#open()) await this.#pause();
      return true;
    }
    const batch = this.#queue.takeBatch(output.atomicBytes, this.#file.end(this.#rotation));
    if (batch === null) return false;
    this.#left = batch.blocks;
    await this.#writeLeft();
    if (batch.rotate && this.#file.output === output && !this.#closed) await this.#rotate();
    return true;
  }

  /** Until all is written, however often it has to be tried; or until the file is emptied or closed. */
  async #writeLeft(): Promise<void> {
    this.#writingBytes = this.#left.reduce((sum, block) => sum + block.length, 0);
    this.#wasCleared = false;
    while (this.#left.length > 0 && this.#file.output !== null) {
      const { error, written } = await this.#file.write(this.#file.output, this.#left);
      this.#left = withoutFirst(this.#left, written);
      if (written > 0) this.#advance(written);
      if (error === null) continue;
      if (this.#closed) break;
      if (error.code !== 'EAGAIN') this.#trouble.begin(error.message);
      await this.#pause(error.code === 'EAGAIN' ? RETRY_FULL_MS : undefined);
      for (let next = this.#operations.shift(); next !== undefined; next = this.#operations.shift())
        await next();
      // Emptying the file makes room on a full disk; what was to be written to it is older than that.
      if (this.#wasCleared) this.#left = [];
    }
    this.#loseLeft();
    this.#writingBytes = 0;
  }

  #loseLeft(): void {
    for (const block of this.#left) this.#trouble.lose(block);
    this.#left = [];
    if (this.#closed) this.#trouble.close();
  }

  #advance(written: number): void {
    this.#retry.reset();
    this.#writingBytes -= written;
    this.#holdBack.progress(this.#waitingBytes() <= GO_ON_BYTES);
    this.#trouble.end();
  }

  /** An operation or the end cuts it short. */
  #pause(mostMs?: number): Promise<void> {
    if (this.#operations.length > 0 || this.#closed) return Promise.resolve();
    return this.#retry.pause(mostMs);
  }

  #open(mode?: number): boolean {
    try {
      this.#file.open(mode);
      return true;
    } catch (error) {
      this.#trouble.begin((error as Error).message);
      return false;
    }
  }

  async #rotate(): Promise<void> {
    try {
      if (!(await this.#file.rotate(this.#rotation))) return;
      if (this.#rotation.gzip) this.#settings.rotated(this);
    } catch (error) {
      this.#trouble.note(`it cannot be rotated: ${(error as Error).message}; it is tried again`);
    }
  }

  /** Nothing to do now. */
  #settle(): void {
    const drained = this.#drained;
    this.#drained = [];
    for (const resolve of drained) resolve();
    if (this.#closed) this.#file.close();
    else if (this.isIdle) this.#settings.idle(this);
  }
}
