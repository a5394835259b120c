// Timers of any length. Node's own count to 24.8 days: what is longer they take for 1 ms, and the longest patience becomes none.
// A leaf; test/architecture.test.ts lets nobody else hand Node a delay that is no constant.

/** The longest delay that Node takes as it is. */
export const LONGEST_MS = 2 ** 31 - 1;

/** Calls `act` once, after `ms`; keeps the process alive until then, unless `unref` was called. */
export class Timer {
  readonly #act: () => void;
  #leftMs: number;
  #handle: NodeJS.Timeout | undefined;
  #held = true;

  constructor(act: () => void, ms: number) {
    this.#act = act;
    this.#leftMs = ms;
    this.#arm();
  }

  #arm(): void {
    const stepMs = Math.min(this.#leftMs, LONGEST_MS);
    this.#leftMs -= stepMs;
    this.#handle = setTimeout(() => (this.#leftMs > 0 ? this.#arm() : this.#act()), stepMs);
    if (!this.#held) this.#handle.unref();
  }

  /** The process may end before. */
  unref(): this {
    this.#held = false;
    this.#handle?.unref();
    return this;
  }

  /** `act` is not called any more. */
  stop(): void {
    clearTimeout(this.#handle);
  }
}
