// Delays that are exact to the millisecond, all with one timer: what waits is in a heap, and who gives up is out of it at once. For what a
// client can measure; time-outs, which nobody minds 50 ms late, are on the wheel (timer-wheel.ts).
import { type Clock, systemClock } from './clock.ts';
import { rethrowLater } from './rethrow-later.ts';
import { Timer } from './timer.ts';

/** Embed one in what waits. */
export class Delay {
  /** Monotonic ms at which it is due. */
  at = 0;
  /** Of two that are due at once the first that came goes first. */
  order = 0;
  /** Its place in the heap; -1 outside. */
  index = -1;
  readonly onDue: () => void;
  constructor(onDue: () => void) {
    this.onDue = onDue;
  }
}

export class Delays {
  readonly #clock: Clock;
  readonly #heap: Delay[] = [];
  #order = 0;
  #timer: Timer | null = null;
  /** What the timer waits for. */
  #timerAt = 0;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#heap.length;
  }

  /** Calls `delay.onDue` once, in `ms` from now and never earlier. */
  add(delay: Delay, ms: number): void {
    this.remove(delay);
    delay.at = this.#clock.now() + ms;
    delay.order = this.#order++;
    this.#place(delay, this.#heap.length);
    this.#rise(delay);
    this.#arm();
  }

  remove(delay: Delay): void {
    const { index } = delay;
    if (index < 0) return;
    delay.index = -1;
    const last = this.#heap.pop();
    if (last !== undefined && last !== delay) {
      this.#place(last, index);
      this.#rise(last);
      this.#sink(last);
    }
    if (this.#heap.length === 0) this.#stop();
  }

  /** One that was the first and is gone leaves the timer as it is: it fires once in vain. */
  #arm(): void {
    const first = this.#heap[0];
    if (first === undefined) return this.#stop();
    if (this.#timer !== null) {
      if (this.#timerAt <= first.at) return;
      this.#timer.stop();
    }
    this.#timerAt = first.at;
    // A timer of Node may come a little early: whole milliseconds are rounded up.
    this.#timer = new Timer(() => this.#fire(), Math.max(1, Math.ceil(first.at - this.#clock.now())));
  }

  #stop(): void {
    this.#timer?.stop();
    this.#timer = null;
  }

  #fire(): void {
    this.#timer = null;
    const now = this.#clock.now();
    // What is added meanwhile is due later, if only in 0 ms: nobody turns here for ever.
    const { length } = this.#heap;
    for (let i = 0; i < length; i++) {
      const first = this.#heap[0];
      if (first === undefined || first.at > now) break;
      this.remove(first);
      try {
        first.onDue();
      } catch (error) {
        // The others must not wait for ever.
        rethrowLater(error);
      }
    }
    this.#arm();
  }

  #place(delay: Delay, index: number): void {
    this.#heap[index] = delay;
    delay.index = index;
  }

  #rise(delay: Delay): void {
    while (delay.index > 0) {
      const above = (delay.index - 1) >> 1;
      const other = this.#heap[above];
      if (!isBefore(delay, other)) return;
      this.#place(other, delay.index);
      this.#place(delay, above);
    }
  }

  #sink(delay: Delay): void {
    const heap = this.#heap;
    for (;;) {
      const left = 2 * delay.index + 1;
      if (left >= heap.length) return;
      const right = left + 1;
      const below = right < heap.length && isBefore(heap[right], heap[left]) ? right : left;
      const other = heap[below];
      if (!isBefore(other, delay)) return;
      this.#place(other, delay.index);
      this.#place(delay, below);
    }
  }
}

function isBefore(a: Delay, b: Delay): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Those of this process. */
export const delays = new Delays();
