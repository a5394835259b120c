// Every way in which a request can fail, as a closed union, and the one table from kind to answer.
// The words are the cause codes printed in logs and, with error_detail, on error pages.

/** How an attempt on a peer failed. */
export type AttemptFailure =
  | 'connect_refused'
  | 'connect_error'
  | 'connect_timeout'
  | 'send_timeout'
  | 'reset_before_head'
  | 'reset_on_reuse'
  | 'malformed_head'
  | 'peer_refused'
  | 'head_timeout'
  | 'body_truncated'
  | 'body_timeout'
  | 'tls_error'
  | 'no_live_peer'
  | 'hold_timeout'
  | 'unresolved'
  | 'no_target'
  | 'local_exhausted'
  | 'internal_error';

/** The peer's own answer counted as a failure because proxy_next_upstream lists its status. */
export type StatusFailure = `http_${number}`;

/** How the client's side failed; or how it was made to (fault_abort, fault_cut). */
export type ClientFailure =
  | 'client_aborted'
  | 'client_head_malformed'
  | 'client_body_timeout'
  | 'client_body_malformed'
  | 'client_body_too_large'
  | 'client_body_not_stored'
  | 'client_send_timeout'
  | 'fault_injected';

export type Failure = AttemptFailure | StatusFailure | ClientFailure;

/** Kind → status of the answer where none has begun (nginx's choice for each). */
export const STATUS_OF: Readonly<Record<AttemptFailure | ClientFailure, number>> = {
  connect_refused: 502,
  connect_error: 502,
  connect_timeout: 504,
  send_timeout: 504,
  reset_before_head: 502,
  reset_on_reuse: 502,
  malformed_head: 502,
  peer_refused: 502,
  head_timeout: 504,
  body_truncated: 502,
  body_timeout: 504,
  tls_error: 502,
  no_live_peer: 502,
  hold_timeout: 504,
  unresolved: 502,
  no_target: 500,
  local_exhausted: 500,
  internal_error: 500,
  client_aborted: 499,
  client_head_malformed: 400,
  client_body_timeout: 408,
  client_body_malformed: 400,
  client_body_too_large: 413,
  client_body_not_stored: 500,
  client_send_timeout: 408,
  fault_injected: 500,
};

/** One sentence a person can act on, for logs and error pages. */
export const CAUSE_OF: Readonly<Record<AttemptFailure, string>> = {
  connect_refused: 'nothing listens on that address (connection refused)',
  connect_error: 'the connection could not be made',
  connect_timeout: 'the connection was not accepted within proxy_connect_timeout',
  send_timeout: 'the peer did not take the request within proxy_send_timeout',
  reset_before_head: 'the peer closed the connection before it answered',
  reset_on_reuse: 'the peer closed a kept-alive connection as it was used again',
  malformed_head: 'the peer sent an answer that is not valid HTTP',
  peer_refused: 'the peer takes no request now',
  head_timeout: 'the peer did not answer within proxy_read_timeout',
  body_truncated: 'the peer closed the connection in the middle of its answer',
  body_timeout: 'the peer stopped sending its answer for longer than proxy_read_timeout',
  tls_error: 'the TLS handshake with the peer failed',
  no_live_peer: 'no peer of the group is available',
  hold_timeout: 'no process of the group was ready within proxy_hold',
  unresolved: 'the host name does not resolve',
  no_target: 'the variables gave no address to pass to',
  local_exhausted:
    'lbproxy itself has not what a connection takes (descriptors, ports, memory, or the address of proxy_bind)',
  internal_error: 'an error inside lbproxy, which the error log tells by itself',
};

/** What this machine or process ran out of, by error code; whoever was to be reached has no part in it. */
const EXHAUSTED: ReadonlySet<string> = new Set([
  'EMFILE',
  'ENFILE',
  'EADDRNOTAVAIL',
  'EAGAIN',
  'ENOBUFS',
  'ENOMEM',
]);

/** Code of an error of TLS before the connection could carry anything; its message says why. */
export const HANDSHAKE_FAILED = 'HANDSHAKE_FAILED';

/** Code of the error that what we would show a peer is not there; its message says why. */
export const CERTIFICATE_UNUSABLE = 'CERTIFICATE_UNUSABLE';

/** Code of the error that a connection cannot come from the address it was to; its message says why. */
export const BIND_FAILED = 'BIND_FAILED';

/** The kind of a connection that could not be made, by the error's code. */
export function connectFailureOf(code: string | undefined): AttemptFailure {
  if (code === 'ECONNREFUSED') return 'connect_refused';
  if (code === HANDSHAKE_FAILED) return 'tls_error';
  if (code === CERTIFICATE_UNUSABLE) return 'internal_error';
  if (code === BIND_FAILED) return 'local_exhausted';
  return code !== undefined && EXHAUSTED.has(code) ? 'local_exhausted' : 'connect_error';
}

/** The sentence of a lost connection, with what its error adds. */
export function sayLost(kind: AttemptFailure, error: NodeJS.ErrnoException | null): string {
  const { code, message } = error ?? {};
  if (code === undefined) return CAUSE_OF[kind];
  if (code === CERTIFICATE_UNUSABLE) return message ?? '';
  return code === HANDSHAKE_FAILED ? `${CAUSE_OF[kind]}: ${message}` : `${CAUSE_OF[kind]} (${code})`;
}
