// Finds what a process says between <!--XSUPERVISOR:BEGIN--> and <!--XSUPERVISOR:END-->, wherever the pieces are cut.

export const BEGIN_TOKEN = Buffer.from('<!--XSUPERVISOR:BEGIN-->');
export const END_TOKEN = Buffer.from('<!--XSUPERVISOR:END-->');

const NOTHING = Buffer.alloc(0);

/** Cuts a stream at the tokens: `piece` gets what is between them, and whether it is captured; `ended` hears each END. */
export class TokenScanner {
  readonly #piece: (piece: Buffer, captured: boolean) => void;
  readonly #ended: () => void;
  #captured = false;
  /** The beginning of a token at the end of what came. */
  #kept: Buffer = NOTHING;

  constructor(piece: (piece: Buffer, captured: boolean) => void, ended: () => void) {
    this.#piece = piece;
    this.#ended = ended;
  }

  push(chunk: Buffer): void {
    let data = this.#kept.length === 0 ? chunk : Buffer.concat([this.#kept, chunk]);
    this.#kept = NOTHING;
    while (data.length > 0) {
      const token = this.#captured ? END_TOKEN : BEGIN_TOKEN;
      const at = data.indexOf(token);
      if (at < 0) {
        const kept = prefixAtEnd(data, token);
        this.#give(data.subarray(0, data.length - kept));
        this.#kept = Buffer.from(data.subarray(data.length - kept));
        return;
      }
      this.#give(data.subarray(0, at));
      this.#captured = !this.#captured;
      if (!this.#captured) this.#ended();
      data = data.subarray(at + token.length);
    }
  }

  /** What was kept back was no token. */
  end(): void {
    const rest = this.#kept;
    this.#kept = NOTHING;
    this.#give(rest);
  }

  #give(piece: Buffer): void {
    if (piece.length > 0) this.#piece(piece, this.#captured);
  }
}

/** How many bytes at the end of `data` the token may begin with. */
function prefixAtEnd(data: Buffer, token: Buffer): number {
  for (let length = Math.min(token.length - 1, data.length); length > 0; length--) {
    if (data[data.length - length] !== token[0]) continue;
    if (data.compare(token, 0, length, data.length - length) === 0) return length;
  }
  return 0;
}

/** Keeps about `maxBytes` of what is captured: as in Supervisor, a piece that does not fit pushes as many bytes out at the front. */
export class CaptureBuffer {
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(piece: Buffer): void {
    if (this.#bytes + piece.length > this.#maxBytes) this.#dropFirst(piece.length);
    this.#parts.push(Buffer.from(piece));
    this.#bytes += piece.length;
    // A process that prints byte by byte would have a buffer for each.
    if (this.#parts.length > 1024) this.#parts = [Buffer.concat(this.#parts)];
  }

  take(): Buffer {
    const all = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#bytes = 0;
    return all;
  }

  #dropFirst(bytes: number): void {
    let left = Math.min(bytes, this.#bytes);
    this.#bytes -= left;
    let whole = 0;
    while (left > 0 && left >= this.#parts[whole].length) left -= this.#parts[whole++].length;
    this.#parts.splice(0, whole);
    if (left > 0) this.#parts[0] = this.#parts[0].subarray(left);
  }
}
