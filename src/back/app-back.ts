// Apps that take one request on a connection, and answer it with a CGI head and a body that its length or the connection's end ends:
// uwsgi and SCGI, which differ only in how a request begins. As ngx_http_uwsgi_module and ngx_http_scgi_module read them.
import type { StreamedBody } from '../body/streamed-body.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { ENOUGH, WAIT } from '../exchange/flow.ts';
import type { BodyPull } from '../http/body-pull.ts';
import type { HeadLimits } from '../http/request-head.ts';
import type { ResponseHead } from '../http/response-head.ts';
import { INLINE_BODY_BYTES } from '../shared/buffers.ts';
import type { PeerConnection } from '../upstream/connection.ts';
import type { AnswerTaker, Back, BackStream, BodyFraming, Step } from './back.ts';
import { type CgiRange, parseHttpOrCgiHead } from './cgi-head.ts';
import { CgiStream } from './cgi-stream.ts';

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

class AppStream extends CgiStream implements BackStream {
  readonly #options: AppBackOptions;
  readonly #upgrade: boolean;
  /** Neither protocol has a second request on a connection. */
  readonly reusable = false;
  readonly idleMs = 0;

  constructor(options: AppBackOptions, taker: AnswerTaker, connection: PeerConnection, upgrade: boolean) {
    super(taker, connection);
    this.#options = options;
    this.#upgrade = upgrade;
  }

  send(x: Exchange, _framing: BodyFraming, body: BodyPull | null): number {
    const encoded = this.#options.encode(x);
    if ('problem' in encoded) {
      this.problem = encoded.problem;
      return 0;
    }
    this.asks(x);
    const text = encoded.bytes + (body?.takeWhole(INLINE_BODY_BYTES) ?? '');
    this.connection.writeText(text);
    return text.length;
  }

  sendBody(body: BodyPull): boolean {
    return body.sendTo(this.connection, false);
  }

  passOn(body: StreamedBody, buf: Buffer, from: number, to: number): boolean {
    return body.passOn(this.connection, buf, from, to, false);
  }

  take(buf: Buffer, from: number, to: number): Step {
    return this.headRead ? this.takeBody(buf, from, to) : this.takeHead(buf, from, to);
  }

  protected get protocol(): string {
    return `for ${this.#options.family}`;
  }

  protected parse(head: ResponseHead, bytes: Buffer, range: CgiRange): number {
    return parseHttpOrCgiHead(head, bytes, range, this.#options.headLimits);
  }

  protected override onHead(bytes: Buffer, after: number, end: number): Step {
    const { head } = this.connection;
    if (head.status !== 101) return super.onHead(bytes, after, end);
    if (!this.#upgrade) return this.refuse('the peer switched protocols without being asked');
    this.taker.onSwitch(head, bytes, after, end);
    return 'stopped';
  }

  protected takeBody(buf: Buffer, from: number, to: number): Step {
    const n = this.within(to - from);
    const last = this.left === 0;
    const flow = this.taker.onPiece(buf, from, from + n, last);
    if (last) return 'complete-dirty';
    if (flow === ENOUGH) return 'stopped';
    return flow === WAIT ? 'held' : 'more';
  }

  /** Ends an answer without a length, and nothing else. */
  peerEnded(): boolean {
    if (!this.headRead || this.isShort) return false;
    this.taker.onTrailers('');
    return true;
  }
}
