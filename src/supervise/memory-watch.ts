// `max_memory`: says which process groups hold more memory than they may. One pass over /proc for all of them, and only while there is
// one with a limit; nothing without /proc.
import { readFileSync } from 'node:fs';
import { endianness } from 'node:os';
import { Timer } from '../shared/timer.ts';
import { pids, readText } from './proc-files.ts';

/** A pass over 600 processes takes about 25 ms; over thousands it is made less often. */
const PACE: Pace = { everyMs: 5000, mostShare: 0.005 };

export interface Pace {
  readonly everyMs: number;
  /** The part of the time that passes may take. */
  readonly mostShare: number;
}

interface Watched {
  readonly group: number;
  readonly limitBytes: number;
  /** Over the limit at the latest pass. */
  over: boolean;
  /** It is told once. */
  told: boolean;
}

export class MemoryWatch {
  readonly #onOver: (processKey: string, bytes: number) => void;
  readonly #pace: Pace;
  readonly #watched = new Map<string, Watched>();
  #timer: Timer | undefined;

  /** `onOver` is called once for each `watch`, when two passes in a row found it over its limit. */
  constructor(onOver: (processKey: string, bytes: number) => void, pace = PACE) {
    this.#onOver = onOver;
    this.#pace = pace;
  }

  /** From now on the group that `leader` leads; in the place of what was watched under this key. */
  watch(processKey: string, leader: number, limitBytes: number): void {
    this.#watched.set(processKey, { group: leader, limitBytes, over: false, told: false });
    this.#timer ??= this.#timerAfter(this.#pace.everyMs);
  }

  forget(processKey: string): void {
    this.#watched.delete(processKey);
    if (this.#watched.size === 0) this.close();
  }

  /** What is watched goes, too. */
  close(): void {
    this.#watched.clear();
    this.#timer?.stop();
    this.#timer = undefined;
  }

  #timerAfter(ms: number): Timer {
    return new Timer(() => this.#pass(), ms).unref();
  }

  #pass(): void {
    const startedAt = performance.now();
    const groups = new Set([...this.#watched.values()].map(({ group }) => group));
    const held = residentOf(groups);
    // Before anything is told: who is told may watch and forget.
    const tookMs = performance.now() - startedAt;
    this.#timer = this.#timerAfter(Math.max(this.#pace.everyMs, tookMs / this.#pace.mostShare));
    for (const [key, one] of [...this.#watched]) {
      const members = held.get(one.group);
      const bytes = members === undefined ? 0 : bytesAbove(members, one.limitBytes);
      const over = bytes > one.limitBytes;
      if (over && one.over && !one.told) {
        one.told = true;
        this.#onOver(key, bytes);
      }
      one.over = over;
    }
  }
}

interface Member {
  readonly pid: number;
  readonly residentBytes: number;
}

/** The members of these groups. */
function residentOf(groups: ReadonlySet<number>): ReadonlyMap<number, readonly Member[]> {
  const found = new Map<number, Member[]>();
  for (const pid of pids()) {
    const stat = readText(`/proc/${pid}/stat`);
    // proc(5): after the parenthesised name come the state, the parent, the group (5th of all) …, the resident pages (24th).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ', 22);
    const group = Number(fields[2]);
    if (!groups.has(group)) continue;
    const member = { pid, residentBytes: Number(fields[21]) * PAGE_BYTES };
    const members = found.get(group);
    if (members === undefined) found.set(group, [member]);
    else members.push(member);
  }
  return found;
}

/**
 * What the members hold together. Resident pages that a fork shares are counted once for each that has them; only where their sum is
 * above the limit the kernel is asked for the shares (PSS), which costs it a walk over all pages.
 */
function bytesAbove(members: readonly Member[], limitBytes: number): number {
  const resident = members.reduce((sum, { residentBytes }) => sum + residentBytes, 0);
  if (resident <= limitBytes || members.length === 1) return resident;
  return members.reduce((sum, member) => sum + (proportionalOf(member.pid) ?? member.residentBytes), 0);
}

function proportionalOf(pid: number): number | undefined {
  const kilobytes = /^Pss:\s+(\d+) kB/m.exec(readText(`/proc/${pid}/smaps_rollup`))?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

const PAGE_BYTES = pageBytes();

/** getauxval(3): pairs of numbers, of which AT_PAGESZ (6) is the size of a page. */
function pageBytes(): number {
  const AT_PAGESZ = 6n;
  try {
    const auxv = readFileSync('/proc/self/auxv');
    const little = endianness() === 'LE';
    const numberAt = (at: number): bigint => (little ? auxv.readBigUInt64LE(at) : auxv.readBigUInt64BE(at));
    for (let at = 0; at + 16 <= auxv.length; at += 16)
      if (numberAt(at) === AT_PAGESZ) return Number(numberAt(at + 8));
  } catch {
    // No /proc: nothing is measured.
  }
  return 4096;
}
