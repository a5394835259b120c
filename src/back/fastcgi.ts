// FastCGI towards peers: a request as records, and an answer whose head is CGI's. One request at a time on a connection.
import type { StreamedBody } from '../body/streamed-body.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { ENOUGH, WAIT } from '../exchange/flow.ts';
import type { BodyPull, BodyTarget } from '../http/body-pull.ts';
import type { HeadLimits } from '../http/request-head.ts';
import type { ResponseHead } from '../http/response-head.ts';
import { INLINE_BODY_BYTES } from '../shared/buffers.ts';
import { connectSocket } from '../socket/connect-socket.ts';
import type { PeerConnection } from '../upstream/connection.ts';
import type { Transport } from '../upstream/transport.ts';
import type { AnswerTaker, Back, BackStream, BodyFraming, Step } from './back.ts';
import { type CgiRange, parseCgiHead } from './cgi-head.ts';
import { CgiStream } from './cgi-stream.ts';
import {
  ERRORS,
  MORE,
  OUTPUT,
  OUTPUT_END,
  REQUEST_END,
  RecordDecoder,
  type RecordEvent,
} from './fastcgi/record-decoder.ts';
import {
  afterStdin,
  beforeStdin,
  beginRequest,
  END_OF_STDIN,
  MAX_RECORD_BYTES,
  STDIN_BYTES,
} from './fastcgi/records.ts';

export interface FastcgiOptions {
  readonly parameters: (exchange: Exchange) => string;
  /** Asks the app to keep the connection. */
  readonly keepConn: boolean;
  /** What makes an answer a bad one, when the app says it to its error output. */
  readonly catchErrors: readonly string[];
  /** Bounds of the answer's head. */
  readonly headLimits: HeadLimits;
}

/** Plain sockets, in a pool of their own: the same peer may be spoken to in HTTP elsewhere. */
export const FASTCGI_TRANSPORT: Transport = { key: 'fastcgi', connect: connectSocket };

export class FastcgiBack implements Back {
  readonly family = 'fastcgi';
  readonly #options: FastcgiOptions;

  constructor(options: FastcgiOptions) {
    this.#options = options;
  }

  open(taker: AnswerTaker, connection: PeerConnection): BackStream {
    return new FastcgiStream(this.#options, taker, connection);
  }
}

/** LF, CR, full stop and blank at the end of what an app says are not written, as in nginx. */
const ENDINGS: readonly number[] = [10, 13, 46, 32];

/** Most that is written of it at once: a line of nginx's error log. */
const SAID_BYTES = 2048;

/** FCGI_OVERLOADED. */
const OVERLOADED = 2;

class FastcgiStream extends CgiStream implements BackStream, BodyTarget {
  readonly #options: FastcgiOptions;
  readonly #decoder = new RecordDecoder();
  #bodySent = false;
  /** A piece of the body that was not handed on yet; never longer than a call. */
  #piece: Buffer | null = null;
  #from = 0;
  #to = 0;
  /** The app's END_REQUEST came, and nothing behind it. */
  #ended = false;

  constructor(options: FastcgiOptions, taker: AnswerTaker, connection: PeerConnection) {
    super(taker, connection);
    this.#options = options;
  }

  // The request.

  send(x: Exchange, _framing: BodyFraming, body: BodyPull | null): number {
    const parameters = this.#options.parameters(x);
    if (parameters.length > MAX_RECORD_BYTES) {
      const what = `the parameters of the request take ${parameters.length} bytes`;
      this.problem = `${what}, more than the ${MAX_RECORD_BYTES} that FastCGI has room for; pass fewer of them (fastcgi_param, fastcgi_pass_request_headers)`;
      return 0;
    }
    this.asks(x);
    let text = beginRequest(parameters, this.#options.keepConn);
    const small = body?.takeWhole(INLINE_BODY_BYTES) ?? '';
    if (small !== '') text += beforeStdin(small.length) + small + afterStdin(small.length);
    if (body === null || body.sent) {
      this.#bodySent = true;
      text += END_OF_STDIN;
    }
    this.connection.writeText(text);
    return text.length;
  }

  sendBody(body: BodyPull): boolean {
    const flowing = body.sendTo(this, false);
    if (body.sent && !this.#bodySent) {
      this.#bodySent = true;
      this.connection.writeText(END_OF_STDIN);
    }
    return flowing;
  }

  passOn(body: StreamedBody, buf: Buffer, from: number, to: number): boolean {
    return body.passOn(this, buf, from, to, false);
  }

  // Where the body writes itself to: each piece becomes records.

  get mustWait(): boolean {
    return this.connection.mustWait;
  }

  writeText(text: string): void {
    for (let at = 0; at < text.length; at += STDIN_BYTES) {
      const piece = text.slice(at, at + STDIN_BYTES);
      this.connection.writeText(beforeStdin(piece.length) + piece + afterStdin(piece.length));
    }
  }

  writeFramed(_before: string, buf: Buffer, from: number, to: number): void {
    for (let at = from; at < to; at += STDIN_BYTES) {
      const end = Math.min(to, at + STDIN_BYTES);
      this.connection.writeFramed(beforeStdin(end - at), buf, at, end, afterStdin(end - at));
    }
  }

  writeKept(buf: Buffer): void {
    this.writeFramed('', buf, 0, buf.length);
  }

  // The answer.

  take(buf: Buffer, from: number, to: number): Step {
    const decoder = this.#decoder;
    let held = false;
    for (let pos = from; ; pos = decoder.pos) {
      const event = decoder.next(buf, pos, to);
      const step = event === OUTPUT ? this.#onOutput(buf) : this.#onEvent(event, buf, to);
      if (step === 'held') held = true;
      else if (step !== 'more') return step;
      if (event === MORE) return held ? 'held' : 'more';
    }
  }

  #onOutput(buf: Buffer): Step {
    const { from, to } = this.#decoder;
    if (!this.headRead) return this.takeHead(buf, from, to);
    const step = this.#flush();
    this.#keep(buf, from, to);
    return step;
  }

  #onEvent(event: RecordEvent, buf: Buffer, to: number): Step {
    switch (event) {
      case MORE:
        return this.#flush();
      case ERRORS:
        return this.#onErrors(buf);
      case OUTPUT_END:
        if (!this.headRead) return this.refuse(`${this.noAnswer}: its output ended before a head`);
        // Whoever keeps no connection need not wait for the rest.
        return this.#options.keepConn ? 'more' : this.#finish(false);
      case REQUEST_END:
        return this.#onRequestEnd(to);
      default:
        return this.refuse(`${this.noAnswer}: ${this.#decoder.problem}`);
    }
  }

  protected get protocol(): string {
    return 'FastCGI';
  }

  protected parse(head: ResponseHead, bytes: Buffer, range: CgiRange): number {
    return parseCgiHead(head, bytes, range, this.#options.headLimits);
  }

  protected takeBody(bytes: Buffer, from: number, to: number): Step {
    this.#keep(bytes, from, to);
    return 'more';
  }

  /** Keeps back a piece until it is known whether it is the last one of what was read: then the answer goes out in one write. */
  #keep(buf: Buffer, from: number, to: number): void {
    const n = this.within(to - from);
    this.#piece = n === 0 ? null : buf;
    this.#from = from;
    this.#to = from + n;
  }

  #flush(): Step {
    const piece = this.#piece;
    if (piece === null) return 'more';
    this.#piece = null;
    const flow = this.taker.onPiece(piece, this.#from, this.#to, false);
    if (flow === ENOUGH) return 'stopped';
    return flow === WAIT ? 'held' : 'more';
  }

  #sendLast(): void {
    const piece = this.#piece;
    this.#piece = null;
    if (piece === null) this.taker.onPiece(null, 0, 0, true);
    else this.taker.onPiece(piece, this.#from, this.#to, true);
  }

  #onErrors(buf: Buffer): Step {
    const { from, to } = this.#decoder;
    let end = to;
    while (end > from + 1 && ENDINGS.includes(buf[end - 1])) end--;
    this.taker.onSaid(buf.toString('utf8', from, Math.min(end, from + SAID_BYTES)));
    if (this.headRead) return 'more';
    const text = buf.toString('utf8', from, to);
    if (!this.#options.catchErrors.some((words) => text.includes(words))) return 'more';
    return this.refuse('the app said to its error output what fastcgi_catch_stderr names');
  }

  #onRequestEnd(to: number): Step {
    const { protocolStatus, pos } = this.#decoder;
    if (!this.headRead) {
      this.problem =
        protocolStatus === OVERLOADED
          ? 'the app is overloaded (FCGI_OVERLOADED)'
          : `${this.noAnswer}: the request ended before a head${SAID_OF[protocolStatus] ?? ''}`;
      return protocolStatus === OVERLOADED ? 'refused' : 'malformed';
    }
    this.#ended = pos === to;
    return this.#finish(this.#ended);
  }

  #finish(clean: boolean): Step {
    if (this.isShort) {
      const step = this.#flush();
      return step === 'stopped'
        ? step
        : this.refuse('the app ended its answer before the length that it said');
    }
    this.#sendLast();
    return clean ? 'complete' : 'complete-dirty';
  }

  /** An app says itself where its answer ends; without that only a length that was reached does. */
  peerEnded(): boolean {
    if (!this.headRead || this.left !== 0) return false;
    this.taker.onTrailers('');
    return true;
  }

  get reusable(): boolean {
    return this.#options.keepConn && this.#ended && this.#bodySent;
  }

  get idleMs(): number {
    return 0;
  }
}

/** What an app says with END_REQUEST. */
const SAID_OF: Readonly<Record<number, string>> = {
  1: '; the app cannot serve a second request on a connection (FCGI_CANT_MPX_CONN)',
  3: '; the app knows no responders (FCGI_UNKNOWN_ROLE)',
};
