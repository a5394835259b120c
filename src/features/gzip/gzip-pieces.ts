// A gzip stream made of pieces that are compressed one by one, each in one call that leaves nothing behind: no zlib state outlives a
// call, so none can leak. A piece refers to what came before it as zlib would: the last 32 KB are its dictionary.
import { nodeZlib } from '../../shared/node-parts.ts';

/** What zlib works with. */
export interface ZlibMemory {
  readonly level: number;
  readonly windowBits: number;
  readonly memLevel: number;
}

/** How far back deflate refers. */
const HISTORY_BYTES = 32_768;

/** RFC 1952: deflate, no flags, no time, made on Unix. */
const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
const TRAILER_BYTES = 8;

export class GzipPieces {
  readonly #memory: ZlibMemory;
  #crc = 0;
  /** Bytes so far, without and with compression. */
  bytesIn = 0;
  bytesOut = 0;
  /** What came last, and how much of the buffer it is. */
  #history: Buffer | null = null;
  #known = 0;

  constructor(memory: ZlibMemory) {
    this.#memory = memory;
  }

  /** The stream's next bytes: all of `input` can be read from them. */
  piece(input: Buffer, last: boolean): Buffer {
    const { constants, crc32, deflateRawSync } = nodeZlib();
    const deflated = deflateRawSync(input, {
      ...this.#memory,
      chunkSize: chunkFor(input.length),
      finishFlush: last ? constants.Z_FINISH : constants.Z_SYNC_FLUSH,
      dictionary: this.#history?.subarray(0, this.#known),
    });
    const parts: Buffer[] = this.bytesOut === 0 ? [HEADER, deflated] : [deflated];
    // Of some buffers without bytes Node 22 makes 0, whatever came before.
    if (input.length > 0) this.#crc = crc32(input, this.#crc);
    this.bytesIn += input.length;
    if (last) parts.push(this.#trailer());
    else this.#remember(input);
    const out = parts.length === 1 ? deflated : Buffer.concat(parts);
    this.bytesOut += out.length;
    return out;
  }

  #trailer(): Buffer {
    const trailer = Buffer.allocUnsafe(TRAILER_BYTES);
    trailer.writeUInt32LE(this.#crc, 0);
    // Modulo 2^32, as the format has it.
    trailer.writeUInt32LE(this.bytesIn % 2 ** 32, 4);
    return trailer;
  }

  #remember(input: Buffer): void {
    this.#history ??= Buffer.allocUnsafe(HISTORY_BYTES);
    const history = this.#history;
    const taken = Math.min(input.length, HISTORY_BYTES);
    const kept = Math.min(this.#known, HISTORY_BYTES - taken);
    history.copyWithin(0, this.#known - kept, this.#known);
    input.copy(history, kept, input.length - taken);
    this.#known = kept + taken;
  }
}

/** Text becomes a third or less: more than one chunk would be copied together. */
function chunkFor(inputBytes: number): number {
  return Math.min(65_536, Math.max(1024, inputBytes >> 1));
}
