// A process's stdout or stderr → lines, one at a time, in bounded memory.

/** One line without its line end, or a piece of a line longer than MAX_LINE_BYTES. */
export interface OutputLine {
  readonly process: string;
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
}

/**
 * Takes a line. A promise holds the stream back until it settles: at most the lines of one chunk (64 KiB) come beyond
 * it, and then the process waits in its write.
 */
export type OutputSink = (line: OutputLine) => void | PromiseLike<void>;

/** Longer lines come in pieces of this many bytes: nothing is lost and nothing is kept. */
export const MAX_LINE_BYTES = 64 * 1024;

const LF = 0x0a;
const CR = 0x0d;

/** Cuts bytes into lines of UTF-8 text. */
export class LineSplitter {
  readonly #emit: (text: string) => void;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(emit: (text: string) => void) {
    this.#emit = emit;
  }

  push(chunk: Buffer): void {
    let start = 0;
    while (start < chunk.length) {
      const room = MAX_LINE_BYTES - this.#bytes;
      const lf = chunk.indexOf(LF, start);
      const end = lf === -1 ? chunk.length : lf;
      if (end - start > room) {
        this.#keep(chunk.subarray(start, start + room));
        this.#emitPiece();
        start += room;
        continue;
      }
      this.#keep(chunk.subarray(start, end));
      if (lf === -1) return;
      this.#emitLine();
      start = end + 1;
    }
  }

  /** Gives out what has no line end. */
  flush(): void {
    if (this.#bytes > 0) this.#emitLine();
  }

  #keep(part: Buffer): void {
    if (part.length === 0) return;
    this.#parts.push(part);
    this.#bytes += part.length;
  }

  #take(): Buffer {
    const bytes = this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts, this.#bytes);
    this.#parts = [];
    this.#bytes = 0;
    return bytes;
  }

  #emitLine(): void {
    const bytes = this.#take();
    const end = bytes.at(-1) === CR ? bytes.length - 1 : bytes.length;
    this.#emit(bytes.toString('utf8', 0, end));
  }

  /** A piece ends between two characters: the bytes of a character that is cut stay for the next piece. */
  #emitPiece(): void {
    const bytes = this.#take();
    const cut = lastCharacterEnd(bytes);
    this.#emit(bytes.toString('utf8', 0, cut));
    this.#keep(Buffer.from(bytes.subarray(cut)));
  }
}

/** Where the last whole UTF-8 character ends; the length itself where the tail is no UTF-8 anyway. */
function lastCharacterEnd(bytes: Buffer): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back];
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
