// Options of createBalancer: http-proxy-3's, and `upstream` in nginx's names and units. Read once, when the balancer is made.
import type { ServerOptions } from 'http-proxy-3';
import type { GroupConfig } from '../balance/group.ts';
import type { PeerConfig } from '../balance/peer.ts';
import { parseAddress } from '../balance/rows.ts';
import { BALANCERS, type BalanceMethod, KEYED } from '../balance/table.ts';
import { parseSize, parseTime } from '../config/units.ts';
import { NEXT_WORDS, type NextPolicy, type NextWord } from '../forward/next-upstream.ts';

/** One peer. Times: nginx text (`'10s'`, `'500ms'`) or a number of milliseconds. */
export interface UpstreamServer {
  /** `host:port`, `[ipv6]:port` or `unix:/path`; the port is 80 when absent. */
  readonly address: string;
  /** 1 to 65535; default 1. */
  readonly weight?: number;
  /** Failures within `fail_timeout` that take the peer out; 0 = never; default 1. */
  readonly max_fails?: number;
  /** Default `'10s'`. */
  readonly fail_timeout?: string | number;
  /** Most requests at a time; 0 = no limit, the default. */
  readonly max_conns?: number;
  /** Used only when no other peer can be. */
  readonly backup?: boolean;
  readonly down?: boolean;
}

/** A group of peers, as nginx's `upstream` block and `proxy_next_upstream*`. */
export interface UpstreamOptions {
  /** Default `'round_robin'`. */
  readonly method?: BalanceMethod;
  readonly servers: readonly (string | UpstreamServer)[];
  /** Failures after which a request goes to another peer; default `['error', 'timeout']`. */
  readonly next_upstream?: readonly NextWord[];
  /** Most attempts of one request; 0 = one per peer, the default. */
  readonly next_upstream_tries?: number;
  /** Time in which a further attempt may begin: nginx text or ms; 0 = no limit, the default. */
  readonly next_upstream_timeout?: string | number;
  /** How much of a request's body is kept for a replay: nginx text or bytes; default `'64k'`. */
  readonly body_buffer?: string | number;
}

/** http-proxy-3's options; `upstream` takes the place of `target`. */
export interface BalancerOptions extends ServerOptions {
  readonly upstream?: UpstreamOptions;
}

/** `upstream`, read. */
export interface UpstreamPlan {
  readonly group: GroupConfig;
  readonly next: NextPolicy;
  readonly bodyBufferBytes: number;
}

/** Every word of proxy_next_upstream; one that is missing here does not compile. */
const UPSTREAM_KEYS = [
  'method',
  'servers',
  'next_upstream',
  'next_upstream_tries',
  'next_upstream_timeout',
  'body_buffer',
];
const SERVER_KEYS = ['address', 'weight', 'max_fails', 'fail_timeout', 'max_conns', 'backup', 'down'];

/** What sends a request elsewhere than to a peer, or in a way that cannot be attempted twice. */
const NOT_WITH_UPSTREAM = ['target', 'forward', 'fetch', 'fetchOptions', 'followRedirects'] as const;

/** Reads `options.upstream`; undefined when there is none. Throws a TypeError that names the place and the next step. */
export function readUpstream(options: BalancerOptions): UpstreamPlan | undefined {
  const { upstream } = options;
  if (upstream === undefined) return undefined;
  for (const name of NOT_WITH_UPSTREAM) {
    if (options[name]) wrong(name, `cannot stand beside "upstream"; take one of them away`);
  }
  onlyKeys(upstream, UPSTREAM_KEYS, 'upstream');
  const method = upstream.method ?? 'round_robin';
  // There is nothing that a key could be made of.
  const methods = Object.keys(BALANCERS).filter((name) => !KEYED.has(name as BalanceMethod));
  if (!methods.includes(method)) wrong('upstream.method', oneOf(method, methods));
  if (!Array.isArray(upstream.servers) || upstream.servers.length === 0) {
    wrong('upstream.servers', "needs at least one server, such as ['127.0.0.1:8001']");
  }
  const peers = upstream.servers.map((server, i) => readServer(server, `upstream.servers[${i}]`));
  return {
    group: { name: 'upstream', id: 'upstream', method, peers },
    next: {
      words: readWords(upstream.next_upstream ?? ['error', 'timeout']),
      tries: count(upstream.next_upstream_tries ?? 0, 'upstream.next_upstream_tries'),
      timeoutMs: timeMs(upstream.next_upstream_timeout ?? 0, 'upstream.next_upstream_timeout'),
    },
    bodyBufferBytes: sizeBytes(upstream.body_buffer ?? '64k', 'upstream.body_buffer'),
  };
}

/** http-proxy-3 looks a cookie's domain up as a member of the object: `constructor`, which a peer can send, is not to be found. */
export function ownNamesOnly(options: ServerOptions): ServerOptions {
  const { cookieDomainRewrite: domain, cookiePathRewrite: path } = options;
  if (domain === undefined && path === undefined) return options;
  return { ...options, cookieDomainRewrite: bare(domain), cookiePathRewrite: bare(path) };
}

function bare(rewrite: ServerOptions['cookiePathRewrite']): ServerOptions['cookiePathRewrite'] {
  if (rewrite === undefined || rewrite === false) return rewrite;
  return Object.assign(Object.create(null), typeof rewrite === 'string' ? { '*': rewrite } : rewrite);
}

function readServer(server: string | UpstreamServer, where: string): PeerConfig {
  const entry: UpstreamServer = typeof server === 'string' ? { address: server } : server;
  onlyKeys(entry, SERVER_KEYS, where);
  const { address } = entry;
  const parsed = typeof address === 'string' ? parseAddress(address) : undefined;
  if (parsed === undefined) {
    return wrong(where, `"${String(address)}" is no address; write host:port, [ipv6]:port or unix:/path`);
  }
  const { host, port, path } = parsed;
  const weight = count(entry.weight ?? 1, `${where}.weight`);
  if (weight < 1 || weight > 65_535) wrong(`${where}.weight`, `is ${weight}; it goes from 1 to 65535`);
  return {
    address: path === '' ? { kind: 'tcp', host: host.replace(/^\[|\]$/g, ''), port } : { kind: 'unix', path },
    name: path === '' ? `${host}:${port}` : `unix:${path}`,
    weight,
    maxFails: count(entry.max_fails ?? 1, `${where}.max_fails`),
    failTimeoutMs: timeMs(entry.fail_timeout ?? '10s', `${where}.fail_timeout`),
    maxConns: count(entry.max_conns ?? 0, `${where}.max_conns`),
    backup: entry.backup === true,
    down: entry.down === true,
  };
}

function readWords(words: readonly NextWord[]): NextWord[] {
  if (!Array.isArray(words)) wrong('upstream.next_upstream', "is a list, such as ['error', 'timeout']");
  for (const word of words) {
    if (!NEXT_WORDS.includes(word)) {
      wrong('upstream.next_upstream', oneOf(word, NEXT_WORDS));
    }
  }
  return words.filter((word) => word !== 'off');
}

function count(value: number, where: string): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  return wrong(where, `is ${JSON.stringify(value)}; write a whole number that is not negative`);
}

function timeMs(value: string | number, where: string): number {
  const ms = typeof value === 'string' ? parseTime(value) : value;
  if (typeof ms === 'number' && ms >= 0 && Number.isFinite(ms)) return ms;
  return wrong(where, `is ${JSON.stringify(value)}; write milliseconds, or text such as '10s' or '500ms'`);
}

function sizeBytes(value: string | number, where: string): number {
  const bytes = typeof value === 'string' ? parseSize(value) : value;
  if (Number.isSafeInteger(bytes) && Number(bytes) >= 0) return Number(bytes);
  return wrong(where, `is ${JSON.stringify(value)}; write bytes, or text such as '64k' or '1m'`);
}

function onlyKeys(object: object, known: readonly string[], where: string): void {
  for (const key of Object.keys(object)) {
    if (!known.includes(key)) wrong(where, oneOf(key, known));
  }
}

function oneOf(word: string, known: readonly string[]): string {
  return `"${word}" is unknown; there are ${known.join(', ')}`;
}

function wrong(where: string, what: string): never {
  throw new TypeError(`${where}: ${what}`);
}
