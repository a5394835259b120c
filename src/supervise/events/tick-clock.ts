// Tells when a slice of 5, 60 or 3600 seconds begins, by the wall clock as Supervisor does. No timer while nobody wants to know.
import { Timer } from '../../shared/timer.ts';

export type TickPeriod = 5 | 60 | 3600;

/** The clock may be set meanwhile: looked at as often as this. */
const LONGEST_WAIT_MS = 5000;

export class TickClock {
  readonly #tick: (period: TickPeriod, whenS: number) => void;
  readonly #now: () => number;
  #last: ReadonlyMap<TickPeriod, number> = new Map();
  #timer: Timer | null = null;

  /** `now` gives milliseconds since the epoch. */
  constructor(tick: (period: TickPeriod, whenS: number) => void, now: () => number = Date.now) {
    this.#tick = tick;
    this.#now = now;
  }

  /** Which slices are wanted from now on, the shorter ones first; none ends it. */
  want(periods: readonly TickPeriod[]): void {
    const last = this.#last;
    this.#last = new Map(periods.map((period) => [period, last.get(period) ?? this.#slice(period)]));
    this.#timer?.stop();
    this.#timer = null;
    if (periods.length > 0) this.#arm();
  }

  #arm(): void {
    const nowMs = this.#now();
    const shortest = Math.min(...this.#last.keys()) * 1000;
    const waitMs = Math.min(shortest - (nowMs % shortest), LONGEST_WAIT_MS);
    this.#timer = new Timer(() => this.#look(), waitMs).unref();
  }

  #look(): void {
    this.#arm();
    const begun = [...this.#last.keys()].filter((period) => this.#slice(period) !== this.#last.get(period));
    if (begun.length === 0) return;
    this.#last = new Map([...this.#last.keys()].map((period) => [period, this.#slice(period)]));
    for (const period of begun) this.#tick(period, this.#slice(period));
  }

  #slice(period: TickPeriod): number {
    const seconds = Math.floor(this.#now() / 1000);
    return seconds - (seconds % period);
  }
}
