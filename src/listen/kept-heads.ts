// Heads of answers as bytes. Status line, Server, Date and the peer's fields are the same for many answers of a second: what goes out
// again is put together once.
import { ownText } from '../shared/buffers.ts';

/** A power of two. */
const SLOTS = 64;
const MAX_LINES_BYTES = 4096;
/** So many lines in a row that were others than the kept ones, and as long, and the place is given up until the beginning changes. */
const MANY_OTHERS = 8;

/** A head with a body of a known length. */
export class KeptHead {
  #beginning = '';
  #lines = '';
  #length = -1;
  #closing = '';
  #others = 0;
  /** Made when it comes for the second time. */
  text = '';
  bytes: Buffer | null = null;

  /** Whether it is made of these. What comes for the first time takes its place. */
  is(beginning: string, lines: string, length: number, closing: string): boolean {
    if (this.#beginning !== beginning) this.#others = 0;
    else if (this.#others > MANY_OTHERS) return false;
    else if (this.#length === length && this.#closing === closing) {
      if (this.#lines === lines) return true;
      // With an id or a time in it none comes again, and each comparison costs as much as to put it together.
      if (this.#lines.length === lines.length) this.#others++;
    }
    this.#beginning = beginning;
    this.#lines = lines;
    this.#length = length;
    this.#closing = closing;
    this.bytes = null;
    return false;
  }

  make(): void {
    const after = `Content-Length: ${this.#length}\r\n${this.#closing}`;
    this.text = ownText(`${this.#beginning}${this.#lines}${after}`);
    this.bytes = Buffer.from(this.text, 'latin1');
  }
}

const kept: KeptHead[] = Array.from({ length: SLOTS }, () => new KeptHead());

/**
 * The head of these parts if it came before; null = it is to be put together. `beginning`: status line and our own fields, the same object
 * for as long as they are the same. `lines`: field lines, `length`: Content-Length, `closing`: what follows it.
 */
export function keptHead(beginning: string, lines: string, length: number, closing: string): KeptHead | null {
  if (lines.length > MAX_LINES_BYTES) return null;
  const head = kept[(beginning.length * 7 + lines.length * 31 + length) & (SLOTS - 1)];
  if (!head.is(beginning, lines, length, closing)) return null;
  if (head.bytes === null) head.make();
  return head;
}
