// The request's body as all see it who want it: the exchange has one, and each reader takes it from the start at its own pace.
import type { Failure } from '../shared/failure.ts';

/** Where a reader writes to: a connection to a peer, of whatever protocol. */
export interface BodyTarget {
  /** Nothing more should be written until it has drained. */
  readonly mustWait: boolean;
  writeText(text: string): void;
  /** The buffer is the caller's again when the call returns. */
  writeFramed(before: string, buf: Buffer, from: number, to: number, after: string): void;
  /** The buffer must stay as it is. */
  writeKept(buf: Buffer): void;
}

/** One reader's place in the body. */
export interface BodyPull {
  /** All of it, the end included, was handed out. */
  readonly sent: boolean;
  /** All of it as latin1 text, to go with the head: where it is complete, in memory and no longer than `max`. Else nothing was taken. */
  takeWhole(max: number): string | null;
  /**
   * Hands to the target what is here and what the target takes; with `chunked` as chunks. False: it waits, for the target to drain
   * (call again then) or for the body (`onBodyMore` tells).
   */
  sendTo(target: BodyTarget, chunked: boolean): boolean;
  /** The reader wants no more. */
  end(): void;
}

/** Who reads at its own pace. Neither is called from inside a call of its own. */
export interface PullOwner {
  /** More can be sent. */
  onBodyMore(): void;
  /** What was stored cannot be read any more. */
  onBodyLost(detail: string): void;
}

/** Who waits for the whole body. */
export interface BodyOwner {
  onBodyWhole(): void;
  /** It ended wrongly, or could not be stored; `detail` is for the error log. */
  onBodyFailed(failure: Failure, detail: string): void;
}

/** What the exchange has of its body once somebody asked for it. */
export interface RequestBody {
  /** All of it was read, and stored where it is to be stored. */
  readonly complete: boolean;
  /** Bytes without framing that came so far. */
  readonly received: number;
  /** Lines behind a chunked body, each ended by CRLF. */
  readonly trailers: string;
  /** A reader can still have it from the start. */
  readonly replayable: boolean;
  /** Several can read it at once, as often as they like. */
  readonly isShared: boolean;
  /** `$request_body`: as latin1, where all of it is in memory. */
  readonly text: string | undefined;
  /** `$request_body_file`: its path, where it is in a file; that need have no name any more. */
  readonly file: string | undefined;
  /** A new reader, from the start. */
  pull(owner: PullOwner): BodyPull;
  /** One more beside the exchange needs it; each hold is released once. */
  hold(): void;
  /** With the last release it is gone. */
  release(): void;
}
