// Bytes that come in pieces, kept in blocks that grow with them: single bytes as buffers of their own would cost hundreds of times their size.

const FIRST_BLOCK_BYTES = 8192;
const LAST_BLOCK_BYTES = 65_536;
/** What a client only says that it will send costs so much at most. */
const MOST_AHEAD_BYTES = 131_072;

export class Blocks {
  #full: Buffer[] = [];
  #last: Buffer | null = null;
  #used = 0;
  bytes = 0;

  /** Keeps a copy of `buf[from, to)`; `more` is how much is known to follow. */
  add(buf: Buffer, from: number, to: number, more: number): void {
    this.bytes += to - from;
    let at = from;
    while (at < to) {
      if (this.#last === null || this.#used === this.#last.length) this.#grow(to - at, more);
      const last = this.#last;
      if (last === null) return;
      const n = buf.copy(last, this.#used, at, to);
      this.#used += n;
      at += n;
    }
  }

  #grow(needed: number, more: number): void {
    const isFirst = this.#last === null;
    if (this.#last !== null) this.#full.push(this.#last);
    // Nearly all small bodies come in one piece, or say how long they are.
    const usual = isFirst
      ? needed + Math.min(more, MOST_AHEAD_BYTES)
      : Math.min(LAST_BLOCK_BYTES, FIRST_BLOCK_BYTES * this.#full.length);
    this.#last = Buffer.allocUnsafe(Math.max(needed, usual));
    this.#used = 0;
  }

  /** What is here, in order; the buffers stay as they are as far as they go. */
  get all(): readonly Buffer[] {
    if (this.#last === null) return [];
    const last = this.#used === this.#last.length ? this.#last : this.#last.subarray(0, this.#used);
    return this.#full.length === 0 ? [last] : [...this.#full, last];
  }

  takeAll(): readonly Buffer[] {
    const all = this.all;
    this.#full = [];
    this.#last = null;
    this.bytes = 0;
    return all;
  }

  /** One buffer instead of several. */
  join(): void {
    if (this.#full.length === 0) return;
    this.#last = Buffer.concat(this.all);
    this.#used = this.#last.length;
    this.#full = [];
  }

  text(): string {
    let text = '';
    for (const block of this.all) text += block.latin1Slice(0, block.length);
    return text;
  }
}
