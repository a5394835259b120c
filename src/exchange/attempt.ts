// One try of an exchange on one peer, as logs tell it.
import type { Failure } from '../shared/failure.ts';

/** One try on one peer. Fixed fields, so that logs can print them whatever happened. Times are ms; -1 = not reached. */
export class Attempt {
  readonly peer: string;
  /** Name of the group; '' where nobody counts by it. */
  readonly upstream: string;
  /** Monotonic ms at which the peer was picked. */
  readonly startedAt: number;
  connectMs = -1;
  headMs = -1;
  totalMs = -1;
  /** Status of the peer's answer; 0 when there was none. */
  status = 0;
  bytesSent = 0;
  bytesReceived = 0;
  /** Of those received, what came before the answer's body; -1 = none of it went on. */
  headBytes = -1;
  outcome: Failure | 'ok' | 'pending' = 'pending';
  /** Why no further peer was tried after this failure; '' when one was. */
  noRetry = '';
  /** Of its span in a trace, 16 hexadecimal digits; '' while nobody needs one. */
  spanId = '';
  /** The first on a group while others had their attempts before it. */
  opensGroup = false;

  constructor(peer: string, startedAt: number, upstream = '') {
    this.peer = peer;
    this.startedAt = startedAt;
    this.upstream = upstream;
  }
}
