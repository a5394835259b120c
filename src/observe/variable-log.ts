// A log whose path has variables: found anew for each line, as in nginx, or kept open for a while (open_log_file_cache).
import { closeSync, fstatSync, statSync, writeSync } from 'node:fs';
import type { Exchange } from '../exchange/exchange.ts';
import { systemClock } from '../shared/clock.ts';
import { type LogOutput, openLogFile } from './log-output.ts';
import type { LogFileCache } from './rows.ts';

interface Kept {
  readonly output: LogOutput;
  /** Monotonic ms. */
  checkedAt: number;
  usedAt: number;
}

/** Of a path: how often it was asked for, and since when, as long as it is not kept. */
interface Asked {
  uses: number;
  since: number;
}

/** Names that may wait for their `min_uses`; a client may invent as many as it likes. */
const MOST_ASKED = 1000;

export class VariableLog {
  readonly #path: (x: Exchange) => string;
  #cache: LogFileCache | null;
  readonly #report: (message: string) => void;
  /** The one that was used longest ago stands first. */
  readonly #kept = new Map<string, Kept>();
  readonly #asked = new Map<string, Asked>();

  constructor(path: (x: Exchange) => string, cache: LogFileCache | null, report: (message: string) => void) {
    this.#path = path;
    this.#cache = cache;
    this.#report = report;
  }

  /** One line with its end, bytes as latin1. Blocks for the time of a write, as nginx does. */
  write(x: Exchange, line: string): void {
    // Bytes as latin1: a name has them as clients sent them.
    const path = this.#path(x);
    try {
      // A client that could name a directory above would choose where we write.
      if (/(?:^|\/)\.\.(?:\/|$)|\0/.test(path))
        throw new Error(`the log's path "${shown(path)}" leads elsewhere`);
      if (!hasRoot(x))
        throw new Error(`the root of the request does not exist: nothing is logged to "${shown(path)}"`);
      const now = systemClock.now();
      const kept = this.#find(path, now);
      const output = kept ?? openLogFile(bytesOf(path));
      try {
        writeSync(output.fd, Buffer.from(line, 'latin1'));
      } finally {
        if (kept === null && !this.#keep(path, output, now)) close(output);
      }
    } catch (error) {
      this.#report(error instanceof Error ? error.message : String(error));
    }
  }

  /** Its configuration is no longer in use: closes what is kept. Requests that began on it may still log. */
  retire(): void {
    this.#cache = null;
    for (const path of [...this.#kept.keys()]) this.#drop(path);
  }

  #find(path: string, now: number): LogOutput | null {
    const cache = this.#cache;
    if (cache === null) return null;
    for (const [name, { usedAt }] of this.#kept) {
      if (now - usedAt <= cache.inactiveMs) break;
      this.#drop(name);
    }
    const kept = this.#kept.get(path);
    if (kept === undefined) return null;
    if (now - kept.checkedAt > cache.validMs) {
      if (!isStill(path, kept.output.fd)) {
        this.#drop(path);
        return null;
      }
      kept.checkedAt = now;
    }
    this.#kept.delete(path);
    this.#kept.set(path, kept);
    kept.usedAt = now;
    return kept.output;
  }

  #keep(path: string, output: LogOutput, now: number): boolean {
    const cache = this.#cache;
    if (cache === null || !output.owned || !this.#isAskedOften(path, cache, now)) return false;
    this.#kept.set(path, { output, checkedAt: now, usedAt: now });
    const [first] = this.#kept.keys();
    if (this.#kept.size > cache.max && first !== undefined) this.#drop(first);
    return true;
  }

  #isAskedOften(path: string, { minUses, inactiveMs }: LogFileCache, now: number): boolean {
    if (minUses <= 1) return true;
    let asked = this.#asked.get(path);
    if (asked === undefined || now - asked.since > inactiveMs) asked = { uses: 0, since: now };
    if (++asked.uses >= minUses) return this.#asked.delete(path) || true;
    if (this.#asked.size >= MOST_ASKED) this.#asked.clear();
    this.#asked.set(path, asked);
    return false;
  }

  #drop(path: string): void {
    const kept = this.#kept.get(path);
    this.#kept.delete(path);
    if (kept !== undefined) close(kept.output);
  }
}

/** As in nginx a request below a root that does not exist is not logged. */
function hasRoot(x: Exchange): boolean {
  const root = x.location.files?.root(x);
  if (root === undefined) return true;
  return statSync(bytesOf(root), { throwIfNoEntry: false })?.isDirectory() === true;
}

const bytesOf = (path: string): Buffer => Buffer.from(path, 'latin1');

const shown = (path: string): string => bytesOf(path).toString();

function close({ fd, owned }: LogOutput): void {
  if (owned) closeSync(fd);
}

/** Whether the path leads to the open file. */
function isStill(path: string, fd: number): boolean {
  const there = statSync(bytesOf(path), { throwIfNoEntry: false });
  const here = fstatSync(fd);
  return there !== undefined && there.ino === here.ino && there.dev === here.dev;
}
