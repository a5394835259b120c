// The body's half of charset: converts lent bytes piece by piece; of utf-8 it keeps the beginning of a character.
import { RestLink } from '../../answer/rest-link.ts';
import type { AnswerSink, Exchange } from '../../exchange/exchange.ts';
import { ENOUGH, type Flow, GO, LAST, WAIT } from '../../exchange/flow.ts';
import { MOST_BYTES, type Recoder } from './recode.ts';

/** What is made goes on in pieces of this size. */
const OUT_BYTES = 32_768;

/** One is enough: what is in it goes on within the call that put it there. */
let spare: Buffer | null = null;

export class CharsetLink extends RestLink {
  readonly #recoder: Recoder;

  constructor(x: Exchange, next: AnswerSink, recoder: Recoder) {
    super(x, next);
    this.#recoder = recoder;
  }

  protected override work(buf: Buffer, a: number, b: number, flags: number): Flow {
    const out = spare ?? Buffer.allocUnsafeSlow(OUT_BYTES);
    spare = null;
    const flow = this.#recode(buf, a, b, flags, out);
    spare = out;
    return flow;
  }

  #recode(buf: Buffer, a: number, b: number, flags: number, out: Buffer): Flow {
    for (let at = a; ; ) {
      this.#recoder.run(buf, at, b, out);
      const { outEnd } = this.#recoder;
      at = this.#recoder.at;
      const isAll = at === b || outEnd <= out.length - MOST_BYTES;
      if (isAll) {
        // What is left over at the end is no character, and goes nowhere (as in nginx).
        if ((flags & LAST) === 0) this.keepRest(buf, at, b);
        return outEnd === 0 && flags === 0 ? GO : this.emit(out, 0, outEnd, flags);
      }
      const flow = this.emit(out, 0, outEnd, 0);
      if (flow === ENOUGH) return ENOUGH;
      if (flow === WAIT) return this.waitWith(buf, at, b, flags);
    }
  }
}
