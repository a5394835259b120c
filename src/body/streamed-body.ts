// The request's body on its way to a peer while it still comes: kept for a replay while it fits the buffer, passed on once it does not.
// One reader at a time. Bounded: what waits to be sent never exceeds the buffer by more than one read.
import type { BodyReader, Exchange } from '../exchange/exchange.ts';
import type { BodyOwner, BodyPull, BodyTarget, PullOwner, RequestBody } from '../http/body-pull.ts';
import { chunkHeader, lastChunk } from '../http/chunked.ts';
import { copyOf } from '../shared/buffers.ts';
import type { Failure } from '../shared/failure.ts';
import { bodyDetail } from './body-detail.ts';

/** Pieces below this are gathered into stores of this size: as buffers of their own, single bytes cost hundreds of times their size. */
const SMALL_BYTES = 512;
const STORE_BYTES = 8192;

/** Who sends it on. */
export interface StreamOwner extends PullOwner, Pick<BodyOwner, 'onBodyFailed'> {
  /** A piece came; true when it was passed on and need not be kept. */
  passBodyOn(buf: Buffer, from: number, to: number): boolean;
  /** What was passed on waits for the peer. */
  readonly peerMustWait: boolean;
}

/** Begins to read the exchange's body, which becomes its `body`; the owner may be called before this returns. */
export function streamBody(exchange: Exchange, keepBytes: number, owner: StreamOwner): StreamedBody {
  const body = new StreamedBody(keepBytes, exchange, owner);
  exchange.body = body;
  exchange.client.readBody(body);
  return body;
}

export class StreamedBody implements RequestBody, BodyReader, BodyPull {
  readonly #limit: number;
  readonly #exchange: Exchange;
  /** null once the exchange is over. */
  #owner: StreamOwner | null;
  #paused = false;
  /** It was complete before anybody began to send it. */
  #wasWhole = false;
  #first = true;
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

  constructor(limit: number, exchange: Exchange, owner: StreamOwner) {
    this.#limit = limit;
    this.#exchange = exchange;
    this.#owner = owner;
  }

  // Reading.

  onBody(buf: Buffer, from: number, to: number): void {
    const owner = this.#owner;
    if (owner === null) return;
    if (owner.passBodyOn(buf, from, to)) {
      if (owner.peerMustWait) this.#holdClient();
      return;
    }
    this.add(buf, from, to);
    owner.onBodyMore();
    if (this.full) this.#holdClient();
  }

  onBodyEnd(trailers: string): void {
    this.complete = true;
    this.trailers = trailers;
    this.#owner?.onBodyMore();
  }

  onBodyFailed(failure: Failure): void {
    const owner = this.#owner;
    this.#owner = null;
    owner?.onBodyFailed(failure, bodyDetail(failure, this.#exchange));
  }

  #holdClient(): void {
    // Its owner may just have ended the exchange: the client is no more ours to hold.
    if (this.#paused || this.#owner === null) return;
    this.#paused = true;
    this.#exchange.client.pauseBody();
  }

  /** The peer took what there was. */
  flow(): void {
    if (!this.#paused || this.full || this.#owner === null) return;
    this.#paused = false;
    this.#exchange.client.resumeBody();
  }

  /** Of a body that came while it was sent nothing is told (ngx_http_upstream_send_request_body takes its buffers away). */
  get text(): string | undefined {
    if (!this.#wasWhole || this.#dropped) return undefined;
    let text = '';
    for (const chunk of this.#chunks) text += chunk.latin1Slice(0, chunk.length);
    return text;
  }

  get file(): undefined {
    return undefined;
  }

  /** Of several readers the last one has it. */
  pull(): BodyPull {
    if (this.#first) this.#wasWhole = this.complete;
    this.#first = false;
    this.restart();
    return this;
  }

  end(): void {}

  hold(): void {}

  release(): void {
    this.#owner = null;
  }

  // What is kept.

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
  passOn(connection: BodyTarget, buf: Buffer, from: number, to: number, chunked: boolean): boolean {
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

  get isShared(): boolean {
    return false;
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
  sendTo(connection: BodyTarget, chunked: boolean): boolean {
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
