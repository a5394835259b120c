// What a process uses of the machine: Linux tells it in /proc, other systems do not.
import { readFile } from 'node:fs/promises';

export interface ProcessUsage {
  /** Since it began, its own alone. */
  readonly cpuMs: number | null;
  /** Resident. */
  readonly memoryBytes: number | null;
}

const UNKNOWN: ProcessUsage = { cpuMs: null, memoryBytes: null };
/** A tick is a hundredth of a second to programs, whatever the kernel's own is. */
const TICK_MS = 10;

/** `pid` 0: there is none. */
export async function processUsage(pid: number): Promise<ProcessUsage> {
  if (pid <= 0) return UNKNOWN;
  try {
    const [stat, status] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'latin1'),
      readFile(`/proc/${pid}/status`, 'latin1'),
    ]);
    // The name stands in parentheses and may have some itself; utime and stime are the 14th and 15th of all.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    const memory = /^VmRSS:\s*(\d+) kB/m.exec(status)?.[1];
    return { cpuMs: ticks * TICK_MS, memoryBytes: memory === undefined ? null : Number(memory) * 1024 };
  } catch {
    return UNKNOWN;
  }
}
