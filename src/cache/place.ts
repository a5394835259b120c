// Where the answers of one cache are: files named by their keys' digests, in levels of directories. What acceptors must agree on is in the
// directory, too, where all of them see it: who fetches an answer (a lock beside its file), how often one was asked for that is not stored
// yet, and when it was asked for last (the file's time).
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { type Entry, type EntryFacts, type EntryTimes, encodeEntry, openEntry, renewEntry } from './entry.ts';
import { openMaking, remove } from './files.ts';
import { giveBack, type HeldLock, isLocked, takeLock } from './lock.ts';

export interface CacheSpec {
  readonly name: string;
  readonly directory: string;
  readonly levels: readonly number[];
  readonly inactiveMs: number;
  /** Infinity = no limit. */
  readonly maxBytes: number;
  readonly minFreeBytes: number;
  readonly at: string;
}

/** Endings of the files that stand beside an answer's. */
export const LOCK = '.lock';
export const USES = '.uses';
export const UNFINISHED = '.new';

/** How the time of a file moves on while it is asked for: not with every request. */
const TOUCH_PARTS = 8;
const LONGEST_TOUCH_MS = 60_000;

/** A pipe that somebody put there must not hold up the process. */
const { O_WRONLY, O_CREAT, O_APPEND, O_NONBLOCK } = fs.constants;
const APPENDING = O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK;

const BLOCK_BYTES = 65_536;

let unfinished = 0;

export class CachePlace {
  readonly spec: CacheSpec;
  /** Bytes stored since the directory was looked over last. */
  addedBytes = 0;

  constructor(spec: CacheSpec) {
    this.spec = spec;
  }

  /** `digest` in hexadecimal. Levels are named by its last characters. */
  pathOf(digest: string): string {
    const { directory, levels } = this.spec;
    let end = digest.length;
    const names = levels.map((level) => {
      end -= level;
      return digest.slice(end, end + level);
    });
    return join(directory, ...names, digest);
  }

  open(path: string): Entry | null {
    const entry = openEntry(path);
    if (entry !== null) this.#touch(entry);
    return entry;
  }

  #touch({ fd, mtimeMs }: Entry): void {
    const now = Date.now();
    if (now - mtimeMs < Math.min(this.spec.inactiveMs / TOUCH_PARTS, LONGEST_TOUCH_MS)) return;
    try {
      fs.futimesSync(fd, now / 1000, now / 1000);
    } catch {
      // A file of another user's, perhaps: it is then as old as it is.
    }
  }

  /** One use more of what is not stored: how many there were, this one counted. Beyond `enough` none is counted, but the file stays young. */
  use(path: string, enough: number): number {
    const fd = openMaking(path + USES, APPENDING);
    try {
      if (fs.fstatSync(fd).size < enough) fs.writeSync(fd, '.');
      else fs.futimesSync(fd, Date.now() / 1000, Date.now() / 1000);
      return fs.fstatSync(fd).size;
    } finally {
      fs.closeSync(fd);
    }
  }

  /** null: somebody else has it, and has had it for less than `ageMs`. */
  lock(path: string, ageMs: number): HeldLock | null {
    return takeLock(path + LOCK, ageMs);
  }

  isLocked(path: string, ageMs: number): boolean {
    return isLocked(path + LOCK, ageMs);
  }

  unlock(lock: HeldLock): void {
    giveBack(lock);
  }

  begin(path: string, facts: EntryFacts, times: EntryTimes, head: string): EntryWriter {
    const own = `${path}.${process.pid}.${++unfinished}${UNFINISHED}`;
    return new EntryWriter(this, path, own, encodeEntry(facts, times, head));
  }

  /** An error in the place of an answer. */
  storeError(path: string, facts: EntryFacts, validSec: number): void {
    this.begin(path, facts, { validSec, updatingSec: 0, errorSec: 0 }, '').finish();
  }

  renew(path: string, entry: Entry, times: EntryTimes): void {
    try {
      renewEntry(path, entry, times);
    } catch {
      // It was removed meanwhile.
    }
  }
}

/** Writes one answer: its name shows it only once it is whole. As nginx does, it writes at once: who asks next finds it. */
export class EntryWriter {
  readonly #place: CachePlace;
  readonly #path: string;
  readonly #own: string;
  readonly #fd: number;
  readonly #block = Buffer.allocUnsafe(BLOCK_BYTES);
  #filled = 0;
  #sizeBytes = 0;

  constructor(place: CachePlace, path: string, own: string, beginning: Buffer) {
    this.#place = place;
    this.#path = path;
    this.#own = own;
    this.#fd = openMaking(own, 'wx');
    try {
      this.write(beginning, 0, beginning.length);
    } catch (error) {
      this.drop();
      throw error;
    }
  }

  write(buf: Buffer, from: number, to: number): void {
    if (this.#filled + to - from > BLOCK_BYTES) this.#flush();
    if (to - from > BLOCK_BYTES) return this.#put(buf, from, to);
    this.#filled += buf.copy(this.#block, this.#filled, from, to);
  }

  #flush(): void {
    this.#put(this.#block, 0, this.#filled);
    this.#filled = 0;
  }

  #put(buf: Buffer, from: number, to: number): void {
    for (let at = from; at < to; ) at += fs.writeSync(this.#fd, buf, at, to - at);
    this.#sizeBytes += to - from;
  }

  finish(): void {
    try {
      this.#flush();
    } catch (error) {
      this.drop();
      throw error;
    }
    try {
      fs.closeSync(this.#fd);
      fs.renameSync(this.#own, this.#path);
    } catch (error) {
      remove(this.#own);
      throw error;
    }
    this.#place.addedBytes += this.#sizeBytes;
    remove(this.#path + USES);
  }

  drop(): void {
    fs.closeSync(this.#fd);
    remove(this.#own);
  }
}

export function digestOf(key: string): string {
  return createHash('md5').update(key, 'latin1').digest('hex');
}
