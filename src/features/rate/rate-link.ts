// The body's half of limit_rate, by the arithmetic of nginx's write filter: what the whole seconds so far allow goes at once, then it waits
// for as long as that much takes.
import { FilterLink } from '../../answer/link.ts';
import type { AnswerSink, Exchange } from '../../exchange/exchange.ts';
import { ENOUGH, type Flow, GO, LAST, WAIT } from '../../exchange/flow.ts';
import { systemClock } from '../../shared/clock.ts';
import { Delay, type Delays, delays } from '../../shared/delays.ts';

export interface Rate {
  /** Bytes a second; more than 0. */
  readonly rate: number;
  /** Bytes that go before it counts. */
  readonly after: number;
}

/** By what it waits. */
export interface RateTime {
  /** Milliseconds as `Exchange.startedAt` has them. */
  now(): number;
  readonly delays: Pick<Delays, 'add' | 'remove'>;
}

const REAL: RateTime = { now: () => systemClock.now(), delays };

/** What a head has besides its lines, at most. */
const HEAD_BYTES = 512;

export class RateLink extends FilterLink {
  readonly #rate: Rate;
  readonly #time: RateTime;
  readonly #startedSecond: number;
  /** The head went on. */
  #begun = false;
  /** Bytes of the body that went on. */
  #sent = 0;
  /** What came and may not go yet, and its flags. */
  #rest: Buffer = NOTHING;
  #restFlags = 0;
  #sinkWaits = false;
  readonly #delay = new Delay(() => {
    // Else the sink's own drain goes on.
    if (!this.#sinkWaits) this.onDrain();
  });

  constructor(x: Exchange, next: AnswerSink, rate: Rate, time: RateTime = REAL) {
    super(x, next);
    this.#time = time;
    this.#rate = rate;
    this.#startedSecond = secondOf(x.startedAt);
  }

  protected take(buf: Buffer, a: number, b: number, flags: number): Flow {
    const isHeld = this.#sinkWaits || this.#isDelayed() || this.#rest.length > 0;
    if (isHeld && (a < b || flags !== 0)) {
      this.#rest =
        this.#rest.length === 0 ? copyOf(buf, a, b) : Buffer.concat([this.#rest, buf.subarray(a, b)]);
      this.#restFlags |= flags;
      return WAIT;
    }
    return this.#send(buf, a, b, flags);
  }

  protected override resume(): Flow {
    this.#sinkWaits = false;
    if (this.#isDelayed()) return WAIT;
    const [rest, flags] = [this.#rest, this.#restFlags];
    this.#rest = NOTHING;
    this.#restFlags = 0;
    return rest.length === 0 && flags === 0 ? GO : this.#send(rest, 0, rest.length, flags);
  }

  protected override free(): void {
    this.#time.delays.remove(this.#delay);
    this.#rest = NOTHING;
    this.#restFlags = 0;
  }

  #isDelayed(): boolean {
    return this.#delay.index >= 0;
  }

  /** Bytes that went to the client, and how many more may. */
  #total(): number {
    return this.x.headBytesSent + this.#sent;
  }

  #allowed(): number {
    const { rate, after } = this.#rate;
    return rate * (secondOf(this.#time.now()) - this.#startedSecond + 1) - (this.#total() - after);
  }

  #send(buf: Buffer, a: number, b: number, flags: number): Flow {
    const before = this.#total();
    const isFirst = !this.#begun;
    this.#begun = true;
    if (isFirst && b - a + this.x.lines.length + HEAD_BYTES > this.#allowed()) {
      // How long a head is shows once it is out; where all that comes with it may go it does not matter.
      const flow = this.emit(null, 0, 0, 0);
      if (flow === ENOUGH) return ENOUGH;
      this.#sinkWaits = flow === WAIT;
      if (flow === WAIT) return this.#hold(buf, a, b, flags);
    }
    const allowed = this.#allowed();
    if (allowed <= 0 && a < b) {
      this.#time.delays.add(this.#delay, Math.floor((-allowed * 1000) / this.#rate.rate) + 1);
      return this.#hold(buf, a, b, flags);
    }
    // An end without bytes goes whatever is allowed.
    const to = Math.min(b, a + Math.max(0, allowed));
    const isAll = to === b;
    const flow = this.#pass(buf, a, to, isAll ? flags : 0);
    if (flow === ENOUGH || (isAll && (flags & LAST) !== 0)) return flow;
    this.#sinkWaits = flow === WAIT;
    const delayMs = this.#delayOf(before);
    if (delayMs > 0) this.#time.delays.add(this.#delay, delayMs);
    if (!isAll)
      return this.#isDelayed() || this.#sinkWaits
        ? this.#hold(buf, to, b, flags)
        : this.#send(buf, to, b, flags);
    return delayMs > 0 ? WAIT : flow;
  }

  #pass(buf: Buffer, a: number, b: number, flags: number): Flow {
    this.#sent += b - a;
    return a === b && flags === 0 ? GO : this.emit(buf, a, b, flags);
  }

  /** As long as what went since takes at this rate. */
  #delayOf(before: number): number {
    const { rate, after } = this.#rate;
    const counted = Math.max(0, this.#total() - after) - Math.max(0, before - after);
    return Math.floor((counted * 1000) / rate);
  }

  #hold(buf: Buffer, a: number, b: number, flags: number): Flow {
    this.#rest = copyOf(buf, a, b);
    this.#restFlags = flags;
    return WAIT;
  }
}

const NOTHING = Buffer.alloc(0);

function copyOf(buf: Buffer, a: number, b: number): Buffer {
  return a < b ? Buffer.from(buf.subarray(a, b)) : NOTHING;
}

/** The second of the wall's clock, by which nginx counts: what begins late in one may soon go on. */
function secondOf(monotonicMs: number): number {
  return Math.floor((performance.timeOrigin + monotonicMs) / 1000);
}
