// Whether one side of a tunnel takes what waits for it. Its own time-out: what the side itself sends says nothing about that.
import { Deadline, wheel } from './timer-wheel.ts';

/** The side: how much was written to it and not taken yet. */
export interface Taker {
  readonly pendingBytes: number;
}

export class StallWatch {
  readonly #side: Taker;
  readonly #ms: number;
  readonly #onStalled: () => void;
  readonly #deadline: Deadline;
  #written = 0;
  /** Of what was written, as the time began. */
  #taken = 0;

  /** `onStalled` is called when bytes wait and none was taken for `ms`, at the latest after twice as long; 0 = never. */
  constructor(side: Taker, ms: number, onStalled: () => void) {
    this.#side = side;
    this.#ms = ms;
    this.#onStalled = onStalled;
    this.#deadline = new Deadline(() => this.#onTimeout());
  }

  wrote(bytes: number): void {
    this.#written += bytes;
    if (this.#deadline.at === 0 && this.#side.pendingBytes > 0) this.#start();
  }

  /** Nothing waits any more. */
  drained(): void {
    wheel.disarm(this.#deadline);
  }

  end(): void {
    wheel.remove(this.#deadline);
  }

  #start(): void {
    if (this.#ms <= 0) return;
    this.#taken = this.#written - this.#side.pendingBytes;
    wheel.arm(this.#deadline, this.#ms);
  }

  #onTimeout(): void {
    const waiting = this.#side.pendingBytes;
    if (waiting === 0) return;
    if (this.#written - waiting > this.#taken) this.#start();
    else this.#onStalled();
  }
}
