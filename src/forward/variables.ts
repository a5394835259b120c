// Variables of the attempts on peers. Several attempts print as nginx prints them: separated by ", ", and where another group begins by " : ".
import type { Attempt } from '../exchange/attempt.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { type Getter, toBytes, type VariableTable } from '../route/template.ts';

/** One value per attempt; undefined when the request was never forwarded. */
const each =
  (value: (attempt: Attempt) => string): Getter =>
  ({ attempts }) => {
    if (attempts.length === 0) return undefined;
    let text = value(attempts[0]);
    for (let i = 1; i < attempts.length; i++)
      text += (attempts[i].opensGroup ? ' : ' : ', ') + value(attempts[i]);
    return text;
  };

/** Seconds with milliseconds; '-' for what was not reached. */
const seconds = (ms: number): string => (ms < 0 ? '-' : (ms / 1000).toFixed(3));

/** What ended an attempt that never came to the peer's answer, and is not the peer's doing. */
const NO_STATUS: ReadonlySet<string> = new Set(['pending', 'client_aborted', 'internal_error']);

/** The peer's own status; where it gave none, the status that its failure stands for. */
function statusOf(attempt: Attempt): string {
  if (attempt.status !== 0) return String(attempt.status);
  if (attempt.outcome.endsWith('_timeout')) return '504';
  return NO_STATUS.has(attempt.outcome) ? '-' : '502';
}

/** `$proxy_add_x_forwarded_for`: what the client sent, then its address. */
function addForwardedFor(x: Exchange): string {
  const before = x.request.getAll('x-forwarded-for');
  return before === undefined ? x.remoteAddress : `${before}, ${x.remoteAddress}`;
}

/** A peer by its name, behind the scheme: what a request asks for may follow. */
export function peerUrl(scheme: string, peer: string): string {
  return `${scheme}://${peer}${peer.startsWith('unix:') ? ':' : ''}`;
}

/** The Host that a peer gets by default: without the usual port, and for a Unix socket a name (ngx_http_proxy_set_vars). */
export function hostFieldOf(authority: string, secure: boolean): string {
  if (authority.startsWith('unix:')) return 'localhost';
  const usual = secure ? ':443' : ':80';
  return authority.endsWith(usual) ? authority.slice(0, -usual.length) : authority;
}

function proxyPort({ proxyHost, proxySecure, tellsProxyHost }: Exchange): string | undefined {
  if (!tellsProxyHost) return undefined;
  return proxyHost === '' || proxyHost.startsWith('unix:')
    ? ''
    : (/:(\d+)$/.exec(proxyHost)?.[1] ?? (proxySecure ? '443' : '80'));
}

const HEAD_END = /\r?\n\r?\n/;

/** A field of the last peer's answer as it came; several lines joined (`$upstream_http_…`). */
function peerField(rest: string): Getter {
  const start = `${nameOf(rest)}:`;
  return ({ peerHead }) => joined(valuesOf(headLines(peerHead), start));
}

/** The same of its trailers (`$upstream_trailer_…`). */
function peerTrailer(rest: string): Getter {
  const start = `${nameOf(rest)}:`;
  return ({ peerTrailers }) => joined(valuesOf(peerTrailers.split('\n'), start));
}

/** The first cookie of this name that it sets (`$upstream_cookie_…`). */
function peerCookie(rest: string): Getter {
  return ({ peerHead }) => {
    for (const value of valuesOf(headLines(peerHead), 'set-cookie:')) {
      if (value.slice(0, rest.length).toLowerCase() !== rest.toLowerCase()) continue;
      const m = /^ *= *([^;]*)/.exec(value.slice(rest.length));
      if (m !== null) return m[1];
    }
    return undefined;
  };
}

function nameOf(rest: string): string {
  return rest.replaceAll('_', '-').toLowerCase();
}

/** Without the status line; the text may reach into the body. */
function headLines(peerHead: string): string[] {
  const end = peerHead.search(HEAD_END);
  const lines = (end < 0 ? peerHead : peerHead.slice(0, end)).split('\n');
  // A CGI head has no status line.
  return lines[0].startsWith('HTTP/') ? lines.slice(1) : lines;
}

function valuesOf(lines: readonly string[], start: string): string[] {
  return lines
    .filter((line) => line.slice(0, start.length).toLowerCase() === start)
    .map((line) => line.slice(start.length).trim());
}

function joined(values: readonly string[]): string | undefined {
  return values.length === 0 ? undefined : values.join(', ');
}

export const forwardVariables: VariableTable = {
  plain: {
    upstream_addr: each((a) => toBytes(a.peer)),
    upstream_status: each(statusOf),
    upstream_response_time: each((a) => seconds(a.totalMs)),
    upstream_connect_time: each((a) => seconds(a.connectMs)),
    upstream_header_time: each((a) => seconds(a.headMs)),
    upstream_response_length: each((a) => String(a.headBytes < 0 ? 0 : a.bytesReceived - a.headBytes)),
    upstream_cache_status: (x) => x.cached?.status || undefined,
    upstream_cache_last_modified: (x) => x.cached?.lastModified || undefined,
    upstream_cache_etag: (x) => x.cached?.etag || undefined,
    upstream_bytes_sent: each((a) => String(a.bytesSent)),
    upstream_bytes_received: each((a) => String(a.bytesReceived)),
    proxy_host: (x) => (x.tellsProxyHost ? hostFieldOf(x.proxyHost, x.proxySecure) : undefined),
    proxy_port: proxyPort,
    proxy_add_x_forwarded_for: addForwardedFor,
  },
  families: {
    upstream_http_: peerField,
    upstream_trailer_: peerTrailer,
    upstream_cookie_: peerCookie,
  },
};
