// Every variable in log_format and in proxy_set_header: the same value as nginx's for the same bytes, or the same shape where the value
// is a time, a port or a number of the program itself.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFiles, TYPES_BLOCK } from '../serve/site.ts';
import { nginxVersion } from '../support/nginx.ts';
import { rawClient } from '../support/raw-client.ts';
import { deadPort, type TestPeer } from '../support/upstream.ts';
import { exchangeOnce } from '../support/wire.ts';
import { answerWith, startEchoPeer } from './echo-peer.ts';
import { type Pair, request, type Side, startPair } from './pair.ts';

const EQUAL = [
  'host',
  'http_host',
  'http_user_agent',
  'http_x_several',
  'http_x_missing',
  'remote_addr',
  'scheme',
  'request_uri',
  'uri',
]
  .concat([
    'args',
    'query_string',
    'arg_a',
    'arg_B',
    'arg_missing',
    'request_method',
    'server_name',
    'server_port',
    'server_addr',
  ])
  .concat([
    'request',
    'is_args',
    'document_uri',
    'hostname',
    'proxy_host',
    'proxy_port',
    'proxy_add_x_forwarded_for',
    'server_protocol',
  ])
  .concat([
    'content_length',
    'content_type',
    'cookie_id',
    'Cookie_ID',
    'HTTP_User_Agent',
    'Request_Method',
    'cookie_none',
    'remote_user',
    'https',
    'http2',
    'connection_requests',
    'made',
    'http_cookie',
  ]);
/** Known once the answer is. */
const EQUAL_AT_END = [
  'status',
  'upstream_addr',
  'upstream_status',
  'request_length',
  'sent_http_content_type',
  'sent_http_location',
];
const SHAPES: Readonly<Record<string, RegExp>> = {
  remote_port: /^\d+$/,
  time_local: /^\d{2}\/[A-Z][a-z]{2}\/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4}$/,
  time_iso8601: /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}[+-]\d{2}:\d{2}$/,
  msec: /^\d+\.\d{3}$/,
  request_time: /^\d+\.\d{3}$/,
  request_id: /^[0-9a-f]{32}$/,
  connection: /^\d+$/,
  pid: /^\d+$/,
  nginx_version: /^1\.\d+\.\d+$/,
  bytes_sent: /^\d+$/,
  body_bytes_sent: /^\d+$/,
  // The peer tells the numbers above, which are not as long on both sides.
  upstream_bytes_received: /^(?:\d+(?:, \d+)*|-)$/,
};
/** Times of attempts: the same number of them, with the same gaps. */
const TIMES = ['upstream_response_time', 'upstream_connect_time', 'upstream_header_time'];
const LOGGED = [...EQUAL, ...EQUAL_AT_END, ...Object.keys(SHAPES), ...TIMES];
const SENT = [...EQUAL, ...Object.keys(SHAPES)].filter(
  (name) => !/bytes|request_time|^msec|time_/.test(name),
);

const fieldName = (variable: string): string => `V-${variable.replaceAll('_', '-')}`;

type Case = readonly [name: string, bytes: string];
const CASES: Case[] = [
  ['plain', request('GET', '/p/x')],
  ['arguments', request('GET', '/p/x?a=1&b=two&A=3&a=4&empty=&flag')],
  ['escaped arguments', request('GET', '/p/x?a=%20+%22&b')],
  ['a question mark alone', request('GET', '/p/x?')],
  ['escaped path', request('GET', '/p/caf%C3%A9%20%22x/../y//z')],
  [
    'fields',
    request('GET', '/p/x', [
      'User-Agent: me "too" \u00e9',
      'X-Several: 1',
      'X-Several: 2',
      'Cookie: a=1; id=abc; b=2',
    ]),
  ],
  ['cookies in another case', request('GET', '/p/x', ['Cookie: a=1, ID = x y ; b=2'])],
  ['a cookie without a value', request('GET', '/p/x', ['Cookie: id; xid=1; id=; id=2'])],
  ['two Cookie fields', request('GET', '/p/x', ['Cookie: a=1', 'Cookie: id=second'])],
  [
    'forwarded before',
    request('GET', '/p/x', ['X-Forwarded-For: 192.0.2.1, 192.0.2.2', 'X-Forwarded-For: 192.0.2.3']),
  ],
  ['credentials', request('GET', '/p/x', ['Authorization: Basic dXNlcjpwYXNz'])],
  ['another Host', 'GET /p/x HTTP/1.1\r\nHost: Some.Example:8080\r\nConnection: close\r\n\r\n'],
  ['Host with a final dot', 'GET /p/x HTTP/1.1\r\nHost: some.example.\r\nConnection: close\r\n\r\n'],
  ['IPv6 Host', 'GET /p/x HTTP/1.1\r\nHost: [::1]:99\r\nConnection: close\r\n\r\n'],
  ['no Host', 'GET /p/x HTTP/1.0\r\n\r\n'],
  ['absolute target', 'GET http://Abs.example:77/p/x?y HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'],
  ['body', request('POST', '/p/x', ['Content-Length: 3', 'Content-Type: text/plain'], 'abc')],
  ['chunked body', request('POST', '/p/x', ['Transfer-Encoding: chunked'], '3\r\nabc\r\n0\r\n\r\n')],
  ['HEAD', request('HEAD', '/p/x')],
  [
    'status of the peer',
    request('GET', '/p/x', [
      answerWith('HTTP/1.1 404 Not Found\r\nContent-Type: text/x\r\nContent-Length: 1\r\n\r\nx'),
    ]),
  ],
  [
    'redirect of the peer',
    request('GET', '/p/x', [
      answerWith('HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n'),
    ]),
  ],
  ['two peers refuse', request('GET', '/retry/x')],
  ['all peers refuse', request('GET', '/dead/x')],
  [
    'peers that answer 503',
    request('GET', '/next/x', [answerWith('HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n')]),
  ],
  ['a peer that closes', request('GET', '/p/x', [answerWith('')])],
  ['POST to a peer that closes', request('POST', '/next/x', [answerWith(''), 'Content-Length: 1'], 'x')],
  ['a file', request('GET', '/small.txt?a=1')],
  ['an index file', request('GET', '/second/')],
  ['no file', request('GET', '/nothing')],
  ['text', request('GET', '/text?a=1')],
  ['rewritten', request('GET', '/rewritten/x?a=1')],
  ['a bad request', 'GET /p/x HTTP/1.1\r\nHost: a b\r\n\r\n'],
  ['no request at all', 'G\0T /p/x HTTP/1.1\r\nHost: a\r\n\r\n'],
];

/** Variables of a case that mean to differ, and why. */
const DIFFERENT: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  fields: { http_x_several: 'values of fields with the same name are joined since nginx 1.23.0' },
  'absolute target': { http_host: 'the authority of the target replaces the field (RFC 9112)' },
  'a bad request': {
    ...Object.fromEntries(
      ['http_host', 'request_length'].map((v) => [v, 'nothing of a refused head is kept']),
    ),
  },
  'no request at all': { request: 'nothing of a refused head is kept' },
};

describe.skipIf(nginxVersion === '')('variables have the values of nginx', () => {
  const files = makeFiles();
  let peer: TestPeer;
  let pair: Pair;
  beforeAll(async () => {
    peer = await startEchoPeer();
    pair = await startPair(configuration(files.root, peer.port, await deadPort(), await deadPort()));
  });
  afterAll(async () => {
    await pair?.close();
    await peer?.close();
    files.remove();
  });

  it.each(CASES)('%s', async (name, bytes) => {
    const [theirs, ours] = [await runOn(pair.nginx, bytes), await runOn(pair.lbproxy, bytes)];
    compare(name, ours.logged, theirs.logged);
    compare(name, ours.sent, theirs.sent);
  });

  it('$connection_requests counts, and $connection stays', async () => {
    const seen: Record<string, string>[][] = [];
    for (const side of [pair.nginx, pair.lbproxy]) {
      const client = rawClient(side.port);
      for (let i = 1; i <= 3; i++) {
        client.write('GET /text HTTP/1.1\r\nHost: a\r\n\r\n');
        await client.until((text) => text.split('the text').length === i + 1);
      }
      client.destroy();
      // A line is written behind its answer.
      await expect
        .poll(() => linesOf(side).slice(-3), { timeout: 5000 })
        .toMatchObject(['1', '2', '3'].map((number) => ({ connection_requests: number })));
      seen.push(linesOf(side).slice(-3));
    }
    for (const lines of seen) {
      expect(new Set(lines.map((line) => line.connection)).size).toBe(1);
      expect(new Set(lines.map((line) => line.remote_port)).size).toBe(1);
      expect(new Set(lines.map((line) => line.request_id)).size).toBe(3);
    }
  });
});

type Values = Readonly<Record<string, string>>;

function compare(name: string, ours: Values, theirs: Values): void {
  for (const variable of Object.keys(DIFFERENT[name] ?? {})) {
    if (variable in theirs) expect(ours[variable]).not.toBe(theirs[variable]);
  }
  const kept = (values: Values): Values =>
    Object.fromEntries(
      Object.entries(values).flatMap(([variable, value]) => {
        if (DIFFERENT[name]?.[variable] !== undefined) return [];
        const shape = SHAPES[variable];
        if (shape !== undefined) return [[variable, shape.test(value) ? 'right shape' : value]];
        return [[variable, TIMES.includes(variable) ? value.replaceAll(/\d+\.\d{3}/g, 'TIME') : value]];
      }),
    );
  expect(kept(ours)).toEqual(kept(theirs));
}

/** What the side logged of a request, and what its peer got. */
async function runOn(side: Side, bytes: string): Promise<{ logged: Values; sent: Values }> {
  const before = linesOf(side).length;
  const answer = await exchangeOnce(side.port, bytes);
  const lines = await until(
    () => linesOf(side),
    (all) => all.length > before,
  );
  const sent = answer.body.split('\n').flatMap((line) => {
    const m = /^V-([^:]+): (.*)$/.exec(line);
    return m === null ? [] : [[m[1].toLowerCase().replaceAll('-', '_'), m[2]] as const];
  });
  // An id, or a time, may have the digits of the port in it by chance.
  const renamed = (name: string, value: string): string =>
    name in SHAPES ? value : value.replaceAll(String(side.port), 'PORT');
  const rename = (values: Values): Values =>
    Object.fromEntries(Object.entries(values).map(([k, v]) => [k, renamed(k, v)]));
  return { logged: rename(lines[lines.length - 1]), sent: rename(Object.fromEntries(sent)) };
}

/** Lines of the log as maps. */
function linesOf(side: Side): Record<string, string>[] {
  side.flush();
  const text = readFileSync(join(side.dir, 'variables.log'), 'latin1');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => Object.fromEntries([...line.matchAll(/(\w+)="([^"]*)"/g)].map((m) => [m[1], m[2]])));
}

async function until<T>(read: () => T, test: (value: T) => boolean): Promise<T> {
  for (const end = performance.now() + 3000; ; ) {
    const value = read();
    if (test(value)) return value;
    if (performance.now() > end) throw new Error('nothing was logged');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function configuration(root: string, peer: number, dead: number, dead2: number): string {
  const format = LOGGED.map((name) => `'${name}="$${name}" '`).join(' ');
  const set = SENT.map((name) => `proxy_set_header ${fieldName(name)} $${name};`).join('\n');
  return `${TYPES_BLOCK} log_format all ${format};
    upstream live { server 127.0.0.1:${peer}; }
    upstream retry { server 127.0.0.1:${dead} max_fails=0 weight=3; server 127.0.0.1:${dead2} max_fails=0 weight=2; server 127.0.0.1:${peer}; }
    upstream dead { server 127.0.0.1:${dead} max_fails=0; server 127.0.0.1:${dead2} max_fails=0; }
    upstream next { server 127.0.0.1:${peer} max_fails=0; server 127.0.0.2:${peer} max_fails=0; }
    proxy_http_version 1.1;
    server { listen {port}; server_name ref.example other.example; root ${root}; set $made "made of $arg_a";
      access_log {dir}/variables.log all;
      ${set}
      location /p/ { proxy_pass http://live; }
      location /retry/ { proxy_pass http://retry; }
      location /dead/ { proxy_pass http://dead; }
      location /next/ { proxy_pass http://next; proxy_next_upstream error timeout http_503; }
      location /text { return 200 "the text"; }
      location /rewritten/ { rewrite ^/rewritten/(.*)$ /p/$1?b=new last; }
    }`;
}
