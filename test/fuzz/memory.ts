// Resident memory of the processes under test, and whether it stayed flat.
import { readFileSync } from 'node:fs';

const PAGE_BYTES = 4096;
const MB = 1024 * 1024;
/** The first moments belong to the start: code is compiled, buffers and pools fill. */
const START_SHARE = 0.1;
/** With fewer samples, one a second, nothing is judged. */
const FEWEST = 60;
/** What the last third may have more than the first. */
export const GROWTH = { share: 0.2, bytes: 24 * MB } as const;

export interface Series {
  readonly name: string;
  readonly firstBytes: number;
  readonly lastBytes: number;
  /** Why it is not flat. */
  readonly problem: string | null;
}

export class Memory {
  readonly #samples = new Map<string, { pid: number; bytes: number[] }>();

  /** One more of each process; a process that took another's place begins anew. */
  sample(pids: Readonly<Record<string, number>>): void {
    for (const [name, pid] of Object.entries(pids)) {
      const bytes = residentBytes(pid);
      if (bytes === 0) continue;
      const before = this.#samples.get(name);
      if (before?.pid === pid) before.bytes.push(bytes);
      else this.#samples.set(name, { pid, bytes: [bytes] });
    }
  }

  get series(): Series[] {
    return [...this.#samples].map(([name, { bytes }]) => seriesOf(name, bytes));
  }
}

function seriesOf(name: string, bytes: readonly number[]): Series {
  const settled = bytes.slice(Math.floor(bytes.length * START_SHARE));
  const third = Math.max(1, Math.floor(settled.length / 3));
  const firstBytes = median(settled.slice(0, third));
  const lastBytes = median(settled.slice(-third));
  const bound = firstBytes * (1 + GROWTH.share) + GROWTH.bytes;
  const grew = bytes.length >= FEWEST && lastBytes > bound;
  return { name, firstBytes, lastBytes, problem: grew ? `grew beyond ${mb(bound)}` : null };
}

export const mb = (bytes: number): string => `${Math.round(bytes / MB)} MB`;

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}

/** 0 when the process is gone. */
function residentBytes(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES;
  } catch {
    return 0;
  }
}
