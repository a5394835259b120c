// The request's body on its way to a peer: kept for a replay while it fits the buffer, streamed once it does not.
// Bounded: what waits to be sent never exceeds the buffer by more than one read.
import { chunkHeader, lastChunk } from '../http/chunked.ts';
import { copyOf } from '../shared/buffers.ts';
import type { PeerConnection } from '../upstream/connection.ts';

/** Pieces below this are gathered into stores of this size: as buffers of their own, single bytes cost hundreds of times their size. */
const SMALL_BYTES = 512;
const STORE_BYTES = 8192;

export class RequestBody {
  readonly #limit: number;
  readonly #chunks: Buffer[] = [];
  /** Index of the first chunk that the present attempt has not sent. */
  #next = 0;
  #kept = 0;
  #dropped = false;
  #endSent = false;
  /** Where small pieces are gathered, from its start on; what is in use is never changed. */
  #store: Buffer | null = null;
  #used = 0;
  complete = false;
  trailers = '';
  received = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Keeps a copy of `buf[from, to)`. */
  add(buf: Buffer, from: number, to: number): void {
    // Nearly all small bodies come in one piece.
    if (to - from < SMALL_BYTES && this.#chunks.length > 0) this.#gather(buf, from, to);
    else this.#chunks.push(copyOf(buf, from, to));
    this.#kept += to - from;
    this.received += to - from;
  }

  #gather(buf: Buffer, from: number, to: number): void {
    const chunks = this.#chunks;
    if (this.#store === null || this.#used + to - from > STORE_BYTES) {
      this.#store = Buffer.allocUnsafeSlow(STORE_BYTES);
      this.#used = 0;
    }
    const store = this.#store;
    const start = this.#used;
    this.#used += buf.copy(store, start, from, to);
    if (this.#next < chunks.length && adjoin(chunks[chunks.length - 1], store, start)) {
      const grown = store.subarray(chunks[chunks.length - 1].byteOffset, this.#used);
      chunks[chunks.length - 1] = grown;
      return;
    }
    this.#joinSent();
    chunks.push(store.subarray(start, this.#used));
  }

  /**
   * Writes `buf[from, to)` without keeping it: once the buffer has overflowed the body cannot be replayed anyway. False, and nothing
   * was written, while it still can or while earlier pieces wait.
   */
  passOn(connection: PeerConnection, buf: Buffer, from: number, to: number, chunked: boolean): boolean {
    if (!this.#dropped && this.#kept + to - from <= this.#limit) return false;
    if (this.#next < this.#chunks.length || connection.mustWait) return false;
    if (chunked) connection.writeFramed(chunkHeader(to - from), buf, from, to, '\r\n');
    else connection.writeFramed('', buf, from, to, '');
    this.received += to - from;
    this.#dropped = true;
    this.#dropSent();
    return true;
  }

  /** The last two pieces as one, when both were sent and lie side by side: only a replay needs them. */
  #joinSent(): void {
    const chunks = this.#chunks;
    const n = chunks.length;
    if (n < 2 || this.#next < n) return;
    const before = chunks[n - 2];
    const last = chunks[n - 1];
    if (last.buffer !== this.#store?.buffer || !adjoin(before, last, 0)) return;
    chunks.splice(n - 2, 2, this.#store.subarray(before.byteOffset, last.byteOffset + last.length));
    this.#next--;
  }

  /** All bytes that came are still here, so another peer can have them from the start. */
  get replayable(): boolean {
    return !this.#dropped;
  }

  /** The buffer is full: hold the client until some of it is sent. */
  get full(): boolean {
    return this.#kept > this.#limit;
  }

  /** Everything, the end included, was handed to the present connection. */
  get sent(): boolean {
    return this.#endSent;
  }

  restart(): void {
    this.#next = 0;
    this.#endSent = false;
  }

  /** All that is here as one latin1 string when it is complete and no longer than `max`; to be sent together with the head. */
  takeWhole(max: number): string | null {
    if (!this.complete || this.#dropped || this.#kept > max) return null;
    let text = '';
    for (const chunk of this.#chunks) text += chunk.latin1Slice(0, chunk.length);
    this.#next = this.#chunks.length;
    this.#endSent = true;
    return text;
  }

  /** Hands what is here to the connection, framed anew. False when it must wait. */
  sendTo(connection: PeerConnection, chunked: boolean): boolean {
    while (this.#next < this.#chunks.length) {
      const chunk = this.#chunks[this.#next++];
      if (chunked) connection.writeFramed(chunkHeader(chunk.length), chunk, 0, chunk.length, '\r\n');
      else connection.writeKept(chunk);
    }
    if (this.complete && !this.#endSent) {
      this.#endSent = true;
      if (chunked) connection.writeText(lastChunk(this.trailers));
    }
    if (this.#kept > this.#limit) this.#dropSent();
    return !connection.mustWait;
  }

  #dropSent(): void {
    if (this.#next === 0) return;
    this.#dropped = true;
    for (let i = 0; i < this.#next; i++) this.#kept -= this.#chunks[i].length;
    this.#chunks.splice(0, this.#next);
    this.#next = 0;
  }
}

/** Whether `piece` ends where `offset` of `next` lies. */
function adjoin(piece: Buffer, next: Buffer, offset: number): boolean {
  return piece.buffer === next.buffer && piece.byteOffset + piece.length === next.byteOffset + offset;
}
