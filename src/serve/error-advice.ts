// What to do next about an answer that is an error: one sentence for whoever develops behind lbproxy.
import type { Failure } from '../shared/failure.ts';

const OF_FAILURES: Readonly<Partial<Record<Failure, string>>> = {
  connect_refused: 'Start the program that should listen there, or name the port that it has in proxy_pass.',
  connect_error: 'Look whether the address in proxy_pass is right and can be reached from here.',
  connect_timeout: 'Look whether the address in proxy_pass is right and no firewall is in between.',
  send_timeout: 'Look what keeps the program from reading the request, or raise proxy_send_timeout.',
  reset_before_head:
    'Look at what the program wrote last: it closed the connection, or crashed, before it answered.',
  reset_on_reuse:
    'Send it again; should it stay so, look why the program closes connections that it keeps alive.',
  malformed_head:
    'Look whether the peer speaks HTTP/1 on this port: https:// for TLS, fastcgi_pass or uwsgi_pass for their protocols.',
  head_timeout: 'Look what keeps the program busy, or raise proxy_read_timeout for answers that take longer.',
  body_truncated: 'Look at what the program wrote last: it ended in the middle of its answer.',
  body_timeout: 'Look what keeps the program busy, or raise proxy_read_timeout.',
  tls_error:
    'Compare the certificate and protocols of the peer with proxy_ssl_verify, proxy_ssl_name and proxy_ssl_protocols.',
  no_live_peer: 'See what the programs do with "lbproxy ctl status", and bring one of them up.',
  hold_timeout:
    'See what the programs do with "lbproxy ctl status", or raise proxy_hold for those that start slowly.',
  unresolved: 'Correct the host name in proxy_pass, or look whether "getent hosts" knows it here.',
  no_target: 'Look at the variables of proxy_pass: "lbproxy explain URL" shows what they become.',
  local_exhausted: 'Raise the limit that the error log names ("lbproxy doctor" shows them).',
  internal_error: 'The error log has more; please report it.',
  client_body_too_large: 'Raise client_max_body_size at this place, or send less.',
  client_body_malformed: 'Correct what the client sends: its body is not what its header fields say.',
  client_body_timeout: 'Look why the client stopped sending its body, or raise client_body_timeout.',
  client_body_not_stored:
    'Look at the directory of client_body_temp_path: its rights, and the room on its disk.',
};

const OF_STATUSES: Readonly<Record<number, string>> = {
  400: 'Correct the request that the client sends.',
  401: 'Send a name and a password that auth_basic or auth_request of this place accepts.',
  403: 'Look at allow and deny, at the rights of the file, and at index or autoindex of this place.',
  404: 'Put the file there, or look at root, alias and try_files of this place: "lbproxy explain URL" shows which paths are tried.',
  405: 'Use another method, or proxy_pass it to a program: static files answer GET and HEAD alone.',
  413: 'Raise client_max_body_size at this place, or send less.',
  414: 'Raise large_client_header_buffers, or send a shorter URL.',
  416: 'Ask for a range that the file has.',
  421: 'Ask for the host that the TLS connection was made for.',
  429: 'Wait a moment, or raise the limits of this place (limit_req, limit_conn).',
  494: 'Raise large_client_header_buffers, or send fewer and smaller cookies.',
  497: 'Write https:// in front of the address.',
  503: 'Wait a moment, or raise the limits of this place (limit_req, limit_conn).',
};

/** `status` as it was before nginx's own codes became 400. '' = there is nothing to say. */
export function adviceFor(status: number, failure: Failure | null): string {
  const known = failure === null ? undefined : OF_FAILURES[failure];
  return known ?? OF_STATUSES[status] ?? (status >= 500 ? 'The error log has more.' : '');
}
