// One temporary file: bytes are added at its end and read at any place, one after the other or at once; closed when the last use is over.
import { type FileHandle, unlink } from 'node:fs/promises';
import type { TempPlace } from './temp-place.ts';

/** What becomes of its name: it has none, it is removed at the end, or it stays. */
export type NameFate = 'nameless' | 'removed' | 'kept';

export class TempFile {
  readonly #place: TempPlace;
  readonly #fate: NameFate;
  #handle: FileHandle | null = null;
  /** '' before it was made. */
  path = '';
  sizeBytes = 0;
  #uses = 0;
  #released = false;

  constructor(place: TempPlace, fate: NameFate) {
    this.#place = place;
    this.#fate = fate;
  }

  /** Makes it where it is not there yet. Calls do not overlap. */
  async append(blocks: readonly Buffer[]): Promise<void> {
    this.#uses++;
    try {
      const handle = await this.#open();
      for (const block of blocks) await this.#write(handle, block);
    } finally {
      this.#done();
    }
  }

  async #open(): Promise<FileHandle> {
    if (this.#handle !== null) return this.#handle;
    const { handle, path } = await this.#place.open(this.#fate !== 'nameless');
    this.#handle = handle;
    this.path = path;
    return handle;
  }

  async #write(handle: FileHandle, block: Buffer): Promise<void> {
    let from = 0;
    while (from < block.length) {
      const { bytesWritten } = await handle.write(block, from, block.length - from, this.sizeBytes);
      from += bytesWritten;
      this.sizeBytes += bytesWritten;
    }
  }

  /** What it holds is not needed any more: the next bytes come at its start. No call may be under way. */
  empty(): void {
    this.sizeBytes = 0;
  }

  /** Fills `into` from `position` on; rejects where the file has less than that. */
  async read(into: Buffer, position: number): Promise<void> {
    const handle = this.#handle;
    if (handle === null || this.#released) throw new Error('the file is closed');
    this.#uses++;
    try {
      let filled = 0;
      while (filled < into.length) {
        const { bytesRead } = await handle.read(into, filled, into.length - filled, position + filled);
        if (bytesRead === 0) throw new Error('the file was cut short');
        filled += bytesRead;
      }
    } finally {
      this.#done();
    }
  }

  /** Nobody needs it any more; what is under way ends first. */
  release(): void {
    this.#released = true;
    if (this.#uses === 0) this.#close();
  }

  #done(): void {
    this.#uses--;
    if (this.#released && this.#uses === 0) this.#close();
  }

  #close(): void {
    const handle = this.#handle;
    if (handle === null) return;
    this.#handle = null;
    // Whatever fails here, the descriptor and the name are no more ours.
    void handle.close().catch(() => undefined);
    if (this.#fate === 'removed') void unlink(this.path).catch(() => undefined);
  }
}
