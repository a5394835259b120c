// What the loop (forward.ts) and one try of it (attempt.ts) know of each other.
import type { BodyFraming } from '../back/back.ts';
import type { Outcome } from '../balance/group.ts';
import type { Peer } from '../balance/peer.ts';
import type { StreamedBody } from '../body/streamed-body.ts';
import type { Attempt } from '../exchange/attempt.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Source } from '../exchange/flow.ts';
import type { BodyPull } from '../http/body-pull.ts';
import type { ResponseHead } from '../http/response-head.ts';
import type { AttemptFailure, Failure } from '../shared/failure.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { AnswerTap } from './answer-tap.ts';
import type { Pace } from './buffering/pace.ts';
import type { Spool } from './buffering/spool.ts';
import type { ForwardOptions } from './forward-options.ts';

export interface Try {
  readonly peer: Peer;
  readonly record: Attempt;
  /** A byte of the request was handed to the socket. */
  readonly requestSent: boolean;
  /** The group counts it no more. */
  released: boolean;
}

/** The exchange that attempts are made for, the source of its answer. */
export interface AttemptHost extends Source {
  readonly exchange: Exchange;
  readonly options: ForwardOptions;
  readonly upstream: Upstream | null;
  readonly isUpgrade: boolean;
  /** The body where it still comes. */
  readonly stream: StreamedBody | null;
  /** The present attempt's place in the body; null where none is sent. */
  readonly pull: BodyPull | null;
  /** The body's framing towards the peer: a length wherever it is known. */
  readonly framing: BodyFraming;
  answerBegun: boolean;
  /** Who takes a copy of the answer; null = nobody. */
  readonly tap: AnswerTap | null;
  /** The client is gone, and the answer goes to the tap alone. */
  readonly detached: boolean;
  /** Pieces of the answer must not stick in filters: FLUSH, or 0. */
  flush: number;
  /** Where the answer waits for a client that is slower than the peer; null while it is not. */
  readonly spool: Spool | null;
  /** How fast the answer is read; null = as it comes. */
  readonly pace: Pace | null;
  /** The client does not keep up: false, and the peer waits for it. */
  beginSpool(): boolean;
  /** X-Accel- fields of the peer's answer; true: it goes no further, another location answers. */
  obey(head: ResponseHead): boolean;
  /** A peer's own status that proxy_next_upstream lists: true when the answer is passed over for another peer. */
  passesOver(failure: Failure): boolean;
  /** The peer's answer goes no further: error_page has another one for its status. */
  intercept(head: ResponseHead): void;
  /** The tap answers in the peer's place. */
  taken(): void;
  /** The answer begins. */
  beginTap(head: ResponseHead): void;
  /** A filter has put another answer in the place of the peer's. */
  replaced(): void;
  /** The attempt failed; its connection is gone. */
  attemptFailed(run: Try, failure: AttemptFailure | Failure, detail: string): void;
  /** The answer is complete; the connection was dealt with. */
  attemptDone(run: Try, now: number): void;
  /** The peer is free again: before the client can have the answer's end, since its next request may need the place. */
  release(run: Try, outcome: Outcome, now: number): void;
}
