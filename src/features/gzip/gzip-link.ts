// The body's half of gzip. Small pieces are gathered, as zlib itself would hold them back; FLUSH and LAST end that.
import { FilterLink } from '../../answer/link.ts';
import { type AnswerSink, type Exchange, FLUSH, type Flow, GO, LAST } from '../../exchange.ts';
import { GzipPieces, type ZlibMemory } from './gzip-pieces.ts';

/** What is gathered before it is compressed: a call on less costs more than its work. */
const GATHER_BYTES = 65_536;

/** Buffers of ended answers, for the next ones. */
const spare: Buffer[] = [];
const MAX_SPARE = 16;

export class GzipLink extends FilterLink {
  readonly #pieces: GzipPieces;
  #gathered: Buffer | null = null;
  #filled = 0;

  constructor(x: Exchange, next: AnswerSink, memory: ZlibMemory) {
    super(x, next);
    this.#pieces = new GzipPieces(memory);
  }

  protected take(buf: Buffer, a: number, b: number, flags: number): Flow {
    const last = (flags & LAST) !== 0;
    if (last && this.#filled === 0 && this.#pieces.bytesOut === 0) {
      return this.#send(this.#pieces.whole(buf.subarray(a, b)), flags);
    }
    const length = b - a;
    if (this.#filled + length <= GATHER_BYTES && length < GATHER_BYTES) {
      this.#gather(buf, a, b);
      if ((flags & (LAST | FLUSH)) === 0) return GO;
      if (!last && this.#filled === 0) return GO;
      return this.#compress(NOTHING, flags);
    }
    return this.#compress(buf.subarray(a, b), flags);
  }

  #gather(buf: Buffer, a: number, b: number): void {
    if (a === b) return;
    this.#gathered ??= spare.pop() ?? Buffer.allocUnsafeSlow(GATHER_BYTES);
    buf.copy(this.#gathered, this.#filled, a, b);
    this.#filled += b - a;
  }

  /** What was gathered, then `more`. One of the two may be empty. */
  #compress(more: Buffer, flags: number): Flow {
    const last = (flags & LAST) !== 0;
    const first = this.#gathered?.subarray(0, this.#filled) ?? NOTHING;
    this.#filled = 0;
    if (first.length === 0) return this.#send(this.#pieces.piece(more, last), flags);
    if (more.length === 0) return this.#send(this.#pieces.piece(first, last), flags);
    const out = [this.#pieces.piece(first, false), this.#pieces.piece(more, last)];
    return this.#send(Buffer.concat(out), flags);
  }

  #send(out: Buffer, flags: number): Flow {
    if ((flags & LAST) !== 0) {
      this.x.gzipIn = this.#pieces.bytesIn;
      this.x.gzipOut = this.#pieces.bytesOut;
    }
    return this.emit(out, 0, out.length, flags);
  }

  protected override free(): void {
    const gathered = this.#gathered;
    this.#gathered = null;
    if (gathered !== null && spare.length < MAX_SPARE) spare.push(gathered);
  }
}

const NOTHING = Buffer.alloc(0);
