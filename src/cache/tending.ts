// Keeps a cache's directory within its bounds: what nobody asked for any more goes, then what was asked for least recently. One process at
// a time looks the directory over; a file in it says when that was.
import type { Stats } from 'node:fs';
import fs from 'node:fs';
import { lstat, readdir, statfs, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type CachePlace, LOCK, UNFINISHED, USES } from './place.ts';

/** How often is thought of it, and how long it rests at most while nothing is to be expected. */
const TICK_MS = 500;
const REST_MS = 10_000;
/** What a process that has ended left half-written. */
const LEFT_OVER_MS = 600_000;

const MARK = '.looked-over';

/** Names of a cache's files, and of the directories that they are in. Whatever else is there is somebody else's, and stays. */
const LEVEL = /^[0-9a-f]{1,2}$/;
const OWN = /^[0-9a-f]{32}(?:\.lock|\.uses|\.\d+\.\d+\.new)?$/;

interface Found {
  readonly path: string;
  readonly bytes: number;
  readonly mtimeMs: number;
  /** Only how often something was asked for. */
  readonly isMark: boolean;
}

export class Tending {
  readonly #place: CachePlace;
  readonly #timer: NodeJS.Timeout;
  #lastMs = 0;
  #knownBytes = 0;
  #busy = false;

  constructor(place: CachePlace) {
    this.#place = place;
    this.#timer = setInterval(() => this.#tick(), TICK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const { inactiveMs, maxBytes } = this.#place.spec;
    const isOver = this.#knownBytes + this.#place.addedBytes > maxBytes;
    const restMs = isOver ? TICK_MS : Math.min(REST_MS, Math.max(TICK_MS, inactiveMs / 2));
    const now = Date.now();
    if (this.#busy || isWithin(restMs, now, this.#lastMs)) return;
    this.#lastMs = now;
    if (!this.#isOurTurn(now, restMs)) return;
    this.#busy = true;
    this.#lookOver(now)
      .catch(() => undefined)
      .finally(() => {
        this.#busy = false;
      });
  }

  /** Another process may have done it just now. */
  #isOurTurn(now: number, restMs: number): boolean {
    const mark = join(this.#place.spec.directory, MARK);
    try {
      const seen = fs.statSync(mark, { throwIfNoEntry: false });
      if (seen !== undefined && isWithin(restMs / 2, now, seen.mtimeMs)) return false;
      fs.writeFileSync(mark, '');
      return true;
    } catch {
      // There is no directory yet, so nothing in it.
      return false;
    }
  }

  async #lookOver(now: number): Promise<void> {
    const { inactiveMs, maxBytes, minFreeBytes, directory } = this.#place.spec;
    this.#place.addedBytes = 0;
    const found: Found[] = [];
    let total = 0;
    await walk(directory, async (path, stats) => {
      const limitMs = path.endsWith(UNFINISHED) || path.endsWith(LOCK) ? LEFT_OVER_MS : inactiveMs;
      if (now - stats.mtimeMs > limitMs) return gone(path);
      const bytes = stats.blocks * 512;
      total += bytes;
      const isMark = path.endsWith(USES);
      if (isMark || !/\.[a-z]+$/.test(path)) found.push({ path, bytes, mtimeMs: stats.mtimeMs, isMark });
    });
    let missing = minFreeBytes === 0 ? 0 : minFreeBytes - (await freeBytes(directory));
    // Marks first: whoever asks for many things once must not drive out what is asked for often.
    found.sort((a, b) => Number(b.isMark) - Number(a.isMark) || a.mtimeMs - b.mtimeMs);
    for (const { path, bytes } of found) {
      if (total <= maxBytes && missing <= 0) break;
      await gone(path);
      total -= bytes;
      missing -= bytes;
    }
    this.#knownBytes = total;
  }
}

/** A time to come is none: then the clock was set back. */
function isWithin(ms: number, now: number, then: number): boolean {
  return now >= then && now - then < ms;
}

async function walk(directory: string, visit: (path: string, stats: Stats) => Promise<void>): Promise<void> {
  // One that goes meanwhile, or is not ours to read, keeps nobody from the others.
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (entry.isDirectory() && LEVEL.test(entry.name)) await walk(path, visit);
    else if (entry.isFile() && OWN.test(entry.name)) {
      const stats = await lstat(path).catch(() => null);
      if (stats !== null) await visit(path, stats);
    }
  }
}

async function gone(path: string): Promise<void> {
  await unlink(path).catch(() => undefined);
}

async function freeBytes(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}
