// The request's body as it comes from the client: framed by the head, counted, handed to its reader, or read and dropped.
import type { BodyReader, Exchange } from '../exchange/exchange.ts';
import { ChunkedDecoder } from '../http/chunked.ts';
import type { ClientFailure, Failure } from '../shared/failure.ts';
import type { ByteSocket } from '../socket/byte-socket.ts';

/** Up to this size the rest of a body is read and dropped whose reader was answered too early; beyond, the connection closes. */
const REST_BYTES = 65_536;

export class BodySource {
  readonly #socket: ByteSocket;
  #decoder: ChunkedDecoder | null = null;
  #exchange: Exchange | null = null;
  #reader: BodyReader | null = null;
  #chunked = false;
  /** Bytes of a `length` body still to come. */
  #left = 0;
  #limit = 0;
  #received = 0;
  /** Taken and not yet delivered: `#piece[#pieceFrom, #pieceTo)`. */
  #piece: Buffer | null = null;
  #pieceFrom = 0;
  #pieceTo = 0;
  #fault: ClientFailure | null = null;
  #paused = false;
  #held = false;
  /** All of it was read from the socket. */
  complete = true;
  /** It ended wrongly: what follows on the connection cannot be told from it. */
  failed = false;
  discarding = false;

  constructor(socket: ByteSocket) {
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

  /**
   * Whether the connection can serve another request behind this body; `hasBegun`: bytes of it wait here. An answer that comes before the
   * body's end leaves a rest to be read and dropped: whatever its size as in nginx, which bounds the time, if nobody began to read it.
   */
  canStay(hasBegun: boolean): boolean {
    if (this.failed) return false;
    if (this.complete) return true;
    // A client that waits for our 100 may or may not send the body now, unless it has begun to.
    if (!hasBegun && this.#reader === null && this.#exchange?.request.expectContinue === true) return false;
    // In the middle of one that is read the connection ends (nginx: reading_body), unless the rest is known and small.
    return this.#reader === null || (!this.#chunked && this.#left <= REST_BYTES);
  }

  /** Whether a chunked body of which nothing was taken yet begins with what is none; nothing is taken. */
  looksBroken(input: Buffer, from: number, end: number): boolean {
    if (!this.#chunked || this.complete || this.#reader !== null || this.#received > 0) return false;
    const trial = new ChunkedDecoder();
    // It decodes in place.
    trial.decode(Buffer.from(input.subarray(from, end)), 0, end - from);
    return trial.malformed;
  }

  read(reader: BodyReader): void {
    this.#limit = this.#exchange?.location.client.maxBodyBytes ?? 0;
    if (this.complete) return reader.onBodyEnd('');
    this.#reader = reader;
    // Bytes that came before their reader may have filled the input.
    this.release();
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

  /**
   * Takes bytes of the body from `input[from, end)`; returns the offset of the first byte not used. They are handed on by `deliver`, so
   * that a reader may call back: by then the connection knows where it is.
   */
  take(input: Buffer, from: number, end: number): number {
    return this.#chunked ? this.#takeChunked(input, from, end) : this.#takeLength(input, from, end);
  }

  #takeLength(input: Buffer, from: number, end: number): number {
    const n = Math.min(this.#left, end - from);
    this.#left -= n;
    if (this.#left === 0) this.complete = true;
    this.#takePiece(input, from, n);
    return from + n;
  }

  #takePiece(input: Buffer, from: number, length: number): void {
    if (length === 0) return;
    if (this.#exchange !== null) this.#exchange.bodyBytesReceived += length;
    this.#piece = input;
    this.#pieceFrom = from;
    this.#pieceTo = from + length;
  }

  #takeChunked(input: Buffer, from: number, end: number): number {
    const decoder = this.#decoder;
    if (decoder === null) return from;
    const n = decoder.decode(input, from, end);
    this.#received += n;
    if (decoder.malformed) this.#fault = 'client_body_malformed';
    else if (this.#isTooMuch()) this.#fault = 'client_body_too_large';
    if (this.#fault !== null) return end;
    if (decoder.done) this.complete = true;
    if (this.#exchange !== null) this.#exchange.framingBytesReceived += decoder.consumed - from - n;
    this.#takePiece(input, from, n);
    return decoder.consumed;
  }

  #isTooMuch(): boolean {
    return !this.discarding && this.#limit > 0 && this.#received > this.#limit;
  }

  /** Hands what was taken to the reader. */
  deliver(): void {
    const piece = this.#piece;
    const fault = this.#fault;
    this.#piece = null;
    this.#fault = null;
    if (fault !== null) return this.fail(fault);
    if (piece !== null) this.#reader?.onBody(piece, this.#pieceFrom, this.#pieceTo);
    if (this.complete) this.#end(this.#chunked ? (this.#decoder?.trailers ?? '') : '');
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
    this.#received = 0;
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
