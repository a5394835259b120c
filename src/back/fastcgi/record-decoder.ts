// Reads the records of a FastCGI app's answer from whatever pieces a socket gives. Pure, no throw; what it tells of is a range of the piece.
import { END_REQUEST, STDERR, STDOUT } from './records.ts';

/** All that was given is used up. */
export const MORE = 0;
/** `from…to` is output of the app: head and body of its answer. */
export const OUTPUT = 1;
/** The app's output is complete. */
export const OUTPUT_END = 2;
/** `from…to` is what it said to the error log; more of the record may follow. */
export const ERRORS = 3;
/** The request is over, `protocolStatus` says how. Its padding is used up as well. */
export const REQUEST_END = 4;
/** These are no records; `problem` says why. */
export const NO_RECORD = 5;

export type RecordEvent = 0 | 1 | 2 | 3 | 4 | 5;

const HEADER_BYTES = 8;

/** A step inside that nobody needs to hear of. */
const NOTHING = -1;

export class RecordDecoder {
  /** Where the last event's bytes are. */
  from = 0;
  to = 0;
  /** Behind all that is used up. */
  pos = 0;
  problem = '';
  /** 0 = done, 1 = cannot multiplex, 2 = overloaded, 3 = unknown role. */
  protocolStatus = 0;
  #headerBytes = 0;
  #type = 0;
  #left = 0;
  #padding = 0;
  /** Bytes of an END_REQUEST's content that were read. */
  #ending = 0;

  reset(): void {
    this.problem = '';
    this.protocolStatus = 0;
    this.#headerBytes = 0;
    this.#left = 0;
    this.#padding = 0;
    this.#ending = 0;
  }

  /** The next event in `buf[pos, end)`; to be called with its `pos` until it says MORE or NO_RECORD. */
  next(buf: Buffer, pos: number, end: number): RecordEvent {
    this.pos = pos;
    for (;;) {
      const event = this.#headerBytes < HEADER_BYTES ? this.#readHeader(buf, end) : this.#readRest(buf, end);
      if (event !== NOTHING) return event;
    }
  }

  /** Reads what there is of a record's content, or else of its padding. */
  #readRest(buf: Buffer, end: number): RecordEvent | typeof NOTHING {
    if (this.#left > 0) return this.pos === end ? MORE : this.#takeContent(buf, end);
    if (!this.#skipPadding(end)) return MORE;
    this.#headerBytes = 0;
    return this.#type === END_REQUEST ? REQUEST_END : NOTHING;
  }

  /** Whether the record's end is reached. */
  #skipPadding(end: number): boolean {
    const skipped = Math.min(this.#padding, end - this.pos);
    this.#padding -= skipped;
    this.pos += skipped;
    return this.#padding === 0;
  }

  /** Reads `version type id id length length padding reserved`. */
  #readHeader(buf: Buffer, end: number): RecordEvent | typeof NOTHING {
    while (this.pos < end) {
      this.problem = this.#readHeaderByte(buf[this.pos++]);
      if (this.problem !== '') return NO_RECORD;
      if (this.#headerBytes === HEADER_BYTES)
        return this.#type === STDOUT && this.#left === 0 ? OUTPUT_END : NOTHING;
    }
    return MORE;
  }

  #readHeaderByte(byte: number): string {
    switch (this.#headerBytes++) {
      case 0:
        return byte === 1 ? '' : `its bytes are no FastCGI of version 1 (${byte})`;
      case 1:
        this.#type = byte;
        this.#ending = 0;
        return byte === STDOUT || byte === STDERR || byte === END_REQUEST
          ? ''
          : `a FastCGI record of type ${byte} has no place in an answer`;
      case 2:
        return byte === 0 ? '' : `a FastCGI record is of another request (${byte * 256} or more)`;
      case 3:
        return byte === 1 ? '' : `a FastCGI record is of another request (${byte})`;
      case 4:
        this.#left = byte << 8;
        return '';
      case 5:
        this.#left |= byte;
        return '';
      case 6:
        this.#padding = byte;
        return '';
      default:
        return '';
    }
  }

  #takeContent(buf: Buffer, end: number): RecordEvent | typeof NOTHING {
    this.from = this.pos;
    this.to = Math.min(end, this.pos + this.#left);
    this.#left -= this.to - this.from;
    this.pos = this.to;
    if (this.#type !== END_REQUEST) return this.#type === STDOUT ? OUTPUT : ERRORS;
    // Four bytes of the app's own status, then one of the protocol's.
    const at = this.from + 4 - this.#ending;
    if (at >= this.from && at < this.to) this.protocolStatus = buf[at];
    this.#ending += this.to - this.from;
    return NOTHING;
  }
}
