// Small files kept in memory, so that a file that many clients ask for is not read once a request. A copy is used only while
// the file on disk is the one that was read: every use asks the file system first.
//
// That question blocks the event loop, as nginx's own open() does: 2 µs, where opening and reading on other threads cost 70.
// It is asked only of a file that was read a moment ago without trouble; whatever it does not confirm goes the usual way.
import fs from 'node:fs';
import { ownText } from '../shared/buffers.ts';
import { type Clock, systemClock } from '../shared/clock.ts';
import { toFsPath } from '../shared/fs-path.ts';
import type { MappedPath } from './file-path.ts';
import type { FileFacts, FileIdentity, OpenFile } from './open-file.ts';

/** The content of a file, never changed once it is here. */
export class FileCopy implements FileFacts {
  readonly body: Buffer;
  readonly size: number;
  readonly mtime: number;
  readonly identity: FileIdentity;
  /** The root in which its real path was found to be: says nothing about another root. */
  readonly root: string;
  readonly fsPath: string | Buffer;
  /** Monotonic ms of the reading. */
  readonly readAt: number;
  /** Asked for since it was last spared when room was made. */
  used = false;
  /** Field lines of a plain answer with this Content-Type, as the file handler with the number `linesBy` makes them. */
  lines = '';
  linesBy = 0;
  linesType = '';

  constructor(body: Buffer, file: OpenFile, mapped: MappedPath, readAt: number) {
    this.body = body;
    this.size = file.size;
    this.mtime = file.mtime;
    this.identity = file.identity;
    this.root = mapped.root;
    this.fsPath = toFsPath(mapped.path);
    this.readAt = readAt;
  }
}

export interface CopyLimits {
  /** Largest file that is kept. */
  readonly fileBytes: number;
  /** All copies together, with what keeping them costs. */
  readonly totalBytes: number;
}

/** Above 64 KB the sending costs so much that the trips weigh little; 16 MB hold the assets of a site, not its archive. */
const LIMITS: CopyLimits = { fileBytes: 65_536, totalBytes: 16_777_216 };

/** What an entry takes besides its body: objects, path, lines. Without it the smallest files would not count. */
const ENTRY_BYTES = 1024;

/**
 * Kernels stamp files with a clock that moves in ticks of up to 10 ms: two edits within one cannot be told apart. So a file
 * is kept only when its stamps were older than this before the reading began; every later edit gets another stamp then.
 */
const SETTLED_MS = 100;
/** A stamp without a fraction may come from a file system that counts whole seconds, or every second one (FAT). */
const SETTLED_COARSE_MS = 2500;

/**
 * After this time a file is read anew whatever its stamps say: file systems on a network answer from memory and by another
 * clock, stores into a mapped file are stamped late, and a directory on the way may have been moved out of the root behind a
 * link.
 */
const MAX_AGE_MS = 5000;

export class FileCopies {
  readonly #limits: CopyLimits;
  readonly #clock: Clock;
  /** By path, in the order in which room is looked for. */
  readonly #copies = new Map<string, FileCopy>();
  #bytes = 0;

  constructor(limits: CopyLimits = LIMITS, clock: Clock = systemClock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  get count(): number {
    return this.#copies.size;
  }

  /** Bytes of all copies, with what keeping them costs. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The copy of a file that is on disk as it was read; null: read it. Blocks for one stat when there is a copy. */
  find(mapped: MappedPath): FileCopy | null {
    const copy = this.#copies.get(mapped.path);
    if (copy === undefined || copy.root !== mapped.root) return null;
    if (this.#clock.now() - copy.readAt > MAX_AGE_MS || !isSame(copy.identity, statOf(copy.fsPath))) {
      this.#drop(mapped.path, copy);
      return null;
    }
    copy.used = true;
    return copy;
  }

  /** Whether a copy of what is read of this file from now on could be told from any later content. `nowMs`: since the epoch. */
  mayKeep(file: OpenFile, nowMs = Date.now()): boolean {
    if (file.size > this.#limits.fileBytes) return false;
    const { mtimeMs, ctimeMs } = file.identity;
    const settledMs = Number.isInteger(ctimeMs / 1000) ? SETTLED_COARSE_MS : SETTLED_MS;
    return nowMs - Math.max(mtimeMs, ctimeMs) > settledMs;
  }

  /**
   * Keeps `body`, all that was read of the open `file`, unless the file was changed meanwhile. `mayKeep` was asked before the
   * reading began; nobody writes into the buffer any more.
   */
  keep(body: Buffer, file: OpenFile, mapped: MappedPath): void {
    if (!isSame(file.identity, statOf(file.fd))) return;
    // Cut out of a request's head they would keep all of it in memory.
    const path = ownText(mapped.path);
    const old = this.#copies.get(path);
    if (old !== undefined) this.#drop(path, old);
    const copy = new FileCopy(body, file, { path, root: ownText(mapped.root) }, this.#clock.now());
    this.#copies.set(path, copy);
    this.#bytes += costOf(copy);
    if (this.#bytes > this.#limits.totalBytes) this.#makeRoom();
  }

  /** Who was used since the last visit is spared once more and waits at the end, the others go. A hit costs one store this way. */
  #makeRoom(): void {
    for (const [path, copy] of this.#copies) {
      if (this.#bytes <= this.#limits.totalBytes) return;
      if (copy.used) {
        copy.used = false;
        this.#copies.delete(path);
        this.#copies.set(path, copy);
      } else {
        this.#drop(path, copy);
      }
    }
  }

  #drop(path: string, copy: FileCopy): void {
    this.#copies.delete(path);
    this.#bytes -= costOf(copy);
  }
}

/** The copies of this process. They outlive a reload: what they hold depends on no configuration. */
export const fileCopies = new FileCopies();

function costOf(copy: FileCopy): number {
  return copy.body.length + ENTRY_BYTES;
}

const STAT = { throwIfNoEntry: false } as const;

/** What is there now; undefined when that cannot be told, whatever the reason: the usual way will find it. */
function statOf(file: string | Buffer | number): FileIdentity | undefined {
  try {
    return typeof file === 'number' ? fs.fstatSync(file) : fs.statSync(file, STAT);
  } catch {
    return undefined;
  }
}

function isSame(a: FileIdentity, b: FileIdentity | undefined): boolean {
  return (
    b !== undefined &&
    a.ctimeMs === b.ctimeMs &&
    a.mtimeMs === b.mtimeMs &&
    a.size === b.size &&
    a.ino === b.ino &&
    a.dev === b.dev
  );
}
