// Cuts one range out of a body as it comes. The rest is read and dropped: the answer ends when its maker has ended (nginx: range body filter).
import type { AnswerSink, Exchange } from '../exchange/exchange.ts';
import { FLUSH, type Flow, GO, LAST } from '../exchange/flow.ts';
import type { ByteRange } from './byte-ranges.ts';
import { FilterLink } from './link.ts';

export class CutLink extends FilterLink {
  readonly #range: ByteRange;
  /** Offset of the next byte of the whole body. */
  #at = 0;

  constructor(x: Exchange, next: AnswerSink, range: ByteRange) {
    super(x, next);
    this.#range = range;
  }

  protected take(buf: Buffer, a: number, b: number, flags: number): Flow {
    const { from, to } = this.#range;
    const start = Math.min(b, a + Math.max(0, from - this.#at));
    const end = Math.max(start, Math.min(b, a + to - this.#at));
    this.#at += b - a;
    if (start === end && (flags & (LAST | FLUSH)) === 0) return GO;
    return this.emit(buf, start, end, flags);
  }
}
