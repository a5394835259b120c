// The request's body as it comes from the client: framed by the head, counted, handed to its reader, or read and dropped.
import type { Socket } from 'node:net';
import type { BodyReader, Exchange } from '../exchange.ts';
import { ChunkedDecoder } from '../http/chunked.ts';
import type { Failure } from '../shared/failure.ts';

/** A rest of an unread body up to this size is read and dropped so that the connection can stay; beyond, it closes. */
const DISCARD_BYTES = 65_536;

export class BodySource {
  readonly #socket: Socket;
  #decoder: ChunkedDecoder | null = null;
  #exchange: Exchange | null = null;
  #reader: BodyReader | null = null;
  #chunked = false;
  /** Bytes of a `length` body still to come. */
  #left = 0;
  #limit = 0;
  #received = 0;
  #paused = false;
  #held = false;
  /** All of it was read from the socket. */
  complete = true;
  /** It ended wrongly: what follows on the connection cannot be told from it. */
  failed = false;
  discarding = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  begin(exchange: Exchange): void {
    const request = exchange.request;
    this.#exchange = exchange;
    this.failed = false;
    this.discarding = false;
    this.complete = !request.hasBody;
    if (this.complete) return;
    this.#chunked = request.chunked;
    this.#left = request.chunked ? 0 : request.contentLength;
    this.#received = 0;
    if (request.chunked) {
      this.#decoder ??= new ChunkedDecoder();
      this.#decoder.reset();
    }
  }

  get reading(): boolean {
    return this.#reader !== null;
  }

  /** There is someone to take bytes now. */
  get wants(): boolean {
    return !this.complete && !this.failed && (this.discarding || (this.#reader !== null && !this.#paused));
  }

  /** Whether the connection can serve another request behind this body. */
  get canStay(): boolean {
    if (this.failed) return false;
    if (this.complete || this.#reader !== null) return true;
    // A client that waits for our 100 may or may not send the body now.
    if (this.#exchange?.request.expectContinue === true) return false;
    return !this.#chunked && this.#left <= DISCARD_BYTES;
  }

  read(reader: BodyReader): void {
    this.#limit = this.#exchange?.location.client.maxBodyBytes ?? 0;
    if (this.complete) return reader.onBodyEnd('');
    this.#reader = reader;
  }

  pause(): void {
    this.#paused = true;
    this.hold();
  }

  resume(): void {
    this.#paused = false;
    this.release();
  }

  /** Stops reading the socket: too much waits already. */
  hold(): void {
    if (this.#held) return;
    this.#held = true;
    this.#socket.pause();
  }

  release(): void {
    if (!this.#held) return;
    this.#held = false;
    this.#socket.resume();
  }

  /** Takes bytes of the body from `input`, beginning at `from`; returns the offset of the first byte not used. */
  feed(input: Buffer, from: number): number {
    return this.#chunked ? this.#feedChunked(input, from) : this.#feedLength(input, from);
  }

  #feedLength(input: Buffer, from: number): number {
    const n = Math.min(this.#left, input.length - from);
    this.#left -= n;
    if (this.#left === 0) this.complete = true;
    if (n > 0) this.#deliver(input.subarray(from, from + n));
    if (this.#left === 0) this.#end('');
    return from + n;
  }

  #feedChunked(input: Buffer, from: number): number {
    const decoder = this.#decoder;
    if (decoder === null) return from;
    const n = decoder.decode(input, from, input.length);
    const used = decoder.consumed;
    if (decoder.malformed) {
      this.fail('client_body_malformed');
      return input.length;
    }
    this.#received += n;
    if (this.#limit > 0 && this.#received > this.#limit && !this.discarding) {
      this.fail('client_body_too_large');
      return input.length;
    }
    if (decoder.done) this.complete = true;
    if (n > 0) this.#deliver(input.subarray(from, from + n));
    if (decoder.done) this.#end(decoder.trailers);
    return used;
  }

  #deliver(chunk: Buffer): void {
    if (this.#exchange !== null) this.#exchange.bodyBytesReceived += chunk.length;
    this.#reader?.onBody(chunk);
  }

  #end(trailers: string): void {
    this.takeReader()?.onBodyEnd(trailers);
  }

  fail(failure: Failure): void {
    this.failed = true;
    if (this.#exchange !== null) this.#exchange.closeAfter = true;
    this.takeReader()?.onBodyFailed(failure);
  }

  takeReader(): BodyReader | null {
    const reader = this.#reader;
    this.#reader = null;
    this.#paused = false;
    return reader;
  }

  /** The answer is complete: drop what is left of the body. */
  discardRest(): void {
    this.#reader = null;
    this.#paused = false;
    this.#exchange = null;
    this.release();
    this.discarding = !this.complete;
  }

  reset(): void {
    this.discarding = false;
    this.#reader = null;
    this.#exchange = null;
    this.complete = true;
    this.release();
  }
}
