// Pauses between tries, twice as long each time, that can be cut short.
import { Timer } from '../../shared/timer.ts';

const MIN_MS = 5;
const MAX_MS = 1000;

export class RetryPause {
  #nextMs = MIN_MS;
  #wake: (() => void) | null = null;

  get isPausing(): boolean {
    return this.#wake !== null;
  }

  /** At most `mostMs`. */
  pause(mostMs = MAX_MS): Promise<void> {
    const ms = Math.min(this.#nextMs, mostMs);
    this.#nextMs = Math.min(this.#nextMs * 2, MAX_MS);
    return new Promise((resolve) => {
      const done = (): void => {
        this.#wake = null;
        timer.stop();
        resolve();
      };
      const timer = new Timer(done, ms).unref();
      this.#wake = done;
    });
  }

  /** Ends the pause that is under way. */
  wake(): void {
    this.#wake?.();
  }

  /** A try succeeded. */
  reset(): void {
    this.#nextMs = MIN_MS;
  }
}
