// Follows a log as `tail -F` does: what is added, over rotations (the old file to its end, then those between, then the new one) and truncations.
import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { Timer } from '../../shared/timer.ts';
import { rotatedFiles } from './rotated-files.ts';

const POLL_MS = 200;
const READ_BYTES = 64 * 1024;
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
    const named = await stat(this.#path).catch(() => null);
    await this.#readOn();
    if (named === null || !named.isFile() || (this.#file !== null && named.ino === this.#inode)) return;
    // It was rotated after the stat, or before: what the old file got in between is read to its end first.
    await this.#readOn();
    for (const next of await this.#filesBetween()) if (await this.#openFile(next)) await this.#readOn();
    if (await this.#openFile(this.#path)) await this.#readOn();
  }

  /** The rotated files that came after the one that was followed, the oldest first. */
  async #filesBetween(): Promise<string[]> {
    if (this.#file === null) return [];
    const newer: string[] = [];
    for (const file of await rotatedFiles(this.#path).catch(() => [])) {
      if (file.gzipped) break;
      const is = await stat(file.path).catch(() => null);
      if (is?.ino === this.#inode) return newer.reverse();
      newer.push(file.path);
    }
    return [];
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
    const file = await open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY).catch(() => null);
    if (file === null) return false;
    const is = await file.stat();
    if (!is.isFile() || (this.#file !== null && is.ino === this.#inode)) {
      await file.close();
      return false;
    }
    await this.#file?.close();
    this.#file = file;
    this.#inode = is.ino;
    this.#position = 0;
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
