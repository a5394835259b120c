// Apps that take one request on a connection, and answer it with a CGI head and a body that its length or the connection's end ends:
// uwsgi and SCGI, which differ only in how a request begins. As ngx_http_uwsgi_module and ngx_http_scgi_module read them.
import type { StreamedBody } from '../body/streamed-body.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { ENOUGH, WAIT } from '../exchange/flow.ts';
import type { BodyPull } from '../http/body-pull.ts';
import { type HeadLimits, MALFORMED, NEED_MORE } from '../http/request-head.ts';
import { copyOf, INLINE_BODY_BYTES } from '../shared/buffers.ts';
import { joined } from '../shared/joined.ts';
import type { PeerConnection } from '../upstream/connection.ts';
import type { AnswerTaker, Back, BackStream, BodyFraming, Step } from './back.ts';
import { parseHttpOrCgiHead } from './cgi-head.ts';

/** What stands before the body; or why it cannot be written. */
export type EncodeRequest = (exchange: Exchange) => { readonly bytes: string } | { readonly problem: string };

export interface AppBackOptions {
  readonly family: 'uwsgi' | 'scgi';
  readonly encode: EncodeRequest;
  /** Bounds of the answer's head. */
  readonly headLimits: HeadLimits;
}

export class AppBack implements Back {
  readonly family: AppBackOptions['family'];
  readonly #options: AppBackOptions;

  constructor(options: AppBackOptions) {
    this.family = options.family;
    this.#options = options;
  }

  open(taker: AnswerTaker, connection: PeerConnection, upgrade: boolean): BackStream {
    return new AppStream(this.#options, taker, connection, upgrade);
  }
}

class AppStream implements BackStream {
  readonly #options: AppBackOptions;
  readonly #taker: AnswerTaker;
  readonly #connection: PeerConnection;
  readonly #upgrade: boolean;
  /** What went out asked for no body. */
  #bare = false;
  /** Bytes that may become a head. */
  #partial: Buffer | null = null;
  #headRead = false;
  /** Bytes that the answer's Content-Length still announces; -1 without one. */
  #left = -1;
  /** Neither protocol has a second request on a connection. */
  readonly reusable = false;
  readonly idleMs = 0;
  problem = '';

  constructor(options: AppBackOptions, taker: AnswerTaker, connection: PeerConnection, upgrade: boolean) {
    this.#options = options;
    this.#taker = taker;
    this.#connection = connection;
    this.#upgrade = upgrade;
  }

  send(x: Exchange, _framing: BodyFraming, body: BodyPull | null): number {
    const encoded = this.#options.encode(x);
    if ('problem' in encoded) {
      this.problem = encoded.problem;
      return 0;
    }
    this.#bare = x.method === 'HEAD';
    const text = encoded.bytes + (body?.takeWhole(INLINE_BODY_BYTES) ?? '');
    this.#connection.writeText(text);
    return text.length;
  }

  sendBody(body: BodyPull): boolean {
    return body.sendTo(this.#connection, false);
  }

  passOn(body: StreamedBody, buf: Buffer, from: number, to: number): boolean {
    return body.passOn(this.#connection, buf, from, to, false);
  }

  take(buf: Buffer, from: number, to: number): Step {
    return this.#headRead ? this.#takeBody(buf, from, to) : this.#takeHead(buf, from, to);
  }

  #takeHead(buf: Buffer, from: number, to: number): Step {
    const before = this.#partial;
    const bytes = before === null ? buf : joined(before, 0, buf.subarray(from, to), to - from);
    const start = before === null ? from : 0;
    const end = before === null ? to : bytes.length;
    const { head } = this.#connection;
    const range = { start, end, scanned: before === null ? 0 : before.length };
    const after = parseHttpOrCgiHead(head, bytes, range, this.#options.headLimits);
    if (after === NEED_MORE) {
      // What was read is only lent; what is joined is ours.
      this.#partial = before === null ? copyOf(buf, from, to) : bytes;
      return 'more';
    }
    this.#partial = null;
    if (after === MALFORMED) return this.#refuse(`${this.#noAnswer}: ${head.problem}`);
    if (head.status === 101) return this.#switch(bytes, after, end);
    this.#headRead = true;
    if (!this.#taker.onHead(head, this.#bare, end - after)) return 'stopped';
    if (this.#bare || head.status === 204 || head.status === 304) return this.#endBody();
    this.#left = head.contentLength;
    return this.#takeBody(bytes, after, end);
  }

  get #noAnswer(): string {
    return `the peer sent an answer that is not valid for ${this.#options.family}`;
  }

  #refuse(problem: string): Step {
    this.problem = problem;
    return 'malformed';
  }

  #switch(bytes: Buffer, after: number, end: number): Step {
    if (!this.#upgrade) return this.#refuse('the peer switched protocols without being asked');
    this.#taker.onSwitch(this.#connection.head, bytes, after, end);
    return 'stopped';
  }

  #endBody(): Step {
    this.#taker.onPiece(null, 0, 0, true);
    return 'complete-dirty';
  }

  /** Of a body with a length what exceeds it goes no further. */
  #takeBody(buf: Buffer, from: number, to: number): Step {
    const n = this.#left < 0 ? to - from : Math.min(to - from, this.#left);
    if (this.#left >= 0) this.#left -= n;
    const last = this.#left === 0;
    const flow = this.#taker.onPiece(buf, from, from + n, last);
    if (last) return 'complete-dirty';
    if (flow === ENOUGH) return 'stopped';
    return flow === WAIT ? 'held' : 'more';
  }

  /** Ends an answer without a length, and nothing else. */
  peerEnded(): boolean {
    if (!this.#headRead || this.#left > 0) return false;
    this.#taker.onTrailers('');
    return true;
  }

  end(): void {
    this.#partial = null;
  }
}
