// From an error of node:http or node:net to the kind of failure that the rules of next-upstream know. Pure.
import type { AttemptFailure } from '../shared/failure.ts';

/** How far the attempt had come. */
export interface Reached {
  /** The connection stood, so bytes of the request may have arrived. */
  readonly requestSent: boolean;
  /** The connection had served a request before. */
  readonly reused: boolean;
  /** A timer of ours ended it. */
  readonly timedOut: boolean;
}

export function failureOf(error: NodeJS.ErrnoException, reached: Reached): AttemptFailure {
  const code = error.code ?? '';
  if (!reached.requestSent) {
    if (reached.timedOut || code === 'ECONNECT_TIMEOUT' || code === 'ETIMEDOUT') return 'connect_timeout';
    if (code === 'ECONNREFUSED') return 'connect_refused';
    return code === 'ENOTFOUND' || code === 'EAI_AGAIN' ? 'unresolved' : 'connect_error';
  }
  if (reached.timedOut) return 'head_timeout';
  if (code.startsWith('HPE_')) return 'malformed_head';
  return reached.reused ? 'reset_on_reuse' : 'reset_before_head';
}
