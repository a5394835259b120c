// What a peer's answer says with X-Accel- fields of how it is to go on (ngx_http_upstream_process_headers). Of two of a name the first holds.
import { limitByPeer } from '../answer/peer-rate.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { percentDecode } from '../route/uri.ts';
import type { RewriteCookie } from './cookies.ts';

/** What is read of a head. */
export interface AccelFields {
  readonly count: number;
  find(lowerName: string, from?: number): number;
  name(i: number): string;
  value(i: number): string;
  get(lowerName: string): string | undefined;
}

/** What such fields can say besides where the answer is. */
export interface Accelerated {
  readonly exchange: Exchange;
  buffer(isOn: boolean): void;
}

/** Obeys the fields that are not ignored; what is left to do is the redirect: its target, '' without. */
export function obeyAccel(head: AccelFields, to: Accelerated, ignored: ReadonlySet<string>): string {
  const of = (name: string): string => (ignored.has(name) ? '' : (head.get(name) ?? ''));
  const buffering = of('x-accel-buffering').toLowerCase();
  if (buffering === 'yes' || buffering === 'no') to.buffer(buffering === 'yes');
  const rate = of('x-accel-limit-rate');
  if (/^\d{1,15}$/.test(rate)) limitByPeer(to.exchange, Number(rate));
  return of('x-accel-redirect');
}

/** Fields of the peer's answer that go with the one in its place, hidden or not (ngx_http_upstream_headers_in: redirect). */
const CARRIED = ['set-cookie', 'content-disposition', 'cache-control', 'expires', 'accept-ranges'];

/** What of them is not carried as it stands. */
export interface Carrying {
  /** What a Set-Cookie becomes. */
  readonly carriedCookie: RewriteCookie | null;
  /** Not null: what the peer says of ranges does not hold. */
  readonly seekPeer: unknown;
}

/** Leaves them to the exchange. */
export function carryFields(x: Exchange, head: AccelFields, { carriedCookie, seekPeer }: Carrying): void {
  const before = x.carried;
  const given = head.get('content-type');
  let lines = before?.lines ?? '';
  for (let i = 0; i < head.count; i++) {
    const name = head.name(i);
    const lower = name.toLowerCase();
    if (!CARRIED.includes(lower) || (lower === 'accept-ranges' && seekPeer !== null)) continue;
    const value = head.value(i);
    lines += `${name}: ${lower === 'set-cookie' && carriedCookie !== null ? carriedCookie(x, value) : value}\r\n`;
  }
  const [, type, charset] = WITH_CHARSET.exec(given ?? '') ?? ['', given ?? before?.type ?? '', ''];
  x.carried = { type, charset: charset || (before?.charset ?? ''), lines };
}

/** As ngx_http_upstream_copy_content_type cuts it. */
const WITH_CHARSET = /^(.*?); *charset="?(.*?)"?$/i;

/** Goes to where the answer is; false: no place of this server (404). */
export function enterAccelRedirect(x: Exchange, target: string): boolean {
  if (target.startsWith('@')) {
    x.server.toNamed(x, target);
    return true;
  }
  const question = target.indexOf('?');
  const path = question < 0 ? target : target.slice(0, question);
  const uri = safePath(path);
  if (uri === null) return false;
  if (x.method !== 'HEAD') x.method = 'GET';
  x.server.redirect(x, uri, question < 0 ? '' : target.slice(question + 1));
  return true;
}

const CLIMBS = /(?:^|\/)\.\.(?:\/|$)/;

/** The decoded path; null where it leads above what is served (ngx_http_parse_unsafe_uri). */
function safePath(path: string): string | null {
  if (path === '' || CLIMBS.test(path)) return null;
  const decoded = path.includes('%') ? decodeLoosely(path) : path;
  return decoded === '' || decoded.includes('\0') || CLIMBS.test(decoded) ? null : decoded;
}

/** What is no escape stays as it is: peers write such paths without escaping. */
function decodeLoosely(path: string): string {
  return path.replace(/%[0-9a-fA-F]{2}/g, (hex) => percentDecode(hex) ?? '\0');
}
