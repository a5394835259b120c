// Moves the body of a peer's answer to the client: decodes the peer's framing, hands on bytes, holds the peer while the client is slow.
// An incomplete body never ends cleanly.
import { type Exchange, LAST, type Source, WAIT } from '../exchange.ts';
import type { Framing } from '../http/framing.ts';
import type { PeerConnection } from '../upstream/connection.ts';

/** What one piece of the peer's bytes came to. */
export type RelayStep =
  /** The client takes more; 'held' = it does not until it drains. */
  | 'more'
  | 'held'
  /** The body is complete and all bytes were used. */
  | 'complete'
  /** The body is complete and the peer sent more than it: the connection is of no use. */
  | 'complete-dirty'
  | 'malformed';

export interface RelayObserver {
  /** Called before the last byte goes to the client, which may end and log the exchange. */
  onAnswerComplete(): void;
}

/** Whose answer it is. */
export interface AnswerSource extends Source {
  readonly exchange: Exchange;
  /** Something of the answer was handed on: no other can take its place. */
  answerBegun: boolean;
  /** Of each piece of its answer: FLUSH where filters must not wait for more. */
  pieceFlags: number;
}

export class Relay {
  readonly #source: AnswerSource;
  readonly #observer: RelayObserver;
  readonly #connection: PeerConnection;
  readonly framing: Framing;
  /** Bytes of a `length` body that have not come yet. */
  #left: number;

  constructor(source: AnswerSource, connection: PeerConnection, framing: Framing, observer: RelayObserver) {
    this.#observer = observer;
    this.#source = source;
    this.#connection = connection;
    this.framing = framing;
    this.#left = framing === 'length' ? connection.head.contentLength : 0;
    if (framing === 'chunked') connection.decoder.reset();
  }

  /** Takes `buf[from, to)`, of which the first call follows the head directly and also sends it. */
  take(buf: Buffer, from: number, to: number): RelayStep {
    switch (this.framing) {
      case 'none':
        this.#emit(null, 0, 0, true);
        return from === to ? 'complete' : 'complete-dirty';
      case 'length':
        return this.#takeLength(buf, from, to);
      case 'chunked':
        return this.#takeChunked(buf, from, to);
      case 'until-close':
        return this.#emit(buf, from, to, false) ? 'more' : 'held';
    }
  }

  #takeLength(buf: Buffer, from: number, to: number): RelayStep {
    const n = Math.min(to - from, this.#left);
    this.#left -= n;
    const last = this.#left === 0;
    const flowing = this.#emit(buf, from, from + n, last);
    if (last) return from + n === to ? 'complete' : 'complete-dirty';
    return flowing ? 'more' : 'held';
  }

  #takeChunked(buf: Buffer, from: number, to: number): RelayStep {
    const decoder = this.#connection.decoder;
    const n = decoder.decode(buf, from, to);
    if (decoder.malformed) return 'malformed';
    const last = decoder.done;
    const trailers = last ? decoder.trailers : '';
    const flowing = this.#emit(buf, from, from + n, last && trailers === '');
    if (!last) return flowing ? 'more' : 'held';
    if (trailers !== '') {
      this.#observer.onAnswerComplete();
      this.#source.exchange.sink.finish(this.#source, trailers);
    }
    return decoder.consumed === to ? 'complete' : 'complete-dirty';
  }

  /** The peer closed: right for `until-close`, wrong for everything else. */
  peerEnded(): boolean {
    if (this.framing !== 'until-close') return false;
    this.#observer.onAnswerComplete();
    this.#source.exchange.sink.finish(this.#source, '');
    return true;
  }

  #emit(buf: Buffer | null, from: number, to: number, last: boolean): boolean {
    const source = this.#source;
    const { exchange } = source;
    const flags = last ? LAST : source.pieceFlags;
    if (last) this.#observer.onAnswerComplete();
    if (!source.answerBegun) {
      const flow = exchange.sink.start(source, exchange, from < to ? buf : null, from, to, flags);
      source.answerBegun = true;
      return flow !== WAIT;
    }
    let flowing = true;
    if (buf !== null && from < to) flowing = exchange.sink.write(source, buf, from, to, flags) !== WAIT;
    else if (last) exchange.sink.finish(source, '');
    return flowing;
  }
}
