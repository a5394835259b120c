// Reads WebSocket frames out of a stream of bytes that somebody else takes: kind, length and the beginning of what each carries,
// unmasked. Never holds more than that beginning.
import { SHOWN_BYTES } from './record.ts';

/** `buf` from `start` on holds what is kept of it, and is lent. */
export interface SeenFrame {
  readonly from: 'client' | 'peer';
  readonly kind: string;
  readonly length: number;
  readonly buf: Buffer;
  readonly start: number;
}

const KINDS: Readonly<Record<number, string>> = {
  0: 'continued',
  1: 'text',
  2: 'binary',
  8: 'close',
  9: 'ping',
  10: 'pong',
};

/** Two bytes, eight of a length, four of a mask. */
const MAX_HEAD = 14;

export class FrameReader {
  readonly #from: SeenFrame['from'];
  readonly #isWebSocket: boolean;
  readonly #tell: (frame: SeenFrame) => void;
  readonly #head = Buffer.alloc(MAX_HEAD);
  #headBytes = 0;
  #body: Buffer = NOTHING;
  #bodyBytes = 0;
  /** Of the present frame's content: all, and what has not come. */
  #length = 0;
  #left = 0;

  constructor(from: SeenFrame['from'], isWebSocket: boolean, tell: (frame: SeenFrame) => void) {
    this.#from = from;
    this.#isWebSocket = isWebSocket;
    this.#tell = tell;
  }

  take(buf: Buffer, from: number, to: number): void {
    if (!this.#isWebSocket)
      return this.#tell({ from: this.#from, kind: 'piece', length: to - from, buf, start: from });
    let at = from;
    while (at < to) at = this.#left > 0 ? this.#takeContent(buf, at, to) : this.#takeHead(buf, at);
  }

  #takeHead(buf: Buffer, at: number): number {
    this.#head[this.#headBytes++] = buf[at];
    const size = this.#headSize();
    if (this.#headBytes < size) return at + 1;
    const short = this.#head[1] & 0x7f;
    this.#length =
      short < 126
        ? short
        : short === 126
          ? this.#head.readUInt16BE(2)
          : Number(this.#head.readBigUInt64BE(2));
    this.#left = this.#length;
    this.#body = Buffer.alloc(Math.min(this.#length, SHOWN_BYTES));
    this.#bodyBytes = 0;
    if (this.#left === 0) this.#complete();
    return at + 1;
  }

  /** Bytes of the present frame's head, as far as it is known. */
  #headSize(): number {
    if (this.#headBytes < 2) return 2;
    const second = this.#head[1];
    const short = second & 0x7f;
    return 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + (second >= 0x80 ? 4 : 0);
  }

  #takeContent(buf: Buffer, at: number, to: number): number {
    const end = Math.min(to, at + this.#left);
    const keep = Math.min(end - at, this.#body.length - this.#bodyBytes);
    buf.copy(this.#body, this.#bodyBytes, at, at + keep);
    this.#bodyBytes += keep;
    this.#left -= end - at;
    if (this.#left === 0) this.#complete();
    return end;
  }

  #complete(): void {
    const [first, second] = this.#head;
    if (second >= 0x80) {
      const mask = this.#head.subarray(this.#headBytes - 4, this.#headBytes);
      for (let i = 0; i < this.#bodyBytes; i++) this.#body[i] ^= mask[i & 3];
    }
    this.#headBytes = 0;
    const kind = KINDS[first & 0x0f] ?? `opcode ${first & 0x0f}`;
    this.#tell({ from: this.#from, kind, length: this.#length, buf: this.#body, start: 0 });
  }
}

const NOTHING = Buffer.alloc(0);
