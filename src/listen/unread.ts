// What a client has sent and nobody has used yet: the rest of a read, of a head that is not complete, of requests that wait their turn.
import { copyOf } from '../shared/buffers.ts';
import { joined } from '../shared/joined.ts';

/** `bytes[from, end)`; null while there is nothing. */
export class Unread {
  bytes: Buffer | null = null;
  from = 0;
  end = 0;
  /** So many of them are known to hold no whole head. */
  scanned = 0;

  get length(): number {
    return this.bytes === null ? 0 : this.end - this.from;
  }

  /** `buf[0, length)` has come. It is lent: `keep` before the call that lent it ends. */
  add(buf: Buffer, length: number): void {
    if (this.bytes === null) {
      this.bytes = buf;
      this.end = length;
    } else {
      this.bytes = joined(this.bytes, this.from, buf, length);
      this.end = this.bytes.length;
    }
    this.from = 0;
  }

  keep(lent: Buffer): void {
    if (this.bytes !== lent) return;
    this.bytes = copyOf(lent, this.from, this.end);
    this.from = 0;
    this.end = this.bytes.length;
  }

  /** Lets go of bytes that are all used. */
  trim(): void {
    if (this.from >= this.end) this.clear();
  }

  clear(): void {
    this.bytes = null;
    this.from = 0;
    this.end = 0;
    this.scanned = 0;
  }
}
