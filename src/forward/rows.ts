// Rows of the proxy: where requests go, what their heads carry, how long is waited, what is tried again.
import {
  type Context,
  count,
  flag,
  HTTP_AND_IF,
  HTTP_LEVELS,
  ignored,
  list,
  type ReadContext,
  type Row,
  setting,
  time,
} from '../config/row.ts';
import type { Word } from '../config/tree.ts';
import { familyDefaults, familyRows } from './family/rows.ts';
import { peerTlsDefaults, peerTlsRowsOfAll } from './tls/rows.ts';

/** One proxy_redirect. */
export type ProxyRedirect =
  | { readonly kind: 'default' }
  | { readonly kind: 'off' }
  | { readonly kind: 'prefix' /** template */; readonly from: string /** template */; readonly to: string }
  | {
      readonly kind: 'regex';
      readonly pattern: string;
      readonly caseless: boolean /** template */;
      readonly to: string;
    };

/** One proxy_cookie_domain or proxy_cookie_path. */
export type CookieRule =
  | { readonly kind: 'off' }
  | { readonly kind: 'plain' /** template */; readonly from: string /** template */; readonly to: string }
  | {
      readonly kind: 'regex';
      readonly pattern: string;
      readonly caseless: boolean /** template */;
      readonly to: string;
    };

/** One proxy_cookie_flags; names and flags are templates. */
export type CookieFlagsRule =
  | { readonly kind: 'off' }
  | { readonly kind: 'plain'; readonly cookie: string; readonly flags: readonly string[] }
  | { readonly kind: 'regex'; readonly pattern: string; readonly flags: readonly string[] };

/** Where a location passes requests, of whichever family: the scheme tells (`http://…`, `fastcgi://…`). */
export interface ProxyPass {
  /** Template of the URL. */
  readonly url: string;
  readonly at: string;
}

declare module '../config/model.ts' {
  interface Settings {
    /** Templates; null = not set. */
    readonly earlyHints: readonly string[] | null;
    readonly proxyPass: ProxyPass | null;
    /** `[name, template]`. */
    readonly proxySetHeader: readonly (readonly [name: string, value: string])[];
    /** Built into `proxySetHeader`: no level of a Model has it. */
    readonly forwardedHeaders: boolean;
    readonly proxyRedirect: readonly ProxyRedirect[];
    readonly proxyPassTrailers: boolean;
    readonly proxyHttpVersion: '1.0' | '1.1';
    /** Template; '' = the client's method. */
    readonly proxyMethod: string;
    /** Template; null = the client's body. */
    readonly proxySetBody: string | null;
    readonly proxyCookieDomain: readonly CookieRule[];
    readonly proxyCookiePath: readonly CookieRule[];
    readonly proxyCookieFlags: readonly CookieFlagsRule[];
    readonly proxyHoldMs: number;
    readonly proxyHoldRequests: number;
  }
}

export const forwardDefaults = {
  ...familyDefaults('proxy'),
  ...peerTlsDefaults,
  earlyHints: null,
  proxyPass: null,
  proxySetHeader: [],
  forwardedHeaders: false,
  proxyRedirect: [{ kind: 'default' }],
  proxyPassTrailers: false,
  proxyHttpVersion: '1.1',
  proxyMethod: '',
  proxySetBody: null,
  proxyCookieDomain: [],
  proxyCookiePath: [],
  proxyCookieFlags: [],
  proxyHoldMs: 10_000,
  proxyHoldRequests: 1000,
} as const;

/**
 * What a JSON configuration sends unless it says otherwise, name by name; inbound copies never pass. `Forwarded` says the same
 * as the X- fields in another form: apps that read it would believe the client.
 */
export const JSON_SET_HEADER: readonly (readonly [string, string])[] = [
  ['Host', '$http_host'],
  ['X-Real-IP', '$remote_addr'],
  ['X-Scheme', '$scheme'],
  ['X-Forwarded-For', '$remote_addr'],
  ['X-Forwarded-Proto', '$scheme'],
  ['X-Forwarded-Host', '$http_host'],
  ['Forwarded', ''],
];

/** The fields of JSON's default that `list` does not set itself, followed by `list`. */
export function withJsonHeaders(
  list: readonly (readonly [string, string])[],
): readonly (readonly [string, string])[] {
  const own = new Set(list.map(([name]) => name.toLowerCase()));
  return [...JSON_SET_HEADER.filter(([name]) => !own.has(name.toLowerCase())), ...list];
}

const PASS_PLACES: readonly Context[] = ['location', 'if in location', 'limit_except'];

const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

export const forwardRows: readonly Row[] = [
  ...familyRows('proxy'),
  setting('proxyPass', {
    name: 'proxy_pass',
    contexts: PASS_PLACES,
    args: [1, 1],
    syntax: 'URL',
    inherit: false,
    doc: 'Sends requests to http://name[/uri], the name of an upstream or a program, or to http://host[:port][/uri]; with https:// over TLS. With a URI part it replaces the matched part of the path.',
    read: readProxyPass,
  }),
  flag('forwardedHeaders', {
    name: 'forwarded_headers',
    contexts: ['http'],
    default: 'on in JSON files, off in nginx files',
    doc: 'Whether peers get Host, X-Real-IP, X-Scheme and X-Forwarded-For, -Proto and -Host as they are, beside what proxy_set_header says. At the top of a JSON file.',
  }),
  setting('earlyHints', {
    name: 'early_hints',
    contexts: HTTP_LEVELS,
    args: [1, 64],
    syntax: 'string …',
    default: 'they pass (nginx: they do not)',
    doc: 'A 103 of a peer goes on to the client if one of these values is neither empty nor 0. Without it all do.',
    read: (words, cx) => words.map((word) => cx.template(word)),
  }),
  list('proxySetHeader', {
    name: 'proxy_set_header',
    contexts: HTTP_LEVELS,
    args: [2, 2],
    syntax: 'field value',
    default: 'Host $proxy_host (JSON: Host, X-Real-IP, X-Scheme, X-Forwarded-For, -Proto and -Host)',
    doc: 'Sets a field of the request to the peer; an empty value sends none. A level that has any inherits none; JSON’s own fields stay, name by name.',
    read: readSetHeader,
  }),
  list('proxyRedirect', {
    name: 'proxy_redirect',
    contexts: HTTP_LEVELS,
    args: [1, 2],
    syntax: 'default | off | from to',
    default: 'default',
    doc: 'Rewrites Location and Refresh of the peer’s answer.',
    alone: (rule) => rule.kind === 'off',
    read: readRedirect,
  }),
  list('proxyCookieDomain', {
    name: 'proxy_cookie_domain',
    contexts: HTTP_LEVELS,
    args: [1, 2],
    syntax: 'off | domain replacement',
    default: 'off',
    doc: 'Replaces the Domain of Set-Cookie in the peer’s answer; ~regex without case. The first one that fits holds.',
    alone: (rule) => rule.kind === 'off',
    read: readCookieDomain,
  }),
  list('proxyCookiePath', {
    name: 'proxy_cookie_path',
    contexts: HTTP_LEVELS,
    args: [1, 2],
    syntax: 'off | path replacement',
    default: 'off',
    doc: 'Replaces the beginning of the Path of Set-Cookie in the peer’s answer; ~regex, or ~*regex without case, the whole. The first one that fits holds.',
    alone: (rule) => rule.kind === 'off',
    read: readCookiePath,
  }),
  list('proxyCookieFlags', {
    name: 'proxy_cookie_flags',
    contexts: HTTP_LEVELS,
    args: [1, 4],
    syntax: 'off | cookie [flag …]',
    default: 'off',
    doc: 'Adds to a cookie of the peer’s answer, or takes away: secure, httponly, samesite=strict, samesite=lax, samesite=none; nosecure, nohttponly, nosamesite. The cookie is a name or ~regex.',
    alone: (rule) => rule.kind === 'off',
    read: readCookieFlags,
  }),
  flag('proxyPassTrailers', {
    name: 'proxy_pass_trailers',
    contexts: HTTP_LEVELS,
    default: 'off',
    doc: 'Whether the client gets the trailers of a peer’s chunked answer.',
  }),
  setting('proxyHttpVersion', {
    name: 'proxy_http_version',
    contexts: HTTP_LEVELS,
    args: [1, 1],
    syntax: '1.0 | 1.1',
    default: '1.1',
    doc: 'HTTP version towards peers; 1.0 keeps no connections.',
    read: ([{ text, at }], cx) => {
      if (text === '1.0' || text === '1.1') return text;
      const what = text === '2' ? 'HTTP/2 is not spoken to peers' : `"${text}" is neither 1.0 nor 1.1`;
      return cx.problems.error(at, `"proxy_http_version": ${what}; write 1.1`);
    },
  }),
  setting('proxyMethod', {
    name: 'proxy_method',
    contexts: HTTP_LEVELS,
    args: [1, 1],
    syntax: 'method',
    doc: 'Method of the request to the peer, instead of the client’s.',
    read: (words, cx) => cx.template(words[0]),
  }),
  setting('proxySetBody', {
    name: 'proxy_set_body',
    contexts: HTTP_LEVELS,
    args: [1, 1],
    syntax: 'value',
    doc: 'What the peer gets instead of the client’s body.',
    read: (words, cx) => cx.template(words[0]),
  }),
  time('proxyHoldMs', {
    name: 'proxy_hold',
    aliases: ['hold'],
    contexts: HTTP_LEVELS,
    default: '10s',
    doc: 'How long a request waits, instead of a 502, while no process of its group serves but one is on its way. A browser gets a page that asks again after 2 s. 0 = not at all. Groups without supervised processes never wait.',
  }),
  count('proxyHoldRequests', {
    name: 'proxy_hold_requests',
    aliases: ['hold_requests'],
    contexts: HTTP_LEVELS,
    default: '1000',
    doc: 'How many requests may wait so in each acceptor; others get their 502 at once.',
  }),
  ...peerTlsRowsOfAll,
  ...['websocket', 'websockets'].map((name) =>
    ignored(name, HTTP_AND_IF, 'WebSockets pass by themselves', { args: [0, 8], warn: true }),
  ),
];

/** What stands before its first variable may be the beginning of a URL: `http:/$uri`. */
function mayBecomeUrl(text: string): boolean {
  const before = text.slice(0, text.indexOf('$')).toLowerCase();
  return text.includes('$') && ['http://', 'https://'].some((scheme) => scheme.startsWith(before));
}

function readProxyPass(words: readonly Word[], cx: ReadContext): ProxyPass | undefined {
  const { text, at } = words[0];
  if (!/^https?:\/\/./i.test(text) && !mayBecomeUrl(text)) {
    return cx.problems.error(at, `"${text}" is no URL; write http://${text.replace(/^\/*/, '') || 'group'}`);
  }
  if (cx.context === 'limit_except' && /^https?:\/\/(?:unix:[^:$]*:|(?!unix:)[^/?$]*)[/?][^$]*$/i.test(text))
    return cx.problems.error(at, 'proxy_pass cannot have a URI part in "limit_except"; leave it out');
  return { url: cx.template(words[0]), at: `${at.file}:${at.line}:${at.column}` };
}

const FRAMING = /^(?:content-length|transfer-encoding|te|trailer|expect|keep-alive)$/i;

function readSetHeader(words: readonly Word[], cx: ReadContext): readonly [string, string] | undefined {
  const [name, value] = words;
  if (!TOKEN.test(name.text)) {
    const form = TOKEN.test(name.text.slice(0, -1))
      ? `; write it without the colon: ${name.text.slice(0, -1)}`
      : '';
    return cx.problems.error(
      name.at,
      `"${name.text}" is no field name${name.text.endsWith(':') ? form : ''}`,
    );
  }
  if (FRAMING.test(name.text)) {
    cx.problems.warn(
      name.at,
      `"${name.text}" frames the message and is always written by lbproxy; the line has no effect`,
    );
  }
  return [name.text, cx.template(value)];
}

function readRedirect(words: readonly Word[], cx: ReadContext): ProxyRedirect | undefined {
  const [from, to] = words;
  if (to === undefined) {
    if (from.text === 'off') return { kind: 'off' };
    if (from.text === 'default') return { kind: 'default' };
    return cx.problems.error(from.at, '"proxy_redirect" is "default", "off", or what to replace and by what');
  }
  if (!from.text.startsWith('~')) return { kind: 'prefix', from: cx.template(from), to: cx.template(to) };
  const caseless = from.text.startsWith('~*');
  const pattern = from.text.slice(caseless ? 2 : 1);
  if (!cx.pattern(from, pattern, caseless)) return undefined;
  return { kind: 'regex', pattern, caseless, to: cx.template(to) };
}

function readCookieDomain(words: readonly Word[], cx: ReadContext): CookieRule | undefined {
  // Of a regular expression the case never counts.
  return readCookieRule(words, cx, { sign: /^~/, caseless: true, plain: (text) => text.replace(/^\./, '') });
}

function readCookiePath(words: readonly Word[], cx: ReadContext): CookieRule | undefined {
  const caseless = words[0].text.startsWith('~*');
  return readCookieRule(words, cx, { sign: caseless ? /^~\*/ : /^~/, caseless, plain: (text) => text });
}

/** What the two directives differ in: how a regular expression begins, and what becomes of other words. */
interface CookieForm {
  readonly sign: RegExp;
  readonly caseless: boolean;
  readonly plain: (text: string) => string;
}

function readCookieRule(
  words: readonly Word[],
  cx: ReadContext,
  { sign, caseless, plain }: CookieForm,
): CookieRule | undefined {
  const [from, to] = words;
  const { name } = cx.directive;
  if (to === undefined) {
    if (from.text === 'off') return { kind: 'off' };
    return cx.problems.error(from.at, `"${name}" is "off", or what to replace and by what`);
  }
  if (!sign.test(from.text)) {
    const [a, b] = [from, to].map((word) => cx.template({ ...word, text: plain(word.text) }));
    return { kind: 'plain', from: a, to: b };
  }
  const pattern = from.text.replace(sign, '');
  if (!cx.pattern(from, pattern, caseless)) return undefined;
  return { kind: 'regex', pattern, caseless, to: cx.template(to) };
}

const COOKIE_FLAG = /^(?:(?:no)?(?:secure|httponly)|samesite=(?:strict|lax|none)|nosamesite)$/i;

function readCookieFlags(words: readonly Word[], cx: ReadContext): CookieFlagsRule | undefined {
  const [cookie, ...rest] = words;
  if (rest.length === 0) {
    if (cookie.text === 'off') return { kind: 'off' };
    return cx.problems.error(cookie.at, '"proxy_cookie_flags" is "off", or a cookie and its flags');
  }
  for (const { text, at } of rest) {
    if (text.includes('$') || COOKIE_FLAG.test(text)) continue;
    cx.problems.warn(at, `"${text}" is no flag of a cookie and has no effect`);
  }
  const flags = rest.map((word) => cx.template(word));
  if (!cookie.text.startsWith('~')) return { kind: 'plain', cookie: cx.template(cookie), flags };
  const pattern = cookie.text.slice(1);
  if (!cx.pattern(cookie, pattern, true)) return undefined;
  return { kind: 'regex', pattern, flags };
}
