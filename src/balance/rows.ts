// Rows of the upstream block: its servers, its method, its kept-alive connections.
import { count, ignored, list, type ReadContext, type Row, setting, time } from '../config/row.ts';
import type { Word } from '../config/tree.ts';
import { parseCount, parseTime } from '../config/units.ts';
import type { BalanceMethod } from './table.ts';

/** One `server` of an upstream block, its host not resolved yet. */
export interface ServerEntry {
  /** Host name, IPv4 address or bracketed IPv6 address; '' for a Unix socket. */
  readonly host: string;
  readonly port: number;
  /** Path of a Unix socket; '' for TCP. */
  readonly path: string;
  /** As it is written. */
  readonly server: string;
  readonly weight: number;
  readonly maxFails: number;
  readonly failTimeoutMs: number;
  readonly maxConns: number;
  readonly backup: boolean;
  readonly down: boolean;
  /** Its name is followed as the name servers of `resolver` say. */
  readonly resolve: boolean;
  /** `file:line:column`. */
  readonly at: string;
}

/** How a peer is chosen. */
export interface BalanceChoice {
  readonly method: BalanceMethod;
  /** Template of what `hash` asks for; '' for other methods. */
  readonly key: string;
}

declare module '../config/model.ts' {
  interface Settings {
    readonly upstreamServers: readonly ServerEntry[];
    readonly upstreamMethod: BalanceChoice;
    /** Name of the program whose processes are the peers; '' for none. */
    readonly upstreamProgram: string;
    readonly upstreamKeepalive: number;
    readonly upstreamKeepaliveTimeoutMs: number;
    readonly upstreamKeepaliveRequests: number;
    readonly upstreamKeepaliveTimeMs: number;
    /** null where the locations say it (proxy_hold). */
    readonly upstreamHoldMs: number | null;
  }
}

export const balanceDefaults = {
  upstreamServers: [],
  upstreamMethod: { method: 'round_robin', key: '' },
  upstreamProgram: '',
  upstreamKeepalive: 64,
  // Below every app server's own idle time: gunicorn closes after 2 s, Node and uvicorn after 5 s.
  upstreamKeepaliveTimeoutMs: 1500,
  upstreamKeepaliveRequests: 1000,
  upstreamKeepaliveTimeMs: 3600_000,
  upstreamHoldMs: null,
} as const;

const METHODS: readonly BalanceMethod[] = ['round_robin', 'ip_hash', 'least_conn', 'random'];

export const balanceRows: readonly Row[] = [
  list('upstreamServers', {
    name: 'server',
    contexts: ['upstream'],
    args: [1, 9],
    syntax: 'address [weight=n] [max_fails=n] [fail_timeout=time] [max_conns=n] [backup] [down] [resolve]',
    doc: 'A peer of the group: address:port, a name, or unix:path.',
    read: readServer,
  }),
  setting('upstreamMethod', {
    name: 'method',
    contexts: ['upstream'],
    args: [1, 1],
    syntax: METHODS.join(' | '),
    repeat: 'last',
    default: 'round_robin',
    doc: 'How a peer is chosen.',
    read: (words, cx) => {
      const method = METHODS.find((m) => m === ownName(words[0].text));
      if (method !== undefined) return { method, key: '' };
      const what = `unknown method "${words[0].text}"; there are ${METHODS.join(', ')}, and hash by itself`;
      return cx.problems.error(words[0].at, what);
    },
  }),
  methodWord('ip_hash', 'Chooses by the client address: the first three octets of IPv4, all of IPv6.'),
  methodWord('least_conn', 'Chooses the peer with the fewest active requests for its weight.', [
    'least_connections',
  ]),
  setting('upstreamMethod', {
    name: 'hash',
    contexts: ['upstream'],
    args: [1, 2],
    syntax: 'key [consistent]',
    repeat: 'last',
    doc: 'Chooses by a key of the request, such as $request_uri: the same key goes to the same peer. With consistent (ketama) a peer that comes or goes moves few of the others’ keys.',
    read: (words, cx) => {
      const [key, option] = words;
      if (option !== undefined && option.text !== 'consistent')
        return cx.problems.error(option.at, `invalid parameter "${option.text}"; there is "consistent"`);
      return { method: option === undefined ? 'hash' : 'hash_consistent', key: cx.template(key) };
    },
  }),
  setting('upstreamMethod', {
    name: 'random',
    contexts: ['upstream'],
    args: [0, 2],
    syntax: '[two [least_conn]]',
    repeat: 'last',
    doc: 'Chooses any peer by weight; with two, of two such peers the one with fewer active requests.',
    read: readRandom,
  }),
  setting('upstreamProgram', {
    name: 'program',
    contexts: ['upstream'],
    args: [1, 1],
    syntax: 'name',
    doc: 'The processes of this program are the peers: each while its port accepts.',
    read: (words) => words[0].text,
  }),
  setting('upstreamKeepalive', {
    name: 'keepalive',
    contexts: ['upstream'],
    args: [1, 2],
    syntax: 'number [local]',
    default: '64',
    doc: 'Idle connections kept to each peer by each acceptor; 0 keeps none. local changes nothing.',
    read: ([number, local], cx) => {
      const value = parseCount(number.text);
      if (value === undefined) return cx.problems.error(number.at, `"${number.text}" is not a whole number`);
      if (local === undefined || local.text === 'local') return value;
      return cx.problems.error(local.at, `invalid parameter "${local.text}"; there is "local"`);
    },
  }),
  time('upstreamKeepaliveTimeoutMs', {
    name: 'keepalive_timeout',
    contexts: ['upstream'],
    default: '1500ms',
    doc: 'How long an idle connection to a peer is kept; shorter than the peer keeps it. Its own Keep-Alive: timeout is obeyed too.',
  }),
  count('upstreamKeepaliveRequests', {
    name: 'keepalive_requests',
    contexts: ['upstream'],
    min: 1,
    default: '1000',
    doc: 'Requests after which a connection to a peer is closed.',
  }),
  time('upstreamKeepaliveTimeMs', {
    name: 'keepalive_time',
    contexts: ['upstream'],
    default: '1h',
    doc: 'Age at which a connection to a peer is closed after its request.',
  }),
  time('upstreamHoldMs', {
    name: 'hold',
    contexts: ['upstream'],
    doc: 'As proxy_hold, for this group; outweighs it.',
  }),
  ignored('zone', ['upstream'], 'the state of groups is always shared by the acceptors', { args: [1, 2] }),
];

/** Other tools write `least-conn`, or the word in full. */
function ownName(method: string): string {
  const name = method.toLowerCase().replaceAll('-', '_');
  return name === 'least_connections' ? 'least_conn' : name;
}

function methodWord(method: BalanceMethod, doc: string, aliases?: readonly string[]): Row {
  return setting('upstreamMethod', {
    name: method,
    aliases,
    contexts: ['upstream'],
    args: [0, 0],
    syntax: '',
    repeat: 'last',
    doc,
    read: () => ({ method, key: '' }),
  });
}

function readRandom([two, by]: readonly Word[], cx: ReadContext): BalanceChoice | undefined {
  if (two === undefined) return { method: 'random', key: '' };
  if (two.text !== 'two') return cx.problems.error(two.at, `invalid parameter "${two.text}"; there is "two"`);
  if (by === undefined || by.text === 'least_conn') return { method: 'random_two', key: '' };
  return cx.problems.error(by.at, `invalid parameter "${by.text}"; there is "least_conn"`);
}

function readServer(words: readonly Word[], cx: ReadContext): ServerEntry | undefined {
  const address = parseAddress(words[0].text);
  if (address === undefined) {
    const host = /^\w+:\/\/([^/]+)/.exec(words[0].text)?.[1];
    const why =
      host === undefined
        ? 'is no address; write host:port, [ipv6]:port or unix:/path'
        : `is no address, which has no scheme and no path; write ${host}`;
    return cx.problems.error(words[0].at, `"${words[0].text}" ${why}`);
  }
  const at = words[0].at;
  const entry = {
    ...address,
    server: words[0].text,
    weight: 1,
    maxFails: 1,
    failTimeoutMs: 10_000,
    maxConns: 0,
    backup: false,
    down: false,
    resolve: false,
    at: `${at.file}:${at.line}:${at.column}`,
  };
  for (const word of words.slice(1)) {
    if (!readServerOption(entry, word.text)) {
      return cx.problems.error(
        word.at,
        `invalid parameter "${word.text}"; there are weight=, max_fails=, fail_timeout=, max_conns=, backup, down, resolve`,
      );
    }
  }
  return entry;
}

function readServerOption(
  entry: { -readonly [K in keyof ServerEntry]: ServerEntry[K] },
  text: string,
): boolean {
  const [name, value] = split(text);
  const put = (key: 'weight' | 'maxFails' | 'maxConns' | 'failTimeoutMs', n: number | undefined): boolean => {
    if (n === undefined) return false;
    entry[key] = n;
    return true;
  };
  switch (name) {
    case 'weight':
      return put('weight', parseCount(value, 1, 65_535));
    case 'max_fails':
      return put('maxFails', parseCount(value));
    case 'max_conns':
      return put('maxConns', parseCount(value));
    case 'fail_timeout':
      return put('failTimeoutMs', parseTime(value));
    case 'backup':
      entry.backup = true;
      return text === 'backup';
    case 'down':
      entry.down = true;
      return text === 'down';
    case 'resolve':
      entry.resolve = true;
      return text === 'resolve';
    default:
      return false;
  }
}

function split(text: string): [string, string] {
  const equals = text.indexOf('=');
  return equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)];
}

/** `host[:port]`, `[ipv6][:port]`, `unix:path`; the port is 80 when absent. */
export function parseAddress(
  text: string,
  defaultPort = 80,
): { host: string; port: number; path: string } | undefined {
  if (text.startsWith('unix:')) {
    const path = text.slice(5);
    return path === '' ? undefined : { host: '', port: 0, path };
  }
  const m = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/.exec(text);
  if (m === null) return undefined;
  const port = m[2] === undefined ? defaultPort : Number(m[2]);
  return port >= 1 && port <= 65_535 ? { host: m[1], port, path: '' } : undefined;
}
