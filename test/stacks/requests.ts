// The requests to a stack: those of its list as they stand, then variations of them until there are enough. The same ones in each run.
import { gzipSync } from 'node:zlib';
import { Random } from '../fuzz/random.ts';

export interface Request {
  /** X-Case of it. */
  readonly id: string;
  readonly isTls: boolean;
  readonly host: string;
  /** Requests of one lane go one after the other. */
  readonly lane: string;
  readonly head: string;
  readonly body: string;
  readonly isTunnel: boolean;
}

interface Draft {
  isTls: boolean;
  method: string;
  target: string;
  version: string;
  host: string;
  fields: string[];
  body: string;
  framing: 'length' | 'chunked' | 'none';
  /** By the target of the list, whatever becomes of it: limits count in order. */
  readonly lane: string;
}

/** A stack's list: `host` lines name the hosts; the others are `[https] METHOD target | Field: value | body=name`. */
export interface RequestList {
  readonly hosts: readonly string[];
  readonly drafts: readonly Draft[];
}

const BODIES: Readonly<Record<string, string>> = {
  none: '',
  form: 'user=me&password=x%20y&next=%2F',
  json: JSON.stringify({ name: 'a name', values: [1, 2, 3] }),
  some: 'b'.repeat(20_000),
  much: 'c'.repeat(90_000),
  huge: 'd'.repeat(400_000),
  zipped: gzipSync('a pack of git '.repeat(50)).latin1Slice(),
};

export function readList(text: string): RequestList {
  const hosts: string[] = [];
  const drafts: Draft[] = [];
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    if (line.startsWith('host ')) hosts.push(...line.slice(5).split(' '));
    else drafts.push(draftOf(line));
  }
  for (const draft of drafts) if (draft.host === '') draft.host = hosts[0];
  return { hosts, drafts };
}

function draftOf(line: string): Draft {
  const [first, ...parts] = line.split(' | ');
  const words = first.split(' ');
  const isTls = words[0] === 'https';
  const [method, target] = isTls ? words.slice(1) : words;
  const lane = /^\/[^/?]*/.exec(target)?.[0] ?? target;
  const draft: Draft = {
    isTls,
    method,
    target,
    version: '1.1',
    host: '',
    fields: [],
    body: '',
    framing: 'none',
    lane,
  };
  for (const part of parts) {
    if (part.startsWith('body=')) setBody(draft, part.slice(5), 'length');
    else if (part.startsWith('chunked=')) setBody(draft, part.slice(8), 'chunked');
    else if (part.startsWith('Host: ')) draft.host = part.slice(6);
    else draft.fields.push(part);
  }
  return draft;
}

function setBody(draft: Draft, name: string, framing: Draft['framing']): void {
  draft.body = BODIES[name];
  draft.framing = framing;
}

/** `count` requests; `seed` is the stack's own. */
export function requestsOf({ hosts, drafts }: RequestList, seed: number, count: number): Request[] {
  const random = new Random(0x57ac, seed);
  return Array.from({ length: count }, (_, i) => {
    const draft = { ...drafts[i % drafts.length] };
    draft.fields = [...draft.fields];
    const isPlain = i < drafts.length || isTunnel(draft);
    // Of two faults each program may tell another one.
    for (let n = isPlain ? 0 : 1 + random.below(2); n > 0; n--) if (vary(draft, random, hosts)) break;
    return requestOf(draft, i);
  });
}

const isTunnel = ({ fields }: Draft): boolean => fields.some((field) => /^upgrade: websocket$/i.test(field));

function requestOf(draft: Draft, i: number): Request {
  const { isTls, method, target, version, host, fields, body, framing } = draft;
  const isChunked = framing === 'chunked' && version === '1.1';
  const framed = isChunked
    ? ['Transfer-Encoding: chunked']
    : framing === 'none'
      ? []
      : [`Content-Length: ${body.length}`];
  const lines = [`${method} ${target} HTTP/${version}`, ...(host === '-' ? [] : [`Host: ${host}`])];
  return {
    id: `c${i}`,
    isTls,
    host,
    lane: draft.lane,
    head: `${[...lines, ...fields, ...framed, `X-Case: c${i}`].join('\r\n')}\r\n\r\n`,
    body: isChunked ? inChunks(body) : body,
    isTunnel: isTunnel(draft),
  };
}

function inChunks(body: string): string {
  const middle = 1 + (body.length >> 1);
  const pieces = [body.slice(0, middle), body.slice(middle)].filter((piece) => piece !== '');
  return `${pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('')}0\r\n\r\n`;
}

const FIELDS: readonly string[] = [
  ...[
    'Accept-Encoding: gzip',
    'Accept-Encoding: gzip, deflate, br',
    'Accept-Encoding: gzip;q=0',
    'Accept-Encoding: *',
  ],
  ...[
    'Range: bytes=0-4',
    'Range: bytes=5-',
    'Range: bytes=-5',
    'Range: bytes=0-1,4-5',
    'Range: bytes=999999-',
    'Range: x=1',
  ],
  ...[
    'Range: bytes=0-0,-1,3-4',
    'If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT',
    'If-Modified-Since: nonsense',
  ],
  ...[
    'If-Modified-Since: Wed, 15 Nov 2023 22:13:20 GMT',
    'If-Unmodified-Since: Mon, 13 Nov 2023 22:13:20 GMT',
  ],
  ...[
    'If-None-Match: *',
    'If-None-Match: "6553f100-5fa"',
    'If-None-Match: W/"6553f100-23"',
    'If-Match: "none"',
    'If-None-Match: "app-1"',
  ],
  ...[
    'Cookie: sessionid=abc; canary=always',
    'Cookie: wordpress_logged_in_x=1',
    'Cookie: canary=never',
    'Cookie:',
  ],
  ...[
    'Authorization: Basic YWRtaW46c2VjcmV0',
    'Authorization: Basic YWRtaW46d3Jvbmc=',
    'Authorization: Bearer t',
    'Authorization: Basic !!',
  ],
  ...[
    'X-Forwarded-For: 203.0.113.9',
    'X-Forwarded-For: 10.0.0.1, 10.0.0.2',
    'X-Forwarded-Proto: https',
    'X-Real-IP: forged',
  ],
  ...[
    'User-Agent: docker/1.4.1 go/go1.3',
    'User-Agent: Mozilla/5.0 (compatible)',
    'User-Agent: DavClnt',
    'Referer: http://example.com/x',
  ],
  ...[
    'Origin: https://www.example.org',
    'Origin: http://evil.test',
    'Accept-Language: de-DE,de;q=0.9',
    'Accept: application/json',
  ],
  ...[
    'apikey: 7B5zIqmRGXmr',
    'apikey: wrong',
    'X-Requested-With: XMLHttpRequest',
    'Cache-Control: no-cache',
    'Pragma: no-cache',
  ],
  ...[
    'Content-Type: application/json',
    'X_Under_Score: dropped',
    'X-Empty:',
    'X-Obs: caf\xe9',
    'DNT: 1',
    'Via: 1.1 cache',
    'TE: trailers',
  ],
  ...['X-Scope-OrgID: tenant', 'X-Long: '.concat('v'.repeat(3000)), 'Keep-Alive: 300', 'Connection: close'],
];

const KINDS =
  'html chunked close json tagged zipped headers login absolute empty same none partial 404 500 503 403 401 created big image'.split(
    ' ',
  );

/** What else is tried of a path. */
const PATHS: readonly ((target: string, host: string) => string)[] = [
  (target) => `${target}${target.includes('?') ? '&' : '?'}v=1`,
  (target) => `${target}?a=1&b=%20x#`.slice(0, -1),
  (target) => `${pathOf(target)}/`,
  (target) => `/${target}`,
  (target) => `/x/..${target}`,
  (target) => `/%2e${target}`,
  (target) => target.replace(/^\/(\w)/, (_all, c: string) => `/%${c.charCodeAt(0).toString(16)}`),
  (target) => `${pathOf(target)}/../../../etc/passwd`,
  (target) => `${pathOf(target)}%00`,
  (target) => `${pathOf(target)}%zz`,
  (target) => `${pathOf(target)}%2Fa%3Fb%25`,
  (target) => `${pathOf(target)}.php`,
  (target) => `${pathOf(target)}/.git/config`,
  (target) => `${pathOf(target)}/${'long/'.repeat(900)}`,
  (target) => `${pathOf(target)}/${'too-long/'.repeat(1200)}`,
  (target) => `${pathOf(target)}/caf%C3%A9%20x`,
  (target) => pathOf(target).toUpperCase(),
  (target, host) => `http://${host}${target}`,
  (target) => `${target}?`,
];

const pathOf = (target: string): string => target.replace(/\?.*/, '');
const METHODS = ['HEAD', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'PROPFIND', 'PURGE'];

/** Whether the request is spoilt now. */
function vary(draft: Draft, random: Random, hosts: readonly string[]): boolean {
  const dice = random.below(100);
  if (dice < 40) setField(draft, random.pick(FIELDS));
  else if (dice < 52) varyMethod(draft, random);
  else if (dice < 70) draft.target = random.pick(PATHS)(draft.target, draft.host);
  else if (dice < 80 && draft.target.startsWith('/')) draft.host = otherHost(draft.host, random, hosts);
  else if (dice < 87) draft.version = '1.0';
  else if (dice < 96) setField(draft, `X-App: ${random.pick(KINDS)}`);
  else spoil(draft, random);
  if (draft.version === '1.0' && random.chance(40)) setField(draft, 'Connection: keep-alive');
  return dice >= 96;
}

/** In the place of one with its name: nginx 1.22 passes only one of several to FastCGI, newer ones all. */
function setField(draft: Draft, field: string): void {
  const name = field.slice(0, field.indexOf(':') + 1);
  draft.fields = [...draft.fields.filter((one) => !one.startsWith(name)), field];
}

function varyMethod(draft: Draft, random: Random): void {
  draft.method = random.pick(METHODS);
  if (!/^P/.test(draft.method) || draft.method === 'PROPFIND') return;
  setBody(
    draft,
    random.pick(['none', 'form', 'form', 'json', 'some', 'much']),
    random.chance(40) ? 'chunked' : 'length',
  );
}

function otherHost(host: string, random: Random, hosts: readonly string[]): string {
  if (/[:.]$|:\d/.test(host)) return hosts[0];
  return random.pick([
    ...hosts,
    host.toUpperCase(),
    `${host}:8080`,
    `${host}.`,
    'unknown.test',
    '127.0.0.1',
    `sub.${host}`,
  ]);
}

/** What no client should send. */
function spoil(draft: Draft, random: Random): void {
  const ways: readonly (() => unknown)[] = [
    () => Object.assign(draft, { host: '-', version: '1.1' }),
    () => draft.fields.push('Host: second.example.com'),
    () => draft.fields.push('If-None-Match: "one"', 'If-None-Match: "two"'),
    () => draft.fields.push('Authorization: Basic YWRtaW46c2VjcmV0', 'Authorization: Bearer x'),
    () => draft.fields.push('no colon here'),
    () => draft.fields.push('Content-Length: abc'),
    () => (draft.version = '3.0'),
    () => (draft.host = 'bad/host'),
    () => draft.fields.push(`X-Too-Long: ${'w'.repeat(9000)}`),
  ];
  random.pick(ways)();
}
