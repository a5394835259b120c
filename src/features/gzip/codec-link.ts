// A body filter around one of Node's compression streams, for codings that cannot be made of separate calls. What comes is copied, and
// the stream's own bounds hold both sides: WAIT towards the source, a pause where the sink says WAIT.
import type { BrotliCompress, Gunzip, ZstdCompress } from 'node:zlib';
import { FilterLink } from '../../answer/link.ts';
import type { AnswerSink, Exchange } from '../../exchange/exchange.ts';
import { ENOUGH, FLUSH, type Flow, GO, LAST, WAIT } from '../../exchange/flow.ts';
import { copyOf } from '../../shared/buffers.ts';

export type CodecStream = BrotliCompress | Gunzip | ZstdCompress;

export interface Codec {
  readonly create: () => CodecStream;
  /** A body that came in one piece, at once; null where it must go through a stream after all. Throws on bytes that are none of the coding. */
  readonly whole: (input: Buffer) => Buffer | null;
  /** Bytes behind the end of what is decoded are an error. */
  readonly decodes: boolean;
  readonly report: (x: Exchange, message: string) => void;
}

/** Streams at work: none may be left when all answers have ended. */
export const openCodecs = { count: 0 };

export class CodecLink extends FilterLink {
  readonly #codec: Codec;
  #stream: CodecStream | null = null;
  #bytesIn = 0;
  #blocked = false;
  #lastTaken = false;
  #flush = 0;

  constructor(x: Exchange, next: AnswerSink, codec: Codec) {
    super(x, next);
    this.#codec = codec;
  }

  /** A coding that turns out to be none leaves no answer at all, as in nginx. */
  protected override get headFirst(): boolean {
    return !this.#codec.decodes;
  }

  protected take(buf: Buffer, a: number, b: number, flags: number): Flow {
    if ((flags & LAST) !== 0) {
      this.#lastTaken = true;
      if (this.#stream === null && b - a <= WHOLE_BYTES) {
        const flow = this.#takeWhole(buf.subarray(a, b));
        if (flow !== null) return flow;
      }
    }
    return this.#feed(buf, a, b, flags);
  }

  #takeWhole(input: Buffer): Flow | null {
    let out: Buffer | null;
    try {
      out = this.#codec.whole(input);
    } catch (error) {
      return this.#fail(error);
    }
    return out === null ? null : this.emit(out, 0, out.length, LAST);
  }

  #feed(buf: Buffer, a: number, b: number, flags: number): Flow {
    const stream = this.#open();
    this.#flush = flags & FLUSH;
    if (a < b) {
      this.#bytesIn += b - a;
      stream.write(copyOf(buf, a, b));
    }
    if (this.#lastTaken) stream.end();
    else if (this.#flush !== 0 && !this.#codec.decodes) stream.flush();
    return stream.writableNeedDrain || this.#blocked ? WAIT : GO;
  }

  #open(): CodecStream {
    if (this.#stream !== null) return this.#stream;
    const stream = this.#codec.create();
    openCodecs.count++;
    stream.once('close', () => openCodecs.count--);
    stream.on('data', (piece: Buffer) => this.#onPiece(piece));
    stream.on('drain', () => this.#onRoom());
    stream.on('end', () => this.#onEnd());
    stream.on('error', (error) => {
      if (this.#stream !== null) this.#fail(error);
    });
    this.#stream = stream;
    return stream;
  }

  #onPiece(piece: Buffer): void {
    if (this.#stream === null) return;
    const flow = this.emit(piece, 0, piece.length, this.#flush);
    if (flow === ENOUGH) this.free();
    if (flow !== WAIT || this.#stream === null) return;
    this.#blocked = true;
    this.#stream.pause();
  }

  #onRoom(): void {
    if (this.#stream !== null && !this.#blocked) this.onDrain();
  }

  protected override resume(): Flow {
    const stream = this.#stream;
    if (stream === null) return GO;
    if (this.#blocked) {
      this.#blocked = false;
      stream.resume();
    }
    return stream.writableNeedDrain ? WAIT : GO;
  }

  #onEnd(): void {
    const stream = this.#stream;
    if (stream === null) return;
    if (this.#codec.decodes) {
      if (this.#bytesIn === 0) return void this.#fail(new Error('the body is empty'));
      if (!this.#lastTaken || stream.bytesWritten < this.#bytesIn)
        return void this.#fail(new Error('there are bytes behind the end'));
    }
    this.emit(null, 0, 0, LAST);
  }

  #fail(error: unknown): Flow {
    this.#codec.report(this.x, error instanceof Error ? error.message : String(error));
    this.breakOff('body_truncated');
    return ENOUGH;
  }

  protected override free(): void {
    const stream = this.#stream;
    this.#stream = null;
    stream?.destroy();
  }
}

/** Larger bodies would hold up everybody else for too long. */
const WHOLE_BYTES = 65_536;
