// Several streams into one file: as long as there is one its bytes go on as they come; once there are several only whole lines do.
import { Timer } from '../../shared/timer.ts';
import { MAX_LINE_BYTES } from '../output.ts';

const LF = 0x0a;
const LINE_END = Buffer.from('\n');
/** How long others wait for the rest of a line that has begun in the file already, before it is ended for them. */
const OPEN_LINE_MS = 200;

/** One stream of one process, as far as the file is concerned. */
export interface JoinedStream {
  /** The beginning of a line that has no end yet. */
  held: Buffer[];
  heldBytes: number;
}

interface Deferred {
  readonly stream: JoinedStream;
  readonly blocks: readonly Buffer[];
}

export class LineJoin {
  readonly #emit: (block: Buffer) => void;
  readonly #streams = new Set<JoinedStream>();
  /** Whose line has begun in the file and has no end there yet. */
  #openBy: JoinedStream | null = null;
  /** What waits for the end of that line. */
  #deferred: Deferred[] = [];
  #deferredBytes = 0;
  #timer: Timer | undefined;

  constructor(emit: (block: Buffer) => void) {
    this.#emit = emit;
  }

  get size(): number {
    return this.#streams.size;
  }

  get deferredBytes(): number {
    return this.#deferredBytes;
  }

  add(): JoinedStream {
    const stream: JoinedStream = { held: [], heldBytes: 0 };
    this.#streams.add(stream);
    return stream;
  }

  write(stream: JoinedStream, chunk: Buffer): void {
    if (chunk.length === 0) return;
    if (this.#streams.size === 1 && this.#deferred.length === 0) {
      this.#place(stream, [...take(stream), chunk]);
      return;
    }
    const end = chunk.lastIndexOf(LF) + 1;
    if (end > 0) this.#place(stream, [...take(stream), chunk.subarray(0, end)]);
    if (end === chunk.length) return;
    const rest = chunk.subarray(end);
    if (this.#openBy === stream) {
      this.#place(stream, [rest]);
      return;
    }
    // A copy: the rest of the chunk is not to be kept for it.
    stream.held.push(Buffer.from(rest));
    stream.heldBytes += rest.length;
    if (stream.heldBytes >= MAX_LINE_BYTES) this.#place(stream, take(stream));
  }

  /** Gives out the stream's unfinished line. */
  remove(stream: JoinedStream): void {
    if (!this.#streams.delete(stream)) return;
    const others = this.#streams.size > 0 || this.#deferred.length > 0;
    if (stream.heldBytes > 0) this.#place(stream, [...take(stream), ...(others ? [LINE_END] : [])]);
    if (this.#openBy === stream) {
      if (others) this.#emit(LINE_END);
      this.#openBy = null;
      this.#release();
    }
    if (this.#streams.size !== 1) return;
    // Who is left alone holds nothing back.
    for (const last of this.#streams) if (last.heldBytes > 0) this.#place(last, take(last));
  }

  /** Nothing waits for the end of somebody's line any more. */
  settle(): void {
    if (this.#deferred.length > 0) this.#endOpenLine();
  }

  #place(stream: JoinedStream, blocks: readonly Buffer[]): void {
    if (this.#openBy !== null && this.#openBy !== stream) {
      this.#deferred.push({ stream, blocks });
      for (const block of blocks) this.#deferredBytes += block.length;
      this.#timer ??= new Timer(() => this.#endOpenLine(), OPEN_LINE_MS).unref();
      return;
    }
    for (const block of blocks) this.#emit(block);
    this.#openBy = blocks.at(-1)?.at(-1) === LF ? null : stream;
    this.#release();
  }

  #endOpenLine(): void {
    this.#emit(LINE_END);
    this.#openBy = null;
    this.#release();
  }

  #release(): void {
    if (this.#openBy !== null || this.#deferred.length === 0) return;
    this.#timer?.stop();
    this.#timer = undefined;
    const deferred = this.#deferred;
    this.#deferred = [];
    this.#deferredBytes = 0;
    for (const { stream, blocks } of deferred) this.#place(stream, blocks);
  }
}

function take(stream: JoinedStream): readonly Buffer[] {
  const { held } = stream;
  if (held.length === 0) return NONE;
  stream.held = [];
  stream.heldBytes = 0;
  return held;
}

const NONE: readonly Buffer[] = [];
