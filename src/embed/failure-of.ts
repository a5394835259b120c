// From an error of node:http or node:net to the kind of failure that the rules of next-upstream know. Pure.
import { type AttemptFailure, connectFailureOf } from '../shared/failure.ts';

/** Errors that were thrown where none may be, by this library, by http-proxy-3 or by a listener of the application. */
const INTERNAL = new WeakSet<Error>();
/** What a client sent and nobody can pass on. */
const OF_CLIENT = new WeakSet<Error>();
/** What Node throws on a request that a client can send and nobody can pass on. */
const UNSENDABLE = new Set([
  'ERR_INVALID_URL',
  'ERR_UNESCAPED_CHARACTERS',
  'ERR_INVALID_CHAR',
  'ERR_INVALID_HTTP_TOKEN',
]);

/** How far the attempt had come. */
export interface Reached {
  /** The connection stood, so bytes of the request may have arrived. */
  readonly requestSent: boolean;
  /** The connection had served a request before. */
  readonly reused: boolean;
  /** A timer of ours ended it. */
  readonly timedOut: boolean;
}

export function markInternal(error: Error): Error {
  INTERNAL.add(error);
  return error;
}

export function markUnsendable(error: Error): Error {
  OF_CLIENT.add(error);
  return error;
}

/** Of what http-proxy-3 threw as it was given the request. */
export function failureOfThrown(error: NodeJS.ErrnoException): 'client_head_malformed' | 'internal_error' {
  const unsendable = OF_CLIENT.has(error) || UNSENDABLE.has(error.code ?? '');
  return unsendable ? 'client_head_malformed' : 'internal_error';
}

/** Of an answer that began. */
export function failureOfBroken(error: Error): AttemptFailure {
  return INTERNAL.has(error) ? 'internal_error' : 'body_truncated';
}

export function failureOf(
  error: NodeJS.ErrnoException,
  reached: Reached,
): AttemptFailure | 'client_head_malformed' {
  const code = error.code ?? '';
  if (OF_CLIENT.has(error)) return 'client_head_malformed';
  if (INTERNAL.has(error)) return 'internal_error';
  if (!reached.requestSent) {
    if (reached.timedOut || code === 'ECONNECT_TIMEOUT' || code === 'ETIMEDOUT') return 'connect_timeout';
    // It ended between its choice and its use.
    if (reached.reused) return 'reset_on_reuse';
    return code === 'ENOTFOUND' || code === 'EAI_AGAIN' ? 'unresolved' : connectFailureOf(code);
  }
  if (reached.timedOut) return 'head_timeout';
  if (code.startsWith('HPE_') || code === 'EPROTO') return 'malformed_head';
  return reached.reused ? 'reset_on_reuse' : 'reset_before_head';
}
