// A body filter that keeps bytes of which nothing can be made yet, and what comes while its sink takes nothing.
import { type Flow, GO, WAIT } from '../exchange/flow.ts';
import { FilterLink } from './link.ts';

export abstract class RestLink extends FilterLink {
  #rest: Buffer = NOTHING;
  /** Flags of what waits for the sink; -1: nothing does. */
  #waiting = -1;

  /** As `take`; of `buf[a, b)` it gives what it does not use to `keepRest`, or to `waitWith` when the sink said WAIT. */
  protected abstract work(buf: Buffer, a: number, b: number, flags: number): Flow;

  /** The sink drained: emits what was made already when it said WAIT. */
  protected emitLate(): Flow {
    return GO;
  }

  /** Stands before what comes next. */
  protected keepRest(buf: Buffer, a: number, b: number): void {
    if (a < b) this.#rest = Buffer.from(buf.subarray(a, b));
  }

  /** Goes on, with these flags, once the sink drained. */
  protected waitWith(buf: Buffer, a: number, b: number, flags: number): Flow {
    this.keepRest(buf, a, b);
    this.#waiting = flags;
    return WAIT;
  }

  protected override take(buf: Buffer, a: number, b: number, flags: number): Flow {
    const rest = this.#rest;
    if (this.#waiting >= 0) {
      if (a < b) this.#rest = Buffer.concat([rest, buf.subarray(a, b)]);
      this.#waiting |= flags;
      return WAIT;
    }
    if (rest.length === 0) return this.work(buf, a, b, flags);
    this.#rest = NOTHING;
    const joined = a < b ? Buffer.concat([rest, buf.subarray(a, b)]) : rest;
    return this.work(joined, 0, joined.length, flags);
  }

  protected override resume(): Flow {
    if (this.#waiting < 0) return GO;
    const late = this.emitLate();
    if (late !== GO) return late;
    const [rest, flags] = [this.#rest, this.#waiting];
    this.#rest = NOTHING;
    this.#waiting = -1;
    return this.work(rest, 0, rest.length, flags);
  }

  protected override free(): void {
    this.#rest = NOTHING;
    this.#waiting = -1;
  }
}

const NOTHING = Buffer.alloc(0);
