// What the 'error' event and callbacks get when no peer answered a request: which peers were tried, and why each did not do.
import { type AttemptFailure, CAUSE_OF, type Failure, STATUS_OF } from '../shared/failure.ts';

/** Where no error of Node's came with it. */
const CODE_OF: Partial<Record<Failure, string>> = {
  no_live_peer: 'ENOLIVEPEER',
  internal_error: 'EINTERNAL',
};

/** One attempt that failed. */
export interface FailedAttempt {
  /** As configured: `127.0.0.1:8001`, `unix:/run/app.sock`. */
  readonly peer: string;
  readonly failure: Failure;
}

export class BalancerError extends Error {
  override readonly name = 'BalancerError';
  /** Node's code of the last failure (`ECONNREFUSED` …), or `ENOLIVEPEER` = no peer could be tried, `EINTERNAL` = something threw. */
  readonly code: string;
  /** Kind of the last failure. */
  readonly failure: Failure;
  /** In the order they were made. */
  readonly attempts: readonly FailedAttempt[];

  constructor(failure: Failure, attempts: readonly FailedAttempt[], cause?: NodeJS.ErrnoException) {
    const tried = attempts.map((attempt) => `${attempt.peer} ${attempt.failure}`).join(', ');
    super(tried === '' ? causeOf(failure) : `${causeOf(failure)}; tried: ${tried}`, { cause });
    this.code = cause?.code ?? CODE_OF[failure] ?? 'ECONNRESET';
    this.failure = failure;
    this.attempts = attempts;
  }

  /** Of the answer when the application gives none: 502, 504 after a time-out, 400 where no request can be sent, 500 for our own. */
  get status(): number {
    return STATUS_OF[this.failure as keyof typeof STATUS_OF] ?? 502;
  }
}

/** One sentence without addresses: it may be shown to the client. */
export function causeOf(failure: Failure): string {
  return CAUSE_OF[failure as AttemptFailure] ?? 'the request cannot be sent to a peer';
}
