// Rows of listening addresses, and of what a client may send and how long it may take.
// Past 300 lines as a table is: one entry a directive, and the reader of `listen`.
import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import {
  type Context,
  choice,
  count,
  flag,
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
import { parseCount, parseSize, parseTime, timeMeant } from '../config/units.ts';

/** One `listen`. */
export interface ListenModel {
  /** IPv4 or IPv6 address without brackets, `*` for all; '' for a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly ssl: boolean;
  /** The PROXY protocol is spoken before all else. */
  readonly proxyProtocol: boolean;
  readonly defaultServer: boolean;
  readonly backlog: number;
  readonly ipv6only: boolean;
  /** `file:line:column`. */
  readonly at: string;
}

/** Those that nginx knows to need it. */
export type Browser = 'msie6' | 'safari';

declare module '../config/model.ts' {
  interface Settings {
    readonly listens: readonly ListenModel[];
    readonly clientHeaderBufferBytes: number;
    readonly largeClientHeaderBuffers: { readonly count: number; readonly bytes: number };
    readonly maxHeaders: number;
    readonly clientMaxBodyBytes: number;
    readonly clientHeaderTimeoutMs: number;
    readonly clientBodyTimeoutMs: number;
    readonly sendTimeoutMs: number;
    readonly keepalive: { readonly timeoutMs: number; readonly headerSeconds: number };
    readonly keepaliveRequests: number;
    readonly keepaliveTimeMs: number;
    /** Browsers whose connections do not stay. */
    readonly keepaliveDisable: readonly Browser[];
    readonly chunkedTransferEncoding: boolean;
    readonly lingeringClose: 'off' | 'on' | 'always';
    readonly lingeringTimeMs: number;
    readonly lingeringTimeoutMs: number;
    readonly resetTimedoutConnection: boolean;
    readonly ignoreInvalidHeaders: boolean;
    readonly underscoresInHeaders: boolean;
    readonly mergeSlashes: boolean;
    readonly serverTokens: 'on' | 'off' | 'build';
  }
}

export const listenDefaults = {
  listens: [],
  clientHeaderBufferBytes: 1024,
  largeClientHeaderBuffers: { count: 4, bytes: 8192 },
  maxHeaders: 1000,
  clientMaxBodyBytes: 1024 ** 2,
  clientHeaderTimeoutMs: 60_000,
  clientBodyTimeoutMs: 60_000,
  sendTimeoutMs: 60_000,
  keepalive: { timeoutMs: 75_000, headerSeconds: 0 },
  keepaliveRequests: 1000,
  keepaliveTimeMs: 3600_000,
  keepaliveDisable: [],
  chunkedTransferEncoding: true,
  lingeringClose: 'on',
  lingeringTimeMs: 30_000,
  lingeringTimeoutMs: 5000,
  resetTimedoutConnection: false,
  ignoreInvalidHeaders: true,
  underscoresInHeaders: false,
  mergeSlashes: true,
  serverTokens: 'on',
} as const;

const HTTP_SERVER: readonly Context[] = ['http', 'server'];

export const listenRows: readonly Row[] = [
  list('listens', {
    name: 'listen',
    contexts: ['server'],
    // What a server listens on is settled once all are read; its locations have no part in it.
    inherit: false,
    args: [1, 16],
    syntax: 'address[:port] | port | unix:path [ssl] [default_server] [proxy_protocol] [backlog=n]',
    default: '80',
    doc: 'An address and port, a port on all addresses, or a Unix socket to accept connections on. `ssl` holds for all servers of the address. Beside all addresses of a port, one of them has servers of its own on the same socket.',
    read: readListen,
  }),
  size('clientHeaderBufferBytes', {
    name: 'client_header_buffer_size',
    contexts: HTTP_SERVER,
    default: '1k',
    doc: 'Read for compatibility; heads are bounded by large_client_header_buffers.',
  }),
  setting('largeClientHeaderBuffers', {
    name: 'large_client_header_buffers',
    contexts: HTTP_SERVER,
    args: [2, 2],
    syntax: 'number size',
    default: '4 8k',
    doc: 'A request line (414) or field line (400) is at most one size long, a head at most number × size.',
    read: (words, cx) => {
      const n = parseCount(words[0].text, 1, 1024);
      const bytes = parseSize(words[1].text);
      if (n !== undefined && bytes !== undefined && bytes > 0) return { count: n, bytes };
      return cx.problems.error(words[0].at, 'write a number and a size: large_client_header_buffers 4 8k');
    },
  }),
  count('maxHeaders', {
    name: 'max_headers',
    contexts: HTTP_SERVER,
    min: 1,
    max: 10_000,
    default: '1000',
    doc: 'Most fields of a request; beyond, 400.',
  }),
  size('clientMaxBodyBytes', {
    name: 'client_max_body_size',
    contexts: HTTP_LEVELS,
    default: '1m',
    doc: 'Largest body of a request, chunked ones too; beyond, 413. 0 = no limit.',
  }),
  time('clientHeaderTimeoutMs', {
    name: 'client_header_timeout',
    contexts: HTTP_SERVER,
    default: '60s',
    doc: 'Time for a whole head, from its first byte; beyond, 408. Also from accept to that byte, a TLS handshake included; beyond, the connection is closed. 0 = no limit.',
  }),
  time('clientBodyTimeoutMs', {
    name: 'client_body_timeout',
    contexts: HTTP_LEVELS,
    default: '60s',
    doc: 'Time between two reads of a body; beyond, 408. 0 = no limit.',
  }),
  time('sendTimeoutMs', {
    name: 'send_timeout',
    contexts: HTTP_LEVELS,
    default: '60s',
    doc: 'Time between two writes to a client that does not read, also within a WebSocket; beyond, the connection is closed. 0 = no limit.',
  }),
  setting('keepalive', {
    name: 'keepalive_timeout',
    contexts: HTTP_LEVELS,
    args: [1, 2],
    syntax: 'time [header-time]',
    default: '75s',
    doc: 'How long an idle client connection stays; 0 closes after each answer. The second time is told in Keep-Alive.',
    read: (words, cx) => {
      const times = words.map((word) => parseTime(word.text));
      const bad = times.indexOf(undefined);
      if (bad >= 0) {
        const form = timeMeant(words[bad].text);
        const advice = form === undefined ? '' : `; write ${form}`;
        return cx.problems.error(words[bad].at, `"${words[bad].text}" is not a time such as 75s${advice}`);
      }
      // Without a second time that of the level around holds (keepalive-inherit.ts).
      const headerSeconds = times.length === 1 ? -1 : Math.floor((times[1] ?? 0) / 1000);
      return { timeoutMs: times[0] ?? 0, headerSeconds };
    },
  }),
  count('keepaliveRequests', {
    name: 'keepalive_requests',
    contexts: HTTP_LEVELS,
    default: '1000',
    doc: 'Requests after which a client connection is closed.',
  }),
  setting('keepaliveDisable', {
    name: 'keepalive_disable',
    contexts: HTTP_LEVELS,
    args: [1, 8],
    syntax: 'none | browser …',
    default: 'none; called as nginx: msie6',
    repeat: 'union',
    doc: 'Connections of these browsers end behind an answer: msie6 (behind a POST), safari (on macOS).',
    read: readBrowsers,
  }),
  time('keepaliveTimeMs', {
    name: 'keepalive_time',
    contexts: HTTP_LEVELS,
    default: '1h',
    doc: 'Age at which a client connection is closed after its answer.',
  }),
  flag('chunkedTransferEncoding', {
    name: 'chunked_transfer_encoding',
    contexts: HTTP_LEVELS,
    default: 'on',
    doc: 'Whether answers of unknown length are chunked; off closes the connection instead.',
  }),
  flag('ignoreInvalidHeaders', {
    name: 'ignore_invalid_headers',
    contexts: HTTP_SERVER,
    default: 'on',
    doc: 'Whether fields of a request are dropped whose names have other characters than letters, digits and hyphens. For fields before Host the default server’s holds.',
  }),
  flag('underscoresInHeaders', {
    name: 'underscores_in_headers',
    contexts: HTTP_SERVER,
    default: 'off',
    doc: 'Whether underscores may stand in the names of fields. For fields before Host the default server’s holds.',
  }),
  flag('mergeSlashes', {
    name: 'merge_slashes',
    contexts: HTTP_SERVER,
    default: 'on',
    doc: 'Whether several slashes in a row are one in the URI that locations see. The default server’s holds.',
  }),
  choice('serverTokens', ['on', 'off', 'build'], {
    name: 'server_tokens',
    contexts: HTTP_LEVELS,
    default: 'on',
    doc: 'Whether Server and error pages tell the version.',
  }),
  choice('lingeringClose', ['off', 'on', 'always'], {
    name: 'lingering_close',
    contexts: HTTP_LEVELS,
    default: 'on',
    doc: 'Whether a connection that ends goes on reading what its client still sends, so that a reset does not take the answer away: never, where something is still to come, or always.',
  }),
  time('lingeringTimeMs', {
    name: 'lingering_time',
    contexts: HTTP_LEVELS,
    default: '30s',
    doc: 'How long that lasts at most.',
  }),
  time('lingeringTimeoutMs', {
    name: 'lingering_timeout',
    contexts: HTTP_LEVELS,
    default: '5s',
    doc: 'How long it waits for more.',
  }),
  flag('resetTimedoutConnection', {
    name: 'reset_timedout_connection',
    contexts: HTTP_LEVELS,
    default: 'off',
    doc: 'Whether connections that let send_timeout or client_body_timeout run out, and those of `return 444`, are reset: the kernel then keeps nothing of them.',
  }),
  ...['tcp_nodelay', 'tcp_nopush'].map((name) =>
    ignored(name, HTTP_LEVELS, 'head and body go in one write, and small pieces never wait', {
      args: [1, 1],
    }),
  ),
  ...['postpone_output', 'send_lowat'].map((name) =>
    ignored(name, HTTP_LEVELS, 'what is ready goes at once', { args: [1, 1] }),
  ),
  ignored(
    'keepalive_min_timeout',
    HTTP_LEVELS,
    'no connection is closed early to be used for another client',
    {
      args: [1, 1],
    },
  ),
];

function readBrowsers(words: readonly Word[], cx: ReadContext): readonly Browser[] | undefined {
  const browsers = words.filter(({ text }) => text !== 'none');
  for (const { text, at } of browsers) {
    if (text !== 'msie6' && text !== 'safari')
      return cx.problems.error(at, `"${text}" is no browser: write none, msie6 or safari`);
  }
  return browsers.map(({ text }) => text as Browser);
}

/** Options of listen that are said, or not. */
const ALONE: ReadonlySet<string> = new Set([
  ...['ssl', 'default_server', 'default', 'http2', 'quic', 'proxy_protocol', 'reuseport', 'bind'],
]);

/** `listen 127.0.0.1 8080;`, `listen 80 443;` */
function hintOf(text: string, { directive }: ReadContext): string {
  const address = directive.args[0].text;
  if (parseCount(text, 1, 65_535) === undefined) return '';
  if (/^\d+$|:\d+$/.test(address)) return `; write another listen for it: listen ${text};`;
  return `; the port stands behind a colon: ${address.replace(/:$/, '')}:${text}`;
}

/** `:9000` is a port on all addresses, as in Go. */
const ADDRESS = /^(?:(\*|\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)?:)?(\d{1,5})$/;
const HOST_ONLY = /^(\*|\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]*[A-Za-z.][A-Za-z0-9.-]*)$/;

/** Hosts could be called so, but nobody means that. */
const OPTION_ALONE = /^(?:ssl|default_server|default|http2|quic|reuseport|proxy_protocol)$/;

function readListen(words: readonly Word[], cx: ReadContext): ListenModel | undefined {
  if (OPTION_ALONE.test(words[0].text)) {
    const { text, at } = words[0];
    return cx.problems.error(at, `"${text}" goes behind an address: "8443 ${text}"`);
  }
  const address = readListenAddress(words[0].text);
  if (address === undefined) {
    return cx.problems.error(
      words[0].at,
      `"${words[0].text}" is no address to listen on; write a port, address:port, [ipv6]:port or unix:/path`,
    );
  }
  const { file, line, column } = words[0].at;
  const at = `${file}:${line}:${column}`;
  const listen = {
    ...address,
    ssl: false,
    proxyProtocol: false,
    defaultServer: false,
    backlog: 511,
    ipv6only: true,
    at,
  };
  for (const word of words.slice(1)) {
    if (!readListenOption(listen, word, cx)) return undefined;
  }
  return listen;
}

function readListenOption(
  listen: { -readonly [K in keyof ListenModel]: ListenModel[K] },
  word: Word,
  cx: ReadContext,
): boolean {
  const [name, value] = word.text.split('=', 2);
  if (ALONE.has(name) && value !== undefined) {
    cx.problems.error(word.at, `"${name}" of listen takes no value; write "${name}" alone, or leave it out`);
    return false;
  }
  switch (name) {
    case 'ssl':
      listen.ssl = true;
      return true;
    case 'default_server':
    case 'default':
      listen.defaultServer = true;
      return true;
    case 'backlog': {
      const backlog = parseCount(value ?? '', 1, 65_535);
      if (backlog !== undefined) listen.backlog = backlog;
      else cx.problems.error(word.at, 'backlog is a number from 1 to 65535');
      return backlog !== undefined;
    }
    case 'ipv6only':
      listen.ipv6only = value !== 'off';
      if (value === 'on' || value === 'off') return true;
      cx.problems.error(word.at, `"${word.text}" of listen is "ipv6only=on" or "ipv6only=off"`);
      return false;
    case 'http2':
      cx.problems.tally(
        'warning',
        word.at,
        '"http2" has no effect: HTTP/2 is not spoken yet, clients are answered in HTTP/1.1',
      );
      return true;
    case 'proxy_protocol':
      listen.proxyProtocol = true;
      return true;
    case 'quic':
      cx.problems.error(word.at, `"${name}" of listen is not supported yet`);
      return false;
    case 'reuseport':
    case 'deferred':
    case 'bind':
    case 'rcvbuf':
    case 'sndbuf':
    case 'so_keepalive':
    case 'fastopen':
    case 'setfib':
    case 'accept_filter':
      return true;
    default:
      cx.problems.error(word.at, `invalid parameter "${word.text}" of listen${hintOf(word.text, cx)}`);
      return false;
  }
}

function readListenAddress(text: string): { host: string; port: number; path: string } | undefined {
  if (text.startsWith('unix:'))
    return text.length > 5 ? { host: '', port: 0, path: text.slice(5) } : undefined;
  const m = ADDRESS.exec(text);
  const host = hostOf(m === null ? (HOST_ONLY.exec(text)?.[1] ?? '') : (m[1] ?? '*'));
  const port = m === null ? 80 : Number(m[2]);
  return host === undefined || port > 65_535 ? undefined : { host, port, path: '' };
}

/** As the kernel tells it; undefined where it is neither an address nor a name. */
function hostOf(text: string): string | undefined {
  if (text.startsWith('[')) {
    const address = text.slice(1, -1);
    return isIPv6(address) ? new SocketAddress({ address, family: 'ipv6' }).address : undefined;
  }
  // No name ends with a number: 8080.5, 127.0.0.256.
  if (text === '' || (/(?:^|\.)\d+$/.test(text) && !isIPv4(text))) return undefined;
  return text === 'localhost' ? '127.0.0.1' : text;
}
