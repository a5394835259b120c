// What a back is: it writes requests and reads answers in one protocol. It knows no time, no retry and no blame; those are the loop's (forward/).
import type { StreamedBody } from '../body/streamed-body.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Flow } from '../exchange/flow.ts';
import type { BodyPull } from '../http/body-pull.ts';
import type { ResponseHead } from '../http/response-head.ts';
import type { PeerConnection } from '../upstream/connection.ts';

/** How the request's body goes to the peer. */
export type BodyFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' };

/** What one piece of the peer's bytes came to. */
export type Step =
  /** The client takes more; 'held' = it does not until it drains. */
  | 'more'
  | 'held'
  /** The answer is complete and all bytes were used. */
  | 'complete'
  /** The answer is complete, and the connection of no more use. */
  | 'complete-dirty'
  /** `problem` says what is wrong with it. */
  | 'malformed'
  /** The peer takes no request now, and did nothing of this one; `problem` says so. */
  | 'refused'
  /** The answer's taker wants no more of it, or has taken the connection over. */
  | 'stopped';

/** Who takes what a back reads: the attempt. Any of these may end it. */
export interface AnswerTaker {
  /** An interim answer for the client; false: it is gone. */
  onInterim(head: ResponseHead): boolean;
  /** 101, which was asked for. From here on the bytes are the taker's, beginning with `buf[from, to)`. */
  onSwitch(head: ResponseHead, buf: Buffer, from: number, to: number): void;
  /**
   * The head of the answer; `bare`: what went out asked for no body. So many bytes came `behind` it in the same read. False: it goes
   * no further.
   */
  onHead(head: ResponseHead, bare: boolean, behind: number): boolean;
  /** A piece of the body, or with `last` its end as well. ENOUGH: nobody wants more. */
  onPiece(buf: Buffer | null, from: number, to: number, last: boolean): Flow;
  /** The end of the body, after all pieces. */
  onTrailers(lines: string): void;
  /** What the peer said to the error log. */
  onSaid(text: string): void;
}

/** One request on one connection. */
export interface BackStream {
  /** What is wrong; '' while nothing is. */
  readonly problem: string;
  /** Once the answer is complete: whether the connection may carry another request. */
  readonly reusable: boolean;
  /** How long the peer said to keep it idle, 0 when it did not. */
  readonly idleMs: number;
  /** Writes the request's head, and the body with it where that is small and at hand. Bytes; 0: it cannot be written, see `problem`. */
  send(x: Exchange, framing: BodyFraming, body: BodyPull | null): number;
  /** Writes what there is of the body and what the peer takes of it; false: it waits. */
  sendBody(body: BodyPull): boolean;
  /** Writes a piece of a body that is not kept; false: nothing was written, it has to be kept. */
  passOn(body: StreamedBody, buf: Buffer, from: number, to: number): boolean;
  /** Takes what the peer sent: `buf[from, to)` is lent. */
  take(buf: Buffer, from: number, to: number): Step;
  /** The peer closed: whether that completes the answer. */
  peerEnded(): boolean;
  /** Lets go of what it keeps. */
  end(): void;
}

export interface Back {
  /** Whose directives say how: messages name them. */
  readonly family: 'proxy' | 'fastcgi' | 'uwsgi' | 'scgi';
  /** `upgrade`: the client asks for a WebSocket. */
  open(taker: AnswerTaker, connection: PeerConnection, upgrade: boolean): BackStream;
}
