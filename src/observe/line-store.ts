// Where the lines of a log wait as bytes until they are written. Whoever makes a line writes it piece by piece behind those before it: kept as
// text, each would stay a tree of small strings until then.
import { copyOf } from '../shared/buffers.ts';

/** Whom a line is written to: `room`, its bytes from there on, `end`. Between the two nobody else writes. */
export interface LineSink {
  /** Where a line may begin in `bytes`, of at most so many of them. */
  room(mostBytes: number): number;
  /** Another one after each `room`. */
  readonly bytes: Buffer;
  /** The line with its line feed ends before `to`. */
  end(to: number): void;
}

/** Lines are gathered up to this size. */
export const CUT_BYTES = 64 * 1024;
/** And one that may be as long finds room behind them: how long it is, is known when it is written. */
const STORE_BYTES = CUT_BYTES + 16 * 1024;
const NO_BYTES: Buffer = Buffer.alloc(0);

/** Two stores in turn where much is logged: one is written from while the other one fills. One where little is. */
export class LineStore {
  bytes = NO_BYTES;
  /** Bytes of whole lines. */
  gathered = 0;
  #spare: Buffer | null = null;
  /** The store that is being written from. */
  #lent: Buffer | null = null;

  /** Whether a line of at most so many bytes has room behind the others; otherwise they are to be cut off. */
  hasRoom(mostBytes: number): boolean {
    return this.gathered + mostBytes <= this.bytes.length;
  }

  /** Once all was cut off. */
  makeRoom(mostBytes: number): void {
    if (mostBytes <= this.bytes.length) return;
    if (mostBytes > STORE_BYTES) this.bytes = Buffer.allocUnsafeSlow(mostBytes);
    else {
      this.bytes = this.#spare ?? Buffer.allocUnsafeSlow(STORE_BYTES);
      this.#spare = null;
    }
  }

  /** The lines so far as one batch, to be given back; null without any. What was written behind them, before `to`, becomes the first. */
  cut(to = this.gathered): Buffer | null {
    const { bytes, gathered } = this;
    this.gathered = 0;
    if (gathered === 0) return null;
    // A copy, where a whole store would wait for a few lines, or one that was made for a line of its own.
    const copies = gathered < CUT_BYTES / 2 || bytes.length > STORE_BYTES;
    const batch = copies ? copyOf(bytes, 0, gathered) : bytes.subarray(0, gathered);
    if (!copies) this.#lent ??= bytes;
    // One that was made for a line of its own is not kept, however seldom such lines come.
    if (!copies || bytes.length > STORE_BYTES) {
      this.bytes = NO_BYTES;
      this.makeRoom(to - gathered);
    }
    if (to > gathered) bytes.copy(this.bytes, 0, gathered, to);
    return batch;
  }

  /** A batch, or its rest, is out or lost. */
  giveBack(batch: Buffer): void {
    if (batch.buffer !== this.#lent?.buffer) return;
    this.#spare = this.#lent;
    this.#lent = null;
  }
}

/** A sink for whoever takes lines as text. */
export class TextSink implements LineSink {
  bytes = NO_BYTES;
  readonly #take: (line: string) => void;

  constructor(take: (line: string) => void) {
    this.#take = take;
  }

  room(mostBytes: number): number {
    if (this.bytes.length < mostBytes) this.bytes = Buffer.allocUnsafeSlow(mostBytes);
    return 0;
  }

  end(to: number): void {
    this.#take(this.bytes.latin1Slice(0, to));
  }
}
