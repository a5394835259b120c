// How busy the machine is: what it takes from everybody is nobody's fault.
import { readFileSync } from 'node:fs';

const TICK_MS = 50;
const KEPT_MS = 5000;
/** A request passes four processes, each of which may have to wait as this one does. */
const PROCESSES = 4;

/** How late this process had its turn, at worst, a moment ago. */
export class Lateness {
  readonly #late: { at: number; ms: number }[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor() {
    let last = performance.now();
    this.#timer = setInterval(() => {
      const now = performance.now();
      this.#late.push({ at: now, ms: now - last - TICK_MS });
      last = now;
      while (this.#late[0].at < now - KEPT_MS) this.#late.shift();
    }, TICK_MS).unref();
  }

  /** What to add to a limit. */
  get slackMs(): number {
    return PROCESSES * Math.max(0, ...this.#late.map(({ ms }) => ms));
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

/** Ticks of proc(5) are 100 a second on Linux. */
const MS_PER_TICK = 10;

/** CPU time that a process has had; 0 when it is gone. */
export function cpuMs(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
  } catch {
    return 0;
  }
}
