// How fast a peer's answer may be read (proxy_limit_rate): seconds are counted as nginx's event pipe counts them.
import { systemClock } from '../../shared/clock.ts';
import { Timer } from '../../shared/timer.ts';

export class Pace {
  readonly #bytesPerSecond: number;
  readonly #startedAt = systemClock.now();
  #timer: Timer | null = null;

  constructor(bytesPerSecond: number) {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** So many bytes came in all: milliseconds until more may be read, 0 = now. */
  waitMs(bytes: number): number {
    const seconds = Math.floor((systemClock.now() - this.#startedAt) / 1000) + 1;
    const ahead = bytes - this.#bytesPerSecond * seconds;
    return ahead < 0 ? 0 : Math.floor((ahead * 1000) / this.#bytesPerSecond) + 1;
  }

  wait(ms: number, act: () => void): void {
    this.#timer = new Timer(act, ms);
  }

  stop(): void {
    this.#timer?.stop();
    this.#timer = null;
  }
}
