// Bytes that wait, in chunks of one size that are used again: what goes through a temporary file leaves no garbage behind.

const CHUNK_BYTES = 65_536;
const MAX_SPARE = 4;

export class Chunks {
  #full: Buffer[] = [];
  #last: Buffer | null = null;
  #used = 0;
  readonly #spare: Buffer[] = [];
  bytes = 0;

  /** Keeps a copy of `buf[from, to)`. */
  add(buf: Buffer, from: number, to: number): void {
    this.bytes += to - from;
    for (let at = from; at < to; ) {
      this.#last ??= this.#spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
      const n = buf.copy(this.#last, this.#used, at, to);
      this.#used += n;
      at += n;
      if (this.#used === CHUNK_BYTES) this.#close();
    }
  }

  #close(): void {
    if (this.#last === null) return;
    this.#full.push(this.#used === CHUNK_BYTES ? this.#last : this.#last.subarray(0, this.#used));
    this.#last = null;
    this.#used = 0;
  }

  /** All of it, in order. */
  takeAll(): readonly Buffer[] {
    this.#close();
    const all = this.#full;
    this.#full = [];
    this.bytes = 0;
    return all;
  }

  /** Nobody needs what was taken any more. */
  giveBack(taken: readonly Buffer[]): void {
    for (const { buffer } of taken) {
      if (this.#spare.length === MAX_SPARE) return;
      if (buffer.byteLength === CHUNK_BYTES) this.#spare.push(Buffer.from(buffer));
    }
  }

  drop(): void {
    this.takeAll();
    this.#spare.length = 0;
  }
}
