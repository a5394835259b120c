// What traffic has taken of memory is given back when it is gone: V8 collects when it needs room, which a process that has nothing to do
// never does. It is asked to once; what is left empty after that it returns to the system by itself, some ten seconds later.
import { collectBeside } from '../shared/young-objects.ts';

/** As many beats of a second. */
const QUIET_BEATS = 10;
/** Not again before, whatever came of it. */
const PAUSE_BEATS = 60;
/** So much of a second says that something passes. */
const BUSY_CPU_US = 15_000;
/** So much there is after a start. */
const SMALL_BYTES = 24 << 20;

/** How much the process has used, and a way to have its memory looked through. */
export interface Usage {
  /** All so far, in microseconds. */
  cpuUs(): number;
  heap(): { readonly heapTotal: number; readonly heapUsed: number };
  /** Settles when all is looked through. */
  collect(): Promise<void>;
}

const OWN: Usage = {
  cpuUs() {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
  heap: () => process.memoryUsage(),
  collect: collectBeside,
};

export class QuietMemory {
  readonly #usage: Usage;
  #lastCpuUs = 0;
  #quietBeats = 0;
  #pauseBeats = 0;
  /** What was in use after the last time. */
  #neededBytes = 0;

  constructor(usage: Usage = OWN) {
    this.#usage = usage;
  }

  /** Once a second. */
  beat(): void {
    const cpuUs = this.#usage.cpuUs();
    const isBusy = cpuUs - this.#lastCpuUs >= BUSY_CPU_US;
    this.#lastCpuUs = cpuUs;
    this.#quietBeats = isBusy ? 0 : this.#quietBeats + 1;
    this.#pauseBeats = Math.max(0, this.#pauseBeats - 1);
    if (this.#quietBeats % QUIET_BEATS === QUIET_BEATS - 1 && this.#pauseBeats === 0) this.#tidy();
  }

  #tidy(): void {
    // Twice as much as is needed is what V8 keeps of a large configuration, too.
    if (this.#usage.heap().heapTotal < Math.max(SMALL_BYTES, 2 * this.#neededBytes)) return;
    this.#pauseBeats = PAUSE_BEATS;
    void this.#usage.collect().then(() => {
      this.#neededBytes = this.#usage.heap().heapUsed;
    });
  }
}
