// Takes ANSI escape sequences out of a stream of bytes, as Supervisor's strip_ansi does, also where a sequence is cut between two pieces.

const ESC = 0x1b;
const BRACKET = 0x5b;
const ENDS = new Set(Buffer.from('HfABCDRsuJKhlpm'));
const ESC_BYTE = Buffer.from([ESC]);

export class EscapeStripper {
  #state: 'text' | 'escape' | 'sequence' = 'text';

  push(chunk: Buffer): Buffer {
    if (this.#state === 'text' && !chunk.includes(ESC)) return chunk;
    const kept: Buffer[] = [];
    for (let at = 0; at < chunk.length; ) at = this.#next(chunk, at, kept);
    return Buffer.concat(kept);
  }

  /** What was kept back in case it began a sequence. */
  end(): Buffer {
    const rest = this.#state === 'escape' ? ESC_BYTE : Buffer.alloc(0);
    this.#state = 'text';
    return rest;
  }

  #next(chunk: Buffer, at: number, kept: Buffer[]): number {
    if (this.#state === 'escape') {
      this.#state = chunk[at] === BRACKET ? 'sequence' : 'text';
      if (this.#state === 'sequence') return at + 1;
      kept.push(ESC_BYTE);
      return at;
    }
    if (this.#state === 'sequence') {
      if (ENDS.has(chunk[at])) this.#state = 'text';
      return at + 1;
    }
    const found = chunk.indexOf(ESC, at);
    if (found < 0) {
      kept.push(chunk.subarray(at));
      return chunk.length;
    }
    if (found > at) kept.push(chunk.subarray(at, found));
    this.#state = 'escape';
    return found + 1;
  }
}
