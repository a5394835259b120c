// HTTP/1 towards peers: writes requests, reads interim answers, heads and bodies, knows when a connection can be used again.
import type { StreamedBody } from '../body/streamed-body.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { type Flow, WAIT } from '../exchange/flow.ts';
import type { BodyPull } from '../http/body-pull.ts';
import type { Framing } from '../http/framing.ts';
import { type HeadLimits, MALFORMED, NEED_MORE } from '../http/request-head.ts';
import { parseResponseHead, responseFraming } from '../http/response-head.ts';
import { copyOf, INLINE_BODY_BYTES } from '../shared/buffers.ts';
import { CAUSE_OF } from '../shared/failure.ts';
import { joined } from '../shared/joined.ts';
import type { PeerConnection } from '../upstream/connection.ts';
import type { AnswerTaker, Back, BackStream, BodyFraming, Step } from './back.ts';

export interface Http1Options {
  readonly writeHead: (exchange: Exchange, framing: BodyFraming, upgrade: boolean) => string;
  /** Bounds of the peer's head. */
  readonly headLimits: HeadLimits;
  /** The head has the exchange's own method. */
  readonly keepsMethod: boolean;
  /** What the peer may switch to is not WebSocket alone. */
  readonly anyProtocol?: boolean;
  /** HTTP/1.0 keeps no connections. */
  readonly http10: boolean;
}

/** Interim answers that a peer may send before the final one. */
const MAX_INFORMATIONAL = 16;

export class Http1Back implements Back {
  readonly family = 'proxy';
  readonly #options: Http1Options;

  constructor(options: Http1Options) {
    this.#options = options;
  }

  open(taker: AnswerTaker, connection: PeerConnection, upgrade: boolean): BackStream {
    return new Http1Stream(this.#options, taker, connection, upgrade);
  }
}

class Http1Stream implements BackStream {
  readonly #options: Http1Options;
  readonly #taker: AnswerTaker;
  readonly #connection: PeerConnection;
  readonly #upgrade: boolean;
  #chunked = false;
  /** What went out is a HEAD, whatever the client sent (proxy_method): its answer has no body. */
  #headOnly = false;
  /** Bytes of a head that has no end yet. */
  #partial: Buffer | null = null;
  #scanned = 0;
  #informational = 0;
  /** What ends the body; null before the head. */
  #framing: Framing | null = null;
  /** Bytes of a `length` body that have not come yet. */
  #left = 0;
  problem = '';

  constructor(options: Http1Options, taker: AnswerTaker, connection: PeerConnection, upgrade: boolean) {
    this.#options = options;
    this.#taker = taker;
    this.#connection = connection;
    this.#upgrade = upgrade;
  }

  send(x: Exchange, framing: BodyFraming, body: BodyPull | null): number {
    this.#chunked = framing.kind === 'chunked';
    let head = this.#options.writeHead(x, framing, this.#upgrade);
    const small = this.#chunked ? null : (body?.takeWhole(INLINE_BODY_BYTES) ?? null);
    if (small !== null) head += small;
    this.#headOnly = this.#options.keepsMethod ? x.method === 'HEAD' : head.startsWith('HEAD ');
    this.#connection.writeText(head);
    return head.length;
  }

  sendBody(body: BodyPull): boolean {
    return body.sendTo(this.#connection, this.#chunked);
  }

  passOn(body: StreamedBody, buf: Buffer, from: number, to: number): boolean {
    return body.passOn(this.#connection, buf, from, to, this.#chunked);
  }

  take(buf: Buffer, from: number, to: number): Step {
    return this.#framing === null ? this.#takeHead(buf, from, to) : this.#takeBody(buf, from, to);
  }

  #takeHead(buf: Buffer, from: number, to: number): Step {
    if (this.#partial === null) {
      const step = this.#readHeads(buf, from, to);
      // What was read is only lent; what is joined is ours.
      this.#ownPartial();
      return step;
    }
    const bytes = joined(this.#partial, 0, buf, to);
    this.#partial = null;
    return this.#readHeads(bytes, 0, bytes.length);
  }

  #ownPartial(): void {
    const partial = this.#partial;
    if (partial !== null) this.#partial = copyOf(partial, 0, partial.length);
  }

  /** Interim answers may stand in front of the final one. */
  #readHeads(bytes: Buffer, from: number, end: number): Step {
    const { head } = this.#connection;
    let start = from;
    do {
      const range = { start, end, scanned: this.#scanned };
      const after = parseResponseHead(head, bytes, range, this.#options.headLimits);
      if (after === NEED_MORE) {
        this.#partial = bytes.subarray(start, end);
        this.#scanned = end - start;
        return 'more';
      }
      this.#scanned = 0;
      if (after === MALFORMED) return this.#refuse(`${CAUSE_OF.malformed_head}: ${head.problem}`);
      if (head.status >= 200) return this.#beginBody(bytes, after, end);
      if (head.status === 101) return this.#switch(bytes, after, end);
      if (++this.#informational > MAX_INFORMATIONAL)
        return this.#refuse('the peer sent too many interim answers');
      // The client was answered its Expect by us; any other interim answer is for it.
      if (head.status !== 100 && !this.#taker.onInterim(head)) return 'stopped';
      start = after;
    } while (start < end);
    return 'more';
  }

  #refuse(problem: string): Step {
    this.problem = problem;
    return 'malformed';
  }

  #switch(bytes: Buffer, after: number, end: number): Step {
    const { head } = this.#connection;
    const isWebSocket = head.upgradeAt >= 0 && head.value(head.upgradeAt).toLowerCase() === 'websocket';
    if (!this.#upgrade || !(isWebSocket || this.#options.anyProtocol === true))
      return this.#refuse('the peer switched protocols without being asked');
    this.#taker.onSwitch(head, bytes, after, end);
    return 'stopped';
  }

  #beginBody(bytes: Buffer, after: number, end: number): Step {
    const connection = this.#connection;
    const { head } = connection;
    if (!this.#taker.onHead(head, this.#headOnly, end - after)) return 'stopped';
    this.#framing = responseFraming(head, this.#headOnly ? 'HEAD' : 'GET');
    if (this.#framing === 'length') this.#left = head.contentLength;
    else if (this.#framing === 'chunked') connection.decoder.reset();
    return this.#takeBody(bytes, after, end);
  }

  /** Takes `buf[from, to)`, of which the first call follows the head directly. */
  #takeBody(buf: Buffer, from: number, to: number): Step {
    switch (this.#framing) {
      case 'length':
        return this.#takeLength(buf, from, to);
      case 'chunked':
        return this.#takeChunked(buf, from, to);
      case 'until-close':
        return stepOf(this.#taker.onPiece(buf, from, to, false));
      default:
        this.#taker.onPiece(null, 0, 0, true);
        return from === to ? 'complete' : 'complete-dirty';
    }
  }

  #takeLength(buf: Buffer, from: number, to: number): Step {
    const n = Math.min(to - from, this.#left);
    this.#left -= n;
    const last = this.#left === 0;
    const flow = this.#taker.onPiece(buf, from, from + n, last);
    if (last) return from + n === to ? 'complete' : 'complete-dirty';
    return stepOf(flow);
  }

  #takeChunked(buf: Buffer, from: number, to: number): Step {
    const { decoder } = this.#connection;
    const n = decoder.decode(buf, from, to);
    if (decoder.malformed) return this.#refuse('the peer sent a chunked body that is not valid');
    const last = decoder.done;
    const trailers = last ? decoder.trailers : '';
    const flow = this.#taker.onPiece(buf, from, from + n, last && trailers === '');
    if (!last) return stepOf(flow);
    if (trailers !== '') this.#taker.onTrailers(trailers);
    return decoder.consumed === to ? 'complete' : 'complete-dirty';
  }

  /** Right for `until-close`, wrong for everything else. */
  peerEnded(): boolean {
    if (this.#framing !== 'until-close') return false;
    this.#taker.onTrailers('');
    return true;
  }

  get reusable(): boolean {
    const { head } = this.#connection;
    return (
      head.persistent &&
      head.keepAliveSeconds !== 0 &&
      !this.#options.http10 &&
      this.#framing !== 'until-close'
    );
  }

  /** Less a fifth for the way: never write to a connection that the peer is about to close. */
  get idleMs(): number {
    return Math.max(0, this.#connection.head.keepAliveSeconds) * 800;
  }

  end(): void {
    this.#partial = null;
  }
}

function stepOf(flow: Flow): Step {
  return flow === WAIT ? 'held' : 'more';
}
