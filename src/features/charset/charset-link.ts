// The body's half of charset: converts lent bytes piece by piece; of utf-8 it keeps the beginning of a character.
import { FilterLink } from '../../answer/link.ts';
import { type AnswerSink, ENOUGH, type Exchange, type Flow, GO, LAST, WAIT } from '../../exchange.ts';
import { MOST_BYTES, type Recoder } from './recode.ts';

/** What is made goes on in pieces of this size. */
const OUT_BYTES = 32_768;

/** One is enough: what is in it goes on within the call that put it there. */
let spare: Buffer | null = null;

export class CharsetLink extends FilterLink {
  readonly #recoder: Recoder;
  /** The beginning of a character, or all that came while the sink takes nothing. */
  #rest: Buffer = NOTHING;
  /** Flags of what waits for the sink; -1: nothing does. */
  #waiting = -1;

  constructor(x: Exchange, next: AnswerSink, recoder: Recoder) {
    super(x, next);
    this.#recoder = recoder;
  }

  protected take(buf: Buffer, a: number, b: number, flags: number): Flow {
    const rest = this.#rest;
    if (this.#waiting >= 0) {
      if (a < b) this.#rest = Buffer.concat([rest, buf.subarray(a, b)]);
      this.#waiting |= flags;
      return WAIT;
    }
    if (rest.length === 0) return this.#begin(buf, a, b, flags);
    const joined = Buffer.concat([rest, buf.subarray(a, b)]);
    return this.#begin(joined, 0, joined.length, flags);
  }

  protected override resume(): Flow {
    if (this.#waiting < 0) return GO;
    const [rest, flags] = [this.#rest, this.#waiting];
    this.#waiting = -1;
    return this.#begin(rest, 0, rest.length, flags);
  }

  protected override free(): void {
    this.#rest = NOTHING;
    this.#waiting = -1;
  }

  #begin(buf: Buffer, a: number, b: number, flags: number): Flow {
    this.#rest = NOTHING;
    const out = spare ?? Buffer.allocUnsafeSlow(OUT_BYTES);
    spare = null;
    const flow = this.#work(buf, a, b, flags, out);
    spare = out;
    return flow;
  }

  #work(buf: Buffer, a: number, b: number, flags: number, out: Buffer): Flow {
    for (let at = a; ; ) {
      this.#recoder.run(buf, at, b, out);
      const { outEnd } = this.#recoder;
      at = this.#recoder.at;
      const isAll = at === b || outEnd <= out.length - MOST_BYTES;
      if (isAll) {
        // What is left over at the end is no character, and goes nowhere (as in nginx).
        this.#rest = (flags & LAST) === 0 ? copyOf(buf, at, b) : NOTHING;
        return outEnd === 0 && flags === 0 ? GO : this.emit(out, 0, outEnd, flags);
      }
      const flow = this.emit(out, 0, outEnd, 0);
      if (flow === ENOUGH) return ENOUGH;
      if (flow === WAIT) {
        this.#rest = copyOf(buf, at, b);
        this.#waiting = flags;
        return WAIT;
      }
    }
  }
}

const NOTHING = Buffer.alloc(0);

function copyOf(buf: Buffer, a: number, b: number): Buffer {
  return a < b ? Buffer.from(buf.subarray(a, b)) : NOTHING;
}
