// The body's half of sub_filter: replaces strings in lent bytes, and keeps no more of them than may be the beginning of one.
import { RestLink } from '../../answer/rest-link.ts';
import type { AnswerSink, Exchange } from '../../exchange/exchange.ts';
import { ENOUGH, type Flow, GO, LAST, WAIT } from '../../exchange/flow.ts';
import { type Matcher, NOTHING_FOUND } from './matcher.ts';

export interface Substitution {
  readonly matcher: Matcher;
  /** What takes the place of each string; asked when it is found first. */
  readonly values: readonly ((x: Exchange) => Buffer)[];
  /** Each string is replaced only once. */
  readonly once: boolean;
}

/** What is made goes on in pieces of this size. */
const OUT_BYTES = 32_768;
/** A stretch that needs no change and is this long goes on as it is lent. */
const DIRECT_BYTES = 8192;
/** So few are copied faster one by one. */
const SHORT_BYTES = 48;

/** One is enough: what is in it goes on within the call that put it there. */
let spare: Buffer | null = null;

export class SubLink extends RestLink {
  readonly #matcher: Matcher;
  readonly #substitution: Substitution;
  /** What each string became when it was found. */
  readonly #values: (Buffer | undefined)[] = [];
  readonly #used: Uint8Array | null;
  #usedCount = 0;
  /** What was made when the sink had enough: one stretch and one value at most. It goes first. */
  #late: Buffer = NOTHING;
  /** What is being made within a call, and what the sink said of it. */
  #out: Buffer = NOTHING;
  #outEnd = 0;
  #flow: Flow = GO;

  constructor(x: Exchange, next: AnswerSink, substitution: Substitution) {
    super(x, next);
    this.#substitution = substitution;
    this.#matcher = substitution.matcher;
    this.#used = substitution.once ? new Uint8Array(this.#matcher.count) : null;
  }

  protected override emitLate(): Flow {
    const late = this.#late;
    this.#late = NOTHING;
    return late.length === 0 ? GO : this.emit(late, 0, late.length, 0);
  }

  protected override free(): void {
    super.free();
    this.#late = NOTHING;
  }

  protected override work(buf: Buffer, a: number, b: number, flags: number): Flow {
    this.#flow = GO;
    const flow = this.#replace(buf, a, b, flags);
    if (this.#out !== NOTHING) spare = this.#out;
    this.#out = NOTHING;
    this.#outEnd = 0;
    return flow;
  }

  #replace(buf: Buffer, a: number, b: number, flags: number): Flow {
    for (let at = a; ; ) {
      const found = this.#find(buf, at, b);
      const to = this.#matcher.at;
      // At the end what is undecided is no match any more: all of it goes as it is, whatever else might begin in it.
      if (found < 0) return this.#end(buf, at, (flags & LAST) === 0 ? to : b, b, flags);
      const value = this.#valueOf(found);
      this.#put(buf, at, to);
      this.#put(value, 0, value.length);
      at = to + this.#matcher.lengthOf(found);
      if (this.#flow === ENOUGH) return ENOUGH;
      if (this.#flow === WAIT) return this.waitWith(buf, at, b, flags);
    }
  }

  #find(buf: Buffer, at: number, b: number): number {
    if (this.#usedCount < this.#matcher.count) return this.#matcher.find(buf, at, b, this.#used);
    this.#matcher.at = b;
    return NOTHING_FOUND;
  }

  #valueOf(index: number): Buffer {
    const value = this.#values[index] ?? this.#substitution.values[index](this.x);
    this.#values[index] = value;
    if (this.#used !== null) {
      this.#used[index] = 1;
      this.#usedCount++;
    }
    return value;
  }

  /** The last stretch, `[at, to)`; what follows may be the beginning of a match. */
  #end(buf: Buffer, at: number, to: number, b: number, flags: number): Flow {
    if (to - at >= DIRECT_BYTES) this.#flush();
    const isAlone = this.#outEnd === 0 && this.#flow === GO;
    if (!isAlone) this.#put(buf, at, to);
    const flow = this.#flow;
    if (flow === ENOUGH) return ENOUGH;
    if (flow === WAIT) return this.waitWith(buf, to, b, flags);
    this.keepRest(buf, to, b);
    if (!isAlone) return this.emit(this.#out, 0, this.#outEnd, flags);
    return at === to && flags === 0 ? GO : this.emit(buf, at, to, flags);
  }

  #put(buf: Buffer, a: number, b: number): void {
    if (a === b) return;
    if (b - a >= DIRECT_BYTES || this.#outEnd + b - a > OUT_BYTES) this.#flush();
    if (this.#flow === WAIT) this.#late = Buffer.concat([this.#late, buf.subarray(a, b)]);
    else if (b - a >= DIRECT_BYTES) this.#flow = this.emit(buf, a, b, 0);
    else {
      if (this.#out === NOTHING) {
        this.#out = spare ?? Buffer.allocUnsafeSlow(OUT_BYTES);
        spare = null;
      }
      if (b - a > SHORT_BYTES) this.#outEnd += buf.copy(this.#out, this.#outEnd, a, b);
      else for (let i = a; i < b; i++) this.#out[this.#outEnd++] = buf[i];
    }
  }

  #flush(): void {
    if (this.#outEnd === 0 || this.#flow !== GO) return;
    const end = this.#outEnd;
    this.#outEnd = 0;
    this.#flow = this.emit(this.#out, 0, end, 0);
  }
}

const NOTHING = Buffer.alloc(0);
