// What streams to FastCGI, uwsgi and SCGI apps have in common: an answer that begins with a CGI head, in whatever pieces it comes, and
// ends where its length or the protocol says.
import type { Exchange } from '../exchange/exchange.ts';
import { MALFORMED, NEED_MORE } from '../http/request-head.ts';
import type { ResponseHead } from '../http/response-head.ts';
import { copyOf } from '../shared/buffers.ts';
import { joined } from '../shared/joined.ts';
import type { PeerConnection } from '../upstream/connection.ts';
import type { AnswerTaker, Step } from './back.ts';
import type { CgiRange } from './cgi-head.ts';

export abstract class CgiStream {
  protected readonly taker: AnswerTaker;
  protected readonly connection: PeerConnection;
  /** What went out asked for no body. */
  protected bare = false;
  /** Of a HEAD whose answer a cache takes: what apps send all the same is stored with it (as nginx does). */
  #cached: Exchange['cached'] = null;
  protected headRead = false;
  /** Bytes that the answer's Content-Length still announces; -1 without one. */
  protected left = -1;
  /** Bytes that may become a head. */
  #partial: Buffer | null = null;
  problem = '';

  constructor(taker: AnswerTaker, connection: PeerConnection) {
    this.taker = taker;
    this.connection = connection;
  }

  protected asks(x: Exchange): void {
    const isHead = x.method === 'HEAD';
    this.#cached = isHead && x.cached?.storing === true ? x.cached : null;
    this.bare = isHead && this.#cached === null;
  }

  /** It has less than its length says: only what a HEAD gets may. */
  protected get isShort(): boolean {
    return this.left > 0 && this.#cached === null;
  }

  /** The app's protocol, as messages name it. */
  protected abstract get protocol(): string;

  /** The offset behind the head in a range; NEED_MORE, or MALFORMED. */
  protected abstract parse(head: ResponseHead, bytes: Buffer, range: CgiRange): number;

  /** Takes `bytes[from, to)`, of which the first call follows the head directly. */
  protected abstract takeBody(bytes: Buffer, from: number, to: number): Step;

  protected takeHead(buf: Buffer, from: number, to: number): Step {
    const before = this.#partial;
    const bytes = before === null ? buf : joined(before, 0, buf.subarray(from, to), to - from);
    const start = before === null ? from : 0;
    const end = before === null ? to : bytes.length;
    const { head } = this.connection;
    const after = this.parse(head, bytes, { start, end, scanned: before === null ? 0 : before.length });
    if (after === NEED_MORE) {
      // What was read is only lent; what is joined is ours.
      this.#partial = before === null ? copyOf(buf, from, to) : bytes;
      return 'more';
    }
    this.#partial = null;
    if (after === MALFORMED) return this.refuse(`${this.noAnswer}: ${head.problem}`);
    return this.onHead(bytes, after, end);
  }

  protected onHead(bytes: Buffer, after: number, end: number): Step {
    const { head } = this.connection;
    this.headRead = true;
    if (!this.taker.onHead(head, this.bare, end - after)) return 'stopped';
    if (this.#cached !== null) this.bare = !this.#cached.storing;
    if (this.bare || head.status === 204 || head.status === 304) {
      this.taker.onPiece(null, 0, 0, true);
      return 'complete-dirty';
    }
    this.left = head.contentLength;
    return this.takeBody(bytes, after, end);
  }

  /** How many of so many bytes belong to the body: what exceeds its length goes no further. */
  protected within(length: number): number {
    if (this.left < 0) return length;
    const n = Math.min(length, this.left);
    this.left -= n;
    return n;
  }

  protected get noAnswer(): string {
    return `the peer sent an answer that is not valid ${this.protocol}`;
  }

  protected refuse(problem: string): Step {
    this.problem = problem;
    return 'malformed';
  }

  end(): void {
    this.#partial = null;
  }
}
