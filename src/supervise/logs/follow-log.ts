// Follows a log as `tail -F` does: what is added, over rotations (the old file to its end, then those between, then the new one) and truncations.
import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { Timer } from '../../shared/timer.ts';
import { rotatedFiles } from './rotated-files.ts';

const POLL_MS = 100;
const READ_BYTES = 64 * 1024;
const MAX_MISSED = 3;
const { O_NONBLOCK, O_NOCTTY, O_RDONLY } = constants;

/** Takes bytes; a promise is waited for before more are read. */
export type FollowSink = (chunk: Buffer) => void | Promise<void>;

/**
 * Begins `fromBytes` before the end of the file (or at its beginning, where it is made later). The function that is given back ends it: nothing
 * is called after that. `onTruncated` hears when the file got shorter, before what is written from then on.
 */
export function followLog(
  path: string,
  onChunk: FollowSink,
  fromBytes: number,
  onTruncated: () => void = () => undefined,
): () => void {
  const follower = new Follower(path, onChunk, onTruncated);
  void follower.run(fromBytes);
  return () => follower.stop();
}

class Follower {
  readonly #path: string;
  readonly #onChunk: FollowSink;
  readonly #onTruncated: () => void;
  #file: FileHandle | null = null;
  #inode = 0;
  #position = 0;
  /** Looks at which the next file was not there. */
  #missed = 0;
  #stopped = false;
  #wake: (() => void) | null = null;

  constructor(path: string, onChunk: FollowSink, onTruncated: () => void) {
    this.#path = path;
    this.#onChunk = onChunk;
    this.#onTruncated = onTruncated;
  }

  stop(): void {
    this.#stopped = true;
    this.#wake?.();
  }

  async run(fromBytes: number): Promise<void> {
    try {
      await this.#begin(fromBytes);
      while (!this.#stopped) {
        await this.#look();
        await this.#pause();
      }
    } catch {
      // Whoever takes the bytes broke: nothing is read for them any more.
    } finally {
      this.#stopped = true;
      await this.#file?.close().catch(() => undefined);
    }
  }

  async #begin(fromBytes: number): Promise<void> {
    if (await this.#openFile(this.#path)) {
      const size = (await this.#file?.stat())?.size ?? 0;
      this.#position = Math.max(0, size - fromBytes);
    }
  }

  /** Gives what was added since the last look. */
  async #look(): Promise<void> {
    while (!this.#stopped) {
      const named = await stat(this.#path).catch(() => null);
      // After the stat: a file that is found to be rotated gets nothing any more.
      await this.#readOn();
      if (named === null || !named.isFile() || (this.#file !== null && named.ino === this.#inode)) return;
      if (!(await this.#goOn())) return;
    }
  }

  /** Opens the file that came after the one that was read to its end; false when it is not there at the moment. */
  async #goOn(): Promise<boolean> {
    const number = await this.#numberOfOwn();
    if (number === null) return this.#openFile(this.#path);
    const next = await openToRead(number === 1 ? this.#path : `${this.#path}.${number - 1}`);
    if (next === null) {
      // Between two renames; if it stays so, somebody removed or gzipped it.
      if (++this.#missed < MAX_MISSED) return false;
      return this.#openFile(this.#path);
    }
    // Names move up the oldest first: as long as ours has its number, the one before it has too.
    const own = await stat(`${this.#path}.${number}`).catch(() => null);
    if (own?.ino === this.#inode) await this.#readOn();
    return own?.ino === this.#inode ? this.#follow(next) : next.close().then(() => true);
  }

  /** Which rotated file the one is that is followed; null when it has been moved elsewhere. */
  async #numberOfOwn(): Promise<number | null> {
    if (this.#file === null) return null;
    const last = (await rotatedFiles(this.#path).catch(() => [])).at(-1)?.number ?? 0;
    for (let number = 1; number <= last + 1; number++) {
      const is = await stat(`${this.#path}.${number}`).catch(() => null);
      if (is?.ino === this.#inode) return number;
    }
    return null;
  }

  async #readOn(): Promise<void> {
    while (this.#file !== null && !this.#stopped) {
      const { size } = await this.#file.stat();
      if (size < this.#position) {
        this.#position = 0;
        if (!this.#stopped) this.#onTruncated();
      }
      const wanted = Math.min(READ_BYTES, size - this.#position);
      if (wanted === 0) return;
      const { bytesRead, buffer } = await this.#file.read(
        Buffer.allocUnsafe(wanted),
        0,
        wanted,
        this.#position,
      );
      if (bytesRead === 0 || this.#stopped) return;
      this.#position += bytesRead;
      await this.#onChunk(buffer.subarray(0, bytesRead));
    }
  }

  async #openFile(path: string): Promise<boolean> {
    const file = await openToRead(path);
    return file !== null && this.#follow(file);
  }

  async #follow(file: FileHandle): Promise<boolean> {
    const is = await file.stat();
    if (!is.isFile() || (this.#file !== null && is.ino === this.#inode)) {
      await file.close();
      return false;
    }
    await this.#file?.close();
    this.#file = file;
    this.#inode = is.ino;
    this.#position = 0;
    this.#missed = 0;
    return true;
  }

  #pause(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        timer.stop();
        this.#wake = null;
        resolve();
      };
      const timer = new Timer(done, POLL_MS).unref();
      this.#wake = done;
    });
  }
}

/** Neither a FIFO nor a terminal holds us. */
async function openToRead(path: string): Promise<FileHandle | null> {
  return open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY).catch(() => null);
}
