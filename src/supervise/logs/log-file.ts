// The open file (or stream, FIFO, device) of a path: what is known of it, one write, one rotation.
import { fstatSync, writev } from 'node:fs';
import { stat, truncate } from 'node:fs/promises';
import type { LogOutput } from '../../observe/log-output.ts';
import type { FileEnd } from './block-queue.ts';
import { closeOutput, type LogPlace, NEW_FILE_MODE } from './log-place.ts';
import { shiftFiles, trimFiles } from './rotated-files.ts';
import type { Rotation } from './rotation.ts';

const LF = 0x0a;

export interface WriteResult {
  readonly error: NodeJS.ErrnoException | null;
  readonly written: number;
}

export class LogFile {
  readonly place: LogPlace;
  readonly #nowMs: () => number;
  #output: LogOutput | null = null;
  /** With which it is made anew after a rotation. */
  #mode = NEW_FILE_MODE;
  #sizeBytes = 0;
  #isMidLine = false;
  /** End of the day that its contents are of. */
  #dayEndMs = Number.POSITIVE_INFINITY;
  /** After a rotation that failed: the size up to which none is tried again. */
  #keepUntilBytes = 0;

  constructor(place: LogPlace, nowMs: () => number) {
    this.place = place;
    this.#nowMs = nowMs;
  }

  get output(): LogOutput | null {
    return this.#output;
  }

  /** Throws with the reason and the next step. Does nothing while it is open. */
  open(mode = this.#mode): void {
    if (this.#output !== null) return;
    this.#mode = mode;
    this.use(this.place.open(mode));
  }

  /** Another open file takes its place. */
  use(output: LogOutput): void {
    closeOutput(this.#output);
    this.#output = output;
    this.#isMidLine = false;
    this.#keepUntilBytes = 0;
    if (!this.place.isFile) return;
    const { size, mtimeMs, mode } = fstatSync(output.fd);
    this.#sizeBytes = size;
    this.#mode = mode & 0o777;
    this.#dayEndMs = nextMidnightMs(size > 0 ? Math.min(mtimeMs, this.#nowMs()) : this.#nowMs());
  }

  close(): void {
    closeOutput(this.#output);
    this.#output = null;
  }

  /** It is of a day that is over. */
  isOver(rotation: Rotation): boolean {
    return rotation.daily && this.place.isFile && this.#sizeBytes > 0 && this.#nowMs() >= this.#dayEndMs;
  }

  end(rotation: Rotation): FileEnd {
    const { maxBytes } = rotation;
    return {
      sizeBytes: this.#sizeBytes,
      isMidLine: this.#isMidLine,
      maxBytes: this.place.isFile && maxBytes > 0 ? Math.max(maxBytes, this.#keepUntilBytes) : 0,
      isOver: this.isOver(rotation),
    };
  }

  /** Writes the blocks, or as much of them as the file takes. */
  write(output: LogOutput, blocks: readonly Buffer[]): Promise<WriteResult> {
    return new Promise((resolve) => {
      output.beforeWrite?.();
      writev(output.fd, blocks, null, (error, bytes) => {
        const written = bytes ?? 0;
        if (written > 0) this.#wrote(blocks, written);
        resolve({ error, written });
      });
    });
  }

  /**
   * Makes the file its own .1, or empties it where none are kept. True when it was rotated; false when that was not to be: somebody else
   * moved or emptied it. Throws where it cannot be; it then grows on and is tried again. It may be closed after that.
   */
  async rotate(rotation: Rotation): Promise<boolean> {
    if (this.#output === null || this.#sizeBytes === 0) return false;
    try {
      const own = fstatSync(this.#output.fd);
      const named = await stat(this.place.key).catch(() => null);
      const isOwn = named?.ino === own.ino && named.dev === own.dev && own.size >= this.#sizeBytes;
      if (isOwn && rotation.backups === 0) await truncate(this.place.key);
      else if (isOwn) await shiftFiles(this.place.key, rotation.backups);
      // From here on nothing may go to the old file: what it is called now is full.
      this.close();
      this.open(own.mode & 0o777);
      if (isOwn && rotation.totalBytes > 0) await trimFiles(this.place.key, rotation.totalBytes);
      return isOwn && rotation.backups > 0;
    } catch (error) {
      this.#keepUntilBytes = this.#sizeBytes + rotation.maxBytes;
      this.#dayEndMs = nextMidnightMs(this.#nowMs());
      throw error;
    }
  }

  #wrote(blocks: readonly Buffer[], written: number): void {
    if (this.#sizeBytes === 0) this.#dayEndMs = nextMidnightMs(this.#nowMs());
    this.#sizeBytes += written;
    this.#isMidLine = !endsLine(blocks, written);
  }
}

function endsLine(blocks: readonly Buffer[], written: number): boolean {
  let left = written;
  for (const block of blocks) {
    if (left <= block.length) return block[left - 1] === LF;
    left -= block.length;
  }
  return false;
}

/** Midnight of this machine's time zone after a moment. */
function nextMidnightMs(afterMs: number): number {
  const date = new Date(afterMs);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + 1).getTime();
}
