// The last lines of a stream, for status and error pages: the bytes are kept, and cut into lines when somebody asks.

const KEPT_BYTES = 8 * 1024;
const MAX_LINES = 50;
const LF = 0x0a;

export class LastLines {
  /** Twice what is kept, so that it is moved to the front only now and then. */
  #store: Buffer | null = null;
  #length = 0;
  /** Something came before what is in the store. */
  #isCut = false;

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#store ??= Buffer.allocUnsafeSlow(2 * KEPT_BYTES);
    if (chunk.length >= KEPT_BYTES) {
      this.#isCut ||= this.#length > 0 || chunk.length > KEPT_BYTES;
      this.#length = chunk.copy(this.#store, 0, chunk.length - KEPT_BYTES);
      return;
    }
    if (this.#length + chunk.length > this.#store.length) {
      this.#store.copy(this.#store, 0, this.#length - KEPT_BYTES, this.#length);
      this.#length = KEPT_BYTES;
      this.#isCut = true;
    }
    this.#length += chunk.copy(this.#store, this.#length);
  }

  /** The newest last; at most `count`, 50 and 8 KiB. A line that is cut at its beginning is left out, unless it is the only one. */
  lines(count = MAX_LINES): string[] {
    if (this.#store === null || count <= 0) return [];
    let start = Math.max(0, this.#length - KEPT_BYTES);
    if (start > 0 || this.#isCut) {
      const cutInLine = start === 0 || this.#store[start - 1] !== LF;
      const lf = cutInLine ? this.#store.indexOf(LF, start) : -1;
      if (lf >= 0 && lf < this.#length - 1) start = lf + 1;
    }
    const lines = this.#store.toString('utf8', start, this.#length).split('\n');
    if (lines.at(-1) === '') lines.pop();
    return lines
      .slice(-Math.min(count, MAX_LINES))
      .map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  }

  clear(): void {
    this.#length = 0;
    this.#isCut = false;
  }
}
