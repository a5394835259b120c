// The body's half of gzip. Small pieces are gathered, as zlib itself would hold them back; FLUSH and LAST end that.
import { FilterLink } from '../../answer/link.ts';
import type { AnswerSink, Exchange } from '../../exchange/exchange.ts';
import { FLUSH, type Flow, GO, LAST } from '../../exchange/flow.ts';
import { GzipPieces, type ZlibMemory } from './gzip-pieces.ts';
import type { OneCallGzip } from './one-call.ts';

/** What is gathered before it is compressed: a call on less costs more than its work. */
const GATHER_BYTES = 65_536;

/** Buffers of ended answers, for the next ones. */
const spare: Buffer[] = [];
const MAX_SPARE = 16;

export class GzipLink extends FilterLink {
  readonly #whole: OneCallGzip;
  readonly #memory: ZlibMemory;
  /** Made when the body turns out not to come whole. */
  #pieces: GzipPieces | null = null;
  #gathered: Buffer | null = null;
  #filled = 0;

  constructor(x: Exchange, next: AnswerSink, memory: ZlibMemory, whole: OneCallGzip) {
    super(x, next);
    this.#memory = memory;
    this.#whole = whole;
  }

  protected take(buf: Buffer, a: number, b: number, flags: number): Flow {
    const last = (flags & LAST) !== 0;
    if (last && this.#filled === 0 && this.#pieces === null) {
      const out = this.#whole.gzip(buf.subarray(a, b));
      this.x.gzipIn = b - a;
      this.x.gzipOut = out.length;
      return this.emit(out, 0, out.length, flags);
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
    this.#pieces ??= new GzipPieces(this.#memory);
    const pieces = this.#pieces;
    const last = (flags & LAST) !== 0;
    const first = this.#gathered?.subarray(0, this.#filled) ?? NOTHING;
    this.#filled = 0;
    let out: Buffer;
    if (first.length === 0) out = pieces.piece(more, last);
    else if (more.length === 0) out = pieces.piece(first, last);
    else out = Buffer.concat([pieces.piece(first, false), pieces.piece(more, last)]);
    if (last) {
      this.x.gzipIn = pieces.bytesIn;
      this.x.gzipOut = pieces.bytesOut;
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
