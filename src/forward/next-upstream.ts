// May a failed attempt be repeated on another peer? A pure decision over policy, failure and progress, as a column of early returns.
// ngx_http_upstream_next; hardening: nothing after an answer byte, nothing non-idempotent once its bytes may have arrived.
import type { Failure } from '../shared/failure.ts';

/** Words of proxy_next_upstream. */
export const NEXT_WORDS = [
  'error',
  'timeout',
  'invalid_header',
  'http_500',
  'http_502',
  'http_503',
  'http_504',
  'http_403',
  'http_404',
  'http_429',
  'non_idempotent',
  'off',
] as const;

export type NextWord = (typeof NEXT_WORDS)[number];

export interface NextPolicy {
  readonly words: readonly NextWord[];
  /** Most attempts of one request; 0 = as many as there are peers. */
  readonly tries: number;
  /** Time for all attempts together in ms; 0 = no limit. */
  readonly timeoutMs: number;
}

/** How far the exchange has come. */
export interface Progress {
  readonly method: string;
  /** A byte of the answer went to the client. */
  readonly answerStarted: boolean;
  /** A byte of the request was written to the peer. */
  readonly requestSent: boolean;
  readonly bodyReplayable: boolean;
  /** Attempts made, the failed one included; a free retry of a stale connection does not count. */
  readonly tries: number;
  readonly elapsedMs: number;
}

/** Why there is no further attempt, in the words of the log; '' = go on. */
export type NoRetry =
  | ''
  | 'answer begun'
  | 'not in proxy_next_upstream'
  | 'proxy_next_upstream_tries'
  | 'proxy_next_upstream_timeout'
  | 'method not idempotent'
  | 'body not replayable'
  | 'client gone'
  | 'internal error'
  | 'no peer left';

const WORD_OF: Partial<Record<Failure, NextWord>> = {
  connect_refused: 'error',
  connect_error: 'error',
  reset_before_head: 'error',
  reset_on_reuse: 'error',
  tls_error: 'error',
  peer_refused: 'error',
  unresolved: 'error',
  local_exhausted: 'error',
  connect_timeout: 'timeout',
  send_timeout: 'timeout',
  head_timeout: 'timeout',
  malformed_head: 'invalid_header',
};

/** RFC 9110 §9.2.2 and the WebDAV methods that only read; a method that we do not know is taken for one that changes things. */
const IDEMPOTENT: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'PUT',
  'DELETE',
  'TRACE',
  'PROPFIND',
  'REPORT',
  'SEARCH',
]);

/** The word under which a failure stands in proxy_next_upstream; undefined for what is never repeated. */
export function wordOf(failure: Failure): NextWord | undefined {
  return WORD_OF[failure] ?? (failure.startsWith('http_') ? (failure as NextWord) : undefined);
}

export function decideRetry(policy: NextPolicy, failure: Failure, progress: Progress): NoRetry {
  if (progress.answerStarted) return 'answer begun';
  const word = wordOf(failure);
  if (failure === 'internal_error') return 'internal error';
  if (word === undefined) return 'client gone';
  if (!policy.words.includes(word)) return 'not in proxy_next_upstream';
  if (policy.tries > 0 && progress.tries >= policy.tries) return 'proxy_next_upstream_tries';
  if (policy.timeoutMs > 0 && progress.elapsedMs >= policy.timeoutMs) return 'proxy_next_upstream_timeout';
  if (progress.requestSent && !IDEMPOTENT.has(progress.method) && !policy.words.includes('non_idempotent')) {
    return 'method not idempotent';
  }
  if (!progress.bodyReplayable) return 'body not replayable';
  return '';
}

/**
 * Whether a failure on a kept-alive connection gets its one free retry on a fresh one: the peer may just have closed it as it
 * was used again. POST and its kin never run twice.
 */
export function isFreeRetry(failure: Failure, progress: Progress): boolean {
  return (
    failure === 'reset_on_reuse' &&
    !progress.answerStarted &&
    progress.bodyReplayable &&
    (IDEMPOTENT.has(progress.method) || !progress.requestSent)
  );
}

/**
 * Failures that do not count against the peer: 403 and 404 move a request on without blame (nginx), closing a connection that was idle is
 * a peer's right, an answer that began and broke off is the URL's (nginx: no ngx_http_upstream_next any more), and what lbproxy lacks or
 * does wrong is its own.
 */
const BLAMELESS: ReadonlySet<Failure> = new Set<Failure>([
  'http_403',
  'http_404',
  'reset_on_reuse',
  'body_truncated',
  'body_timeout',
  'local_exhausted',
  'internal_error',
]);

export function blamesPeer(failure: Failure): boolean {
  return !BLAMELESS.has(failure);
}

/** Whether the peer's idle connections are likely to be dead as well. */
export function cutsOffPeer(failure: Failure): boolean {
  return failure === 'connect_refused' || failure === 'connect_error' || failure === 'connect_timeout';
}
