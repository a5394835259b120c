// Decodes chunked bodies (RFC 9112 §7.1) in place and frames them anew. Nothing of the sender's framing is kept:
// sizes, extensions and line ends are read by the letter of the grammar and dropped.

/** A size line with its extension, and trailers, are bounded (CVE-2024-22019). */
const MAX_SIZE_LINE = 256;
const MAX_SIZE_DIGITS = 13;
const MAX_TRAILERS = 8192;
const MAX_TRAILER_FIELDS = 32;

type State =
  | 'size'
  | 'bws'
  | 'extension'
  | 'size-lf'
  | 'data'
  | 'data-cr'
  | 'data-lf'
  | 'trailer'
  | 'done'
  | 'malformed';

/** -1 for bytes that are no hexadecimal digit. */
const HEX = new Int8Array(256).fill(-1);
for (let i = 0; i < 10; i++) HEX[0x30 + i] = i;
for (let i = 0; i < 6; i++) HEX[0x41 + i] = HEX[0x61 + i] = 10 + i;

export class ChunkedDecoder {
  state: State = 'size';
  /** Bytes of the current chunk still to come. */
  #left = 0;
  #digits = 0;
  /** Bytes of the present size line, later those of all trailers. */
  #line = 0;
  #fields = 0;
  #quoted = false;
  #trailer: number[] = [];
  /** Offset after the last byte used, valid after `decode`. */
  consumed = 0;

  reset(): void {
    this.state = 'size';
    this.#left = 0;
    this.#digits = 0;
    this.#line = 0;
    this.#fields = 0;
    this.#quoted = false;
    if (this.#trailer.length > 0) this.#trailer = [];
  }

  get done(): boolean {
    return this.state === 'done';
  }

  get malformed(): boolean {
    return this.state === 'malformed';
  }

  /** The trailer lines, each ended by CRLF, latin1; '' without. Valid when done. */
  get trailers(): string {
    return this.#trailer.length === 0 ? '' : Buffer.from(this.#trailer).latin1Slice();
  }

  /**
   * Decodes `buf[start, end)` in place: the data is moved to the front of the range and its length returned;
   * `consumed` tells where the message ended when `done`. Stops at the first byte that is not the grammar's.
   */
  decode(buf: Buffer, start: number, end: number): number {
    let p = start;
    let out = start;
    while (p < end && this.state !== 'done' && this.state !== 'malformed') {
      if (this.state === 'data') {
        const n = Math.min(this.#left, end - p);
        if (out !== p) buf.copyWithin(out, p, p + n);
        out += n;
        p += n;
        this.#left -= n;
        if (this.#left === 0) this.state = 'data-cr';
      } else {
        this.#step(buf[p++]);
      }
    }
    this.consumed = p;
    return out - start;
  }

  #step(c: number): void {
    switch (this.state) {
      case 'size':
        return this.#size(c);
      case 'bws':
        return this.#bws(c);
      case 'extension':
        return this.#extension(c);
      case 'size-lf':
        if (c !== 10) return this.#refuse();
        this.state = this.#left > 0 ? 'data' : 'trailer';
        this.#digits = 0;
        this.#line = 0;
        return;
      case 'data-cr':
        this.state = c === 13 ? 'data-lf' : 'malformed';
        return;
      case 'data-lf':
        this.state = c === 10 ? 'size' : 'malformed';
        return;
      default:
        return this.#trailerByte(c);
    }
  }

  #size(c: number): void {
    const digit = HEX[c];
    if (digit >= 0) {
      if (++this.#digits > MAX_SIZE_DIGITS) return this.#refuse();
      this.#left = this.#left * 16 + digit;
      this.#line++;
      return;
    }
    if (this.#digits === 0) return this.#refuse();
    if (c === 13) this.state = 'size-lf';
    else if (c === 59) this.state = 'extension';
    else if (c === 32 || c === 9) this.state = 'bws';
    else this.#refuse();
    this.#line++;
  }

  /** The one space that RFC 9112 §7.1.1 lets pass is in front of an extension's semicolon. */
  #bws(c: number): void {
    if (++this.#line > MAX_SIZE_LINE) return this.#refuse();
    if (c === 59) this.state = 'extension';
    else if (c !== 32 && c !== 9) this.#refuse();
  }

  #extension(c: number): void {
    if (++this.#line > MAX_SIZE_LINE) return this.#refuse();
    if (c === 34) this.#quoted = !this.#quoted;
    if (c === 13) this.state = this.#quoted ? 'malformed' : 'size-lf';
    else if ((c < 32 && c !== 9) || c === 127) this.#refuse();
  }

  #trailerByte(c: number): void {
    if (++this.#line > MAX_TRAILERS) return this.#refuse();
    const t = this.#trailer;
    t.push(c);
    if (c !== 10) return;
    if (t[t.length - 2] !== 13) return this.#refuse();
    const lineStart = t.lastIndexOf(10, t.length - 2) + 1;
    if (t.length - lineStart === 2) {
      t.length = lineStart;
      this.state = 'done';
      return;
    }
    const line = Buffer.from(t.slice(lineStart)).latin1Slice();
    if (++this.#fields > MAX_TRAILER_FIELDS || !TRAILER_LINE.test(line) || FORBIDDEN_TRAILER.test(line))
      return this.#refuse();
    // As in a head: `X_Real_IP` would be `X-Real-IP` to many an application.
    if (UNUSUAL_TRAILER.test(line)) t.length = lineStart;
  }

  #refuse(): void {
    this.state = 'malformed';
  }
}

/** A field line by the same grammar as in a head. */
const TRAILER_LINE = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+:[\t\x20-\x7e\x80-\xff]*\r\n$/;

/** A name that nginx ignores by default (ignore_invalid_headers, underscores_in_headers). */
const UNUSUAL_TRAILER = /^[^:]*[^A-Za-z0-9:-][^:]*:/;

/** Fields that frame, route or authenticate may not come late (RFC 9110 §6.5.1). */
const FORBIDDEN_TRAILER =
  /^(?:transfer-encoding|content-length|content-encoding|content-type|content-range|host|connection|keep-alive|te|trailer|upgrade|expect|authorization|proxy-.*|cookie|set-cookie|cache-control|max-forwards|x-forwarded-.*|x-real-ip|x-scheme):/i;

/** The size line of a chunk of `length` bytes. */
export function chunkHeader(length: number): string {
  return `${length.toString(16)}\r\n`;
}

/** The last chunk, with trailer lines or none. */
export function lastChunk(trailers: string): string {
  return `0\r\n${trailers}\r\n`;
}
