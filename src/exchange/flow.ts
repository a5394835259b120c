// How the two ends of an answer speak with each other: what a sink says of a call, what a source is told.
import type { Failure } from '../shared/failure.ts';

/** What a sink says of a call: more is welcome; not before `onDrain`; nobody wants more, which is no failure. */
export const GO = 0;
export const WAIT = 1;
export const ENOUGH = 2;
export type Flow = typeof GO | typeof WAIT | typeof ENOUGH;

/** Flags of a piece. The answer's last one; what a filter holds must not wait for more. */
export const LAST = 1;
export const FLUSH = 2;

/** Why a source is no longer heard: the client is gone, or another answer stands in the place of its own. */
export type Gone = Failure | 'replaced';

/** Who makes an answer, or hands it on: told when its sink can take more, or takes no more at all. */
export interface Source {
  /** Goes on when the client closes only its own direction; otherwise that counts as leaving (nginx: proxy_ignore_client_abort). */
  readonly survivesHalfClose: boolean;
  /** It makes its answer without asking anybody else: of a file. */
  readonly isPrompt?: boolean;
  /** Once for each WAIT, never inside the call that said it: go on writing. */
  onDrain(): void;
  /** Stop and free everything; no call on the sink has an effect any more. */
  onGone(why: Gone): void;
}

/** The maker of answers that are sent within one call: nothing of it is left that could hear of the client. */
export const INSTANT: Source = { survivesHalfClose: true, onDrain() {}, onGone() {} };
