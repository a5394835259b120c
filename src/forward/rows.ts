// Rows of the proxy: where requests go, what their heads carry, how long is waited, what is tried again.
import {
  type Context,
  choice,
  count,
  flag,
  HTTP_AND_IF,
  HTTP_LEVELS,
  ignored,
  list,
  type ReadContext,
  type Row,
  setting,
  size,
  time,
} from '../config/row.ts';
import type { Word } from '../config/tree.ts';
import { NEXT_WORDS, type NextWord } from './next-upstream.ts';
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

export interface ProxyPass {
  /** Template of the URL as written. */
  readonly url: string;
  readonly at: string;
}

declare module '../config/model.ts' {
  interface Settings {
    readonly proxyPass: ProxyPass | null;
    /** `[name, template]`. */
    readonly proxySetHeader: readonly (readonly [name: string, value: string])[];
    readonly proxyPassHeader: readonly string[];
    readonly proxyHideHeader: readonly string[];
    readonly proxyRedirect: readonly ProxyRedirect[];
    readonly proxyHttpVersion: '1.0' | '1.1';
    /** Template; '' = the client's method. */
    readonly proxyMethod: string;
    readonly proxyConnectTimeoutMs: number;
    readonly proxySendTimeoutMs: number;
    readonly proxyReadTimeoutMs: number;
    readonly proxyNextUpstream: readonly NextWord[];
    readonly proxyNextUpstreamTries: number;
    readonly proxyNextUpstreamTimeoutMs: number;
    readonly proxyRequestBuffering: boolean;
    readonly proxyPassRequestBody: boolean;
    readonly proxyPassRequestHeaders: boolean;
    /** Template; null = the client's body. */
    readonly proxySetBody: string | null;
    readonly proxyIgnoreClientAbort: boolean;
    readonly proxyBufferBytes: number;
    readonly proxyHoldMs: number;
    readonly proxyHoldRequests: number;
  }
}

export const forwardDefaults = {
  ...peerTlsDefaults,
  proxyPass: null,
  proxySetHeader: [],
  proxyPassHeader: [],
  proxyHideHeader: [],
  proxyRedirect: [{ kind: 'default' }],
  proxyHttpVersion: '1.1',
  proxyMethod: '',
  proxyConnectTimeoutMs: 60_000,
  proxySendTimeoutMs: 60_000,
  proxyReadTimeoutMs: 60_000,
  proxyNextUpstream: ['error', 'timeout'],
  proxyNextUpstreamTries: 0,
  proxyNextUpstreamTimeoutMs: 0,
  proxyRequestBuffering: true,
  proxyPassRequestBody: true,
  proxyPassRequestHeaders: true,
  proxySetBody: null,
  proxyIgnoreClientAbort: false,
  proxyBufferBytes: 32_768,
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

const PASS_PLACES: readonly Context[] = ['location', 'if in location'];

const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

export const forwardRows: readonly Row[] = [
  setting('proxyPass', {
    name: 'proxy_pass',
    contexts: PASS_PLACES,
    args: [1, 1],
    syntax: 'URL',
    inherit: false,
    doc: 'Sends requests to http://name[/uri], the name of an upstream or a program, or to http://host[:port][/uri]; with https:// over TLS. With a URI part it replaces the matched part of the path.',
    read: readProxyPass,
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
  list('proxyPassHeader', {
    name: 'proxy_pass_header',
    contexts: HTTP_LEVELS,
    args: [1, 1],
    syntax: 'field',
    doc: 'Passes a field of the peer’s answer that is hidden by default, such as Server or Date.',
    read: (words) => words[0].text.toLowerCase(),
  }),
  list('proxyHideHeader', {
    name: 'proxy_hide_header',
    contexts: HTTP_LEVELS,
    args: [1, 1],
    syntax: 'field',
    doc: 'Keeps a field of the peer’s answer from the client.',
    read: (words) => words[0].text.toLowerCase(),
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
  choice('proxyHttpVersion', ['1.0', '1.1'], {
    name: 'proxy_http_version',
    contexts: HTTP_LEVELS,
    default: '1.1',
    doc: 'HTTP version towards peers; 1.0 keeps no connections.',
  }),
  setting('proxyMethod', {
    name: 'proxy_method',
    contexts: HTTP_LEVELS,
    args: [1, 1],
    syntax: 'method',
    doc: 'Method of the request to the peer, instead of the client’s.',
    read: (words, cx) => cx.template(words[0]),
  }),
  time('proxyConnectTimeoutMs', {
    name: 'proxy_connect_timeout',
    contexts: HTTP_LEVELS,
    default: '60s',
    doc: 'Time for a connection to a peer. 0 = no limit.',
  }),
  time('proxySendTimeoutMs', {
    name: 'proxy_send_timeout',
    contexts: HTTP_LEVELS,
    default: '60s',
    doc: 'Time between two writes to a peer that does not read, also within a WebSocket. 0 = no limit.',
  }),
  time('proxyReadTimeoutMs', {
    name: 'proxy_read_timeout',
    contexts: HTTP_LEVELS,
    default: '60s',
    doc: 'Time between two reads from a peer, before and within its answer; also the idle time of a WebSocket. 0 = no limit.',
  }),
  setting('proxyNextUpstream', {
    name: 'proxy_next_upstream',
    contexts: HTTP_LEVELS,
    args: [1, 12],
    syntax: NEXT_WORDS.join(' | '),
    repeat: 'union',
    default: 'error timeout',
    doc: 'Failures after which a request goes to another peer.',
    read: (words, cx) => {
      const taken = words.map((word) => NEXT_WORDS.find((known) => known === word.text));
      const bad = taken.indexOf(undefined);
      if (bad >= 0) {
        return cx.problems.error(
          words[bad].at,
          `unknown condition "${words[bad].text}"; there are ${NEXT_WORDS.join(', ')}`,
        );
      }
      return taken.filter((word) => word !== undefined);
    },
  }),
  count('proxyNextUpstreamTries', {
    name: 'proxy_next_upstream_tries',
    contexts: HTTP_LEVELS,
    default: '0',
    doc: 'Most attempts of a request; 0 = one per peer.',
  }),
  time('proxyNextUpstreamTimeoutMs', {
    name: 'proxy_next_upstream_timeout',
    contexts: HTTP_LEVELS,
    default: '0',
    doc: 'Time in which a further attempt may begin; 0 = no limit.',
  }),
  flag('proxyRequestBuffering', {
    name: 'proxy_request_buffering',
    contexts: HTTP_LEVELS,
    default: 'on',
    doc: 'Reads the whole body before a peer is asked, so that a slow client costs the peer nothing and the body can go to another one; what does not fit client_body_buffer_size goes to a temporary file. off sends it as it comes.',
  }),
  flag('proxyPassRequestBody', {
    name: 'proxy_pass_request_body',
    contexts: HTTP_LEVELS,
    default: 'on',
    doc: 'Whether the peer gets the body; without it the head goes without a length.',
  }),
  flag('proxyPassRequestHeaders', {
    name: 'proxy_pass_request_headers',
    contexts: HTTP_LEVELS,
    default: 'on',
    doc: 'Whether the peer gets the client’s fields; those of proxy_set_header go in any case.',
  }),
  setting('proxySetBody', {
    name: 'proxy_set_body',
    contexts: HTTP_LEVELS,
    args: [1, 1],
    syntax: 'value',
    doc: 'What the peer gets instead of the client’s body.',
    read: (words, cx) => cx.template(words[0]),
  }),
  flag('proxyIgnoreClientAbort', {
    name: 'proxy_ignore_client_abort',
    contexts: HTTP_LEVELS,
    default: 'off',
    doc: 'Goes on with the peer when the client closes its side before the answer.',
  }),
  size('proxyBufferBytes', {
    name: 'proxy_buffer_size',
    contexts: HTTP_LEVELS,
    default: '32k',
    doc: 'Largest head of a peer’s answer; beyond, 502.',
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
  ...[
    'proxy_buffering',
    'proxy_buffers',
    'proxy_busy_buffers_size',
    'proxy_max_temp_file_size',
    'proxy_temp_path',
  ]
    .concat(['proxy_temp_file_write_size', 'proxy_socket_keepalive', 'proxy_headers_hash_max_size'])
    .map((name) =>
      ignored(name, HTTP_AND_IF, 'answers are streamed with backpressure and never stored', { args: [1, 4] }),
    ),
];

function readProxyPass(words: readonly Word[], cx: ReadContext): ProxyPass | undefined {
  const { text, at } = words[0];
  if (!/^https?:\/\/./i.test(text) && !text.startsWith('$')) {
    return cx.problems.error(at, `"${text}" is no URL; write http://${text.replace(/^\/*/, '') || 'group'}`);
  }
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
