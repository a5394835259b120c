// uwsgi and SCGI apps behind nginx and behind lbproxy: what apps get of a request, byte for byte, and what clients get of their answers.
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import { deadPort } from '../support/upstream.ts';
import { exchangeOnce } from '../support/wire.ts';
import { type AppFamily, type AppPeer, answerWith, startAppPeer } from './app-peer.ts';
import { type Case, chunked, fieldCases, post } from './app-requests.ts';
import { askBoth, type Comparable, type Pair, request, startPair } from './pair.ts';

const PARAMS = `F_param QUERY_STRING $query_string; F_param REQUEST_METHOD $request_method;
  F_param CONTENT_TYPE $content_type; F_param REQUEST_URI $request_uri; F_param PATH_INFO $document_uri;
  F_param SERVER_PROTOCOL $server_protocol; F_param HTTPS $https if_not_empty; F_param REMOTE_ADDR $remote_addr;`;
const OF_FAMILY = {
  uwsgi: `${PARAMS} uwsgi_param CONTENT_LENGTH $content_length;`,
  scgi: `${PARAMS} scgi_param SCGI 1;`,
} as const;
const ONLY = {
  uwsgi: `location /mod/ { uwsgi_modifier1 5; uwsgi_modifier2 255; uwsgi_pass {peer}; }
    location /string/ { uwsgi_string "a b"; uwsgi_pass {peer}; }
    location /scheme/ { uwsgi_pass uwsgi://{peer}; }
    location /scheme2/ { uwsgi_pass UWSGI://tcp; }
    location /scheme3/ { set $to uwsgi://{peer}; uwsgi_pass $to; }
    location /scheme4/ { uwsgi_pass uwsgi://$arg_to; }`,
  scgi: '',
} as const;

const configuration = (family: AppFamily, dead: number): string =>
  `upstream tcp { server {peer} max_fails=0; }
   upstream two { server {peer} max_fails=0; server {peer2} max_fails=0; }
   upstream half { server 127.0.0.1:${dead}; server {peer}; }
   F_cache_path {dir}/cache keys_zone=one:1m;
   server { listen {port}; server_name ref.example; ${OF_FAMILY[family]} gzip_types text/css;
    location / { F_pass {peer}; }
    location /group/ { F_pass tcp; }
    location /half/ { F_pass half; }
    location /dead/ { F_pass 127.0.0.1:${dead}; }
    location /var/ { set $to tcp; F_pass $to; }
    location /varport/ { F_pass 127.0.0.1:$arg_port; }
    location /own/ { ${OF_FAMILY[family]} F_param HTTP_X_A own; F_param HTTP_X_B ""; F_param http_x_c lower;
      F_param HTTP_ACCEPT $arg_a if_not_empty; F_param EMPTY ""; F_param ABSENT $arg_none if_not_empty;
      F_param TWICE 1; F_param TWICE 2; F_param LONG ${'l'.repeat(300)}; F_pass tcp; }
    location /none/ { F_param A b; F_pass tcp; }
    location /bare/ { F_pass_request_headers off; F_pass_request_body off; F_pass tcp; }
    location /stream/ { F_request_buffering off; F_pass tcp; }
    location /unbuffered/ { F_buffering off; F_pass tcp; }
    location /hide/ { F_hide_header X-One; F_pass_header X-Accel-Expires; F_hide_header Server; F_pass_header Status; F_pass tcp; }
    location /ignore/ { F_ignore_headers X-Accel-Redirect X-Accel-Charset; F_pass tcp; }
    location /next/ { F_next_upstream error invalid_header http_503 http_404; F_pass two; }
    location /next2/ { F_next_upstream error non_idempotent http_500; F_next_upstream_tries 1; F_pass two; }
    location /timeout/ { F_read_timeout 1500ms; F_pass tcp; }
    location /small/ { F_buffer_size 512; F_buffers 4 1k; F_pass tcp; }
    location /errors/ { error_page 404 /plain; error_page 500 =200 /plain?x; F_intercept_errors on; F_pass tcp; }
    location /ranges/ { F_force_ranges on; F_pass tcp; }
    location /told/ { F_pass tcp; add_header X-Told "$upstream_http_x_one/$upstream_http_status/$upstream_http_content_type" always; }
    location /gzip/ { gzip on; gzip_min_length 1; F_pass tcp; add_header X-Added $upstream_status; }
    location /store/ { root {dir}; F_store on; F_pass tcp; }
    location /cache/ { F_cache one; F_cache_key $uri; F_cache_valid 1m; F_pass tcp; add_header X-Cache $upstream_cache_status; }
    location /sub/ { mirror /mirrored; F_pass tcp; }
    location = /mirrored { internal; F_pass {peer2}; }
    location ~ ^/regex/(?<rest>.*)$ { F_param REST $rest; F_pass tcp; }
    ${ONLY[family]}
   }`.replaceAll(/(?<![A-Za-z_])F_/g, `${family}_`);

const told = (
  answer: string,
  { target = '/x', method = 'GET', how = 'whole', lines = [] }: Told = {},
): string => request(method, target, [answerWith(answer.replaceAll('\n', '\r\n'), how), ...lines]);

interface Told {
  readonly target?: string;
  readonly method?: string;
  readonly how?: 'whole' | 'steps' | 'open';
  readonly lines?: readonly string[];
}

const REQUESTS: readonly Case[] = [
  ...'/ /x?a=1&b=%20x /%65cho /./x //x /group/x /half/x /dead/x /var/x /varport/x?port=1 /none/x /regex/a%20b /sub/x'
    .split(' ')
    .concat(
      '/own/x /own/x?a=given /bare/x?q /stream/x /unbuffered/x /hide/x /small/x /ranges/x /gzip/x'.split(' '),
    )
    .map((target): Case => [`GET ${target}`, request('GET', target)]),
  ...['/x', '/cache/h', '/gzip/x'].map((target): Case => [`HEAD ${target}`, request('HEAD', target)]),
  ...['PUT', 'DELETE', 'OPTIONS', 'PATCH', 'X-OWN'].map((m): Case => [m, request(m, '/x')]),
  ['POST a form', post('/x?q=1', 'a=1&b=two', ['Content-Type: application/x-www-form-urlencoded'])],
  ['POST nothing', post('/x', '')],
  ['POST without a length', request('POST', '/x')],
  ['POST 16 KB', post('/x', 'y'.repeat(16_384))],
  ['POST 32 KB', post('/group/x', 'z'.repeat(32_768))],
  ['POST 200 KB', post('/x', 'ab'.repeat(100_000))],
  ['POST 900 KB', post('/x', 'abc'.repeat(300_000))],
  ['POST small that streams', post('/stream/x', 'small')],
  ['POST unbuffered', post('/unbuffered/x', 'small')],
  ['POST without its body', post('/bare/x', 'not for you')],
  ['POST to a group with one dead peer', post('/half/x', 'body')],
  ['POST to a mirror', post('/sub/x', 'a body for two')],
  ['POST bytes', post('/x', '\x00\x01\xff\r\n\r\n')],
  ...fieldCases('/x', '/own/x'),
  ['HTTP/1.0', 'GET /x HTTP/1.0\r\n\r\n'],
  [
    'fields that are too many',
    request(
      'GET',
      '/x',
      Array.from({ length: 10 }, () => `X-L: ${'v'.repeat(7000)}`),
    ),
  ],
];

/** What must be read whole first: how it comes to the app is not that of the client. */
const CHUNKED: readonly Case[] = [
  ['POST chunked', chunked('/x', 'a chunked body')],
  ['POST chunked 100 KB', chunked('/x', 'c'.repeat(100_000))],
  ['POST chunked that streams', chunked('/stream/x', 'a chunked body')],
  ['POST chunked of nothing', request('POST', '/x', ['Transfer-Encoding: chunked'], '0\r\n\r\n')],
];

const PAGE = 'Content-Type: text/css\nX-One: 1\nX-Two: 2\n\nbody of the page';
const ANSWERS: readonly (readonly [string, string, Told?])[] = [
  ['only fields', PAGE],
  ['a Status', `Status: 201 Created\n${PAGE}`],
  ['a Status below its fields', `X-A: b\nStatus: 404 Nowhere\n${PAGE}`],
  ['a status line', `HTTP/1.1 202 Fine\n${PAGE}`],
  ['a status line of HTTP/1.0', `HTTP/1.0 404 Not Here\n${PAGE}`],
  ['a status line of another version', `HTTP/22.33 203 Other\n${PAGE}`],
  ['a status line and Status', `HTTP/1.1 500 Bad\nStatus: 200 OK\n${PAGE}`],
  ['a status line with blanks', `HTTP/1.1   405 No\n${PAGE}`],
  ['a status line with a full stop', `HTTP/1.1 403.7 No\n${PAGE}`],
  ['a status line that is none', `HTTP/1.1 4xx No\n${PAGE}`],
  ['a status line that is none, and Status', `HTTP/x\nStatus: 404 Nowhere\n${PAGE}`],
  ['a status line alone', 'HTTP/1.1 200 OK\n\nbare'],
  ['no fields', '\nbody'],
  ['Location', 'Location: http://other.example/x\n\n'],
  ['Location of the site', 'Location: /there?x\n\nmoved'],
  ['Location with a status line', 'HTTP/1.1 200 OK\nLocation: /there\n\nstays'],
  ['an invalid Status', `Status: abc\n${PAGE}`],
  ['a length', `Content-Length: 16\n${PAGE}`],
  ['a length that is too short', `Content-Length: 4\n${PAGE}`],
  ['a length that is too long', `Content-Length: 400\n${PAGE}`],
  ['a length of nothing', 'Content-Length: 0\n\n'],
  ['a length, and the peer stays', `Content-Length: 16\n${PAGE}`, { how: 'open' }],
  ['an invalid length', `Content-Length: many\n${PAGE}`],
  ['204', 'Status: 204 No Content\n\n'],
  ['304', 'Status: 304 Not Modified\nETag: "a"\n\n'],
  ['304 with a body', 'HTTP/1.1 304 Not Modified\n\nnot for you'],
  ['HEAD', `Content-Length: 16\n${PAGE}`, { method: 'HEAD' }],
  ['HEAD without a length', PAGE, { method: 'HEAD' }],
  ['nothing at all', ''],
  ['half a head', 'Content-Type: text/plain\nX-H'],
  ['what is no head', 'garbage that never ends'],
  ['a line without a colon', 'nonsense\n\nbody'],
  [
    'fields that are dropped',
    `Connection: keep-alive\nTransfer-Encoding: chunked\nKeep-Alive: 5\nServer: app\nDate: now\nX-Powered-By: y\n\nbody`,
  ],
  ['in small steps', `HTTP/1.1 200 OK\n${PAGE.repeat(4)}`, { how: 'steps' }],
  ['a Status in small steps', `Status: 418 Teapot\n${PAGE}`, { how: 'steps' }],
  ['a big body', `Content-Type: text/plain\n\n${'0123456789'.repeat(3000)}`],
  [
    'a big body unbuffered',
    `Content-Type: text/plain\n\n${'0123456789'.repeat(3000)}`,
    { target: '/unbuffered/x' },
  ],
  ['cookies', 'Set-Cookie: a=1\nSet-Cookie: b=2\n\nbody'],
  ['hidden fields', `Status: 200 OK\nServer: app\nX-Accel-Expires: 3\n${PAGE}`, { target: '/hide/x' }],
  ['X-Accel-Redirect', 'X-Accel-Redirect: /group/y\n\n'],
  ['X-Accel-Redirect, ignored', 'X-Accel-Redirect: /group/y\n\nstays', { target: '/ignore/x' }],
  [
    'X-Accel fields',
    'X-Accel-Charset: koi8-r\nX-Accel-Limit-Rate: 0\nX-Accel-Buffering: no\nContent-Type: text/html\n\nx',
  ],
  ['503 to the next', 'Status: 503 Later\n\n', { target: '/next/x' }],
  ['503 to nobody, as it is a POST', 'Status: 503 Later\n\n', { target: '/next/x', method: 'POST' }],
  ['404 to the next', 'HTTP/1.1 404 Gone\n\n', { target: '/next/x' }],
  ['an invalid head to the next', 'Status: x\n\n', { target: '/next/x' }],
  ['500, once', 'Status: 500 Bad\n\n', { target: '/next2/x' }],
  ['nothing to the next', '', { target: '/next/x' }],
  ['too late', '', { target: '/timeout/x', how: 'open' }],
  ['half a body, then nothing', 'Content-Type: text/plain\n\nhalf', { target: '/timeout/x', how: 'open' }],
  ['a head that is too large', `X-Large: ${'l'.repeat(600)}\n\nx`, { target: '/small/x' }],
  [
    'a head that is too large for its status line',
    `HTTP/1.1 200 ${'r'.repeat(150)}\nX-Large: ${'l'.repeat(400)}\n\nx`,
    { target: '/small/x' },
  ],
  [
    'a head that just fits behind its status line',
    `HTTP/1.1 200 ${'r'.repeat(50)}\nX-Large: ${'l'.repeat(400)}\n\nx`,
    { target: '/small/x' },
  ],
  ['a head that just fits', `X-Large: ${'l'.repeat(400)}\n\nx`, { target: '/small/x' }],
  ['an intercepted 404', 'Status: 404 Nowhere\n\nmine', { target: '/errors/x' }],
  ['an intercepted 500', 'HTTP/1.1 500 Bad\n\nmine', { target: '/errors/x' }],
  ['a 403 that is not intercepted', 'Status: 403 No\n\nmine', { target: '/errors/x' }],
  ['a range of what has none', `Content-Length: 16\n${PAGE}`, { lines: ['Range: bytes=2-5'] }],
  ['a forced range', `Content-Length: 16\n${PAGE}`, { target: '/ranges/x', lines: ['Range: bytes=2-5'] }],
  ['gzip', PAGE, { target: '/gzip/x', lines: ['Accept-Encoding: gzip'] }],
  ['gzip of a HEAD', PAGE, { target: '/gzip/x', method: 'HEAD', lines: ['Accept-Encoding: gzip'] }],
  [
    'gzip of a 304',
    `Status: 304 Not Modified\nETag: "x"\n\n`,
    { target: '/gzip/x', lines: ['Accept-Encoding: gzip'] },
  ],
  ['variables of the first field', 'X-One: 1\nStatus: 202 Fine\n\nbody', { target: '/told/x' }],
  ['variables of the first field, Status', `Status: 202 Fine\n${PAGE}`, { target: '/told/x' }],
  ['variables behind a status line', `HTTP/1.1 202 Fine\n${PAGE}`, { target: '/told/x' }],
  ['variables of a line without a field', 'X-One\nStatus: 202 Fine\n\nbody', { target: '/told/x' }],
  ['stored', `Status: 200 OK\n${PAGE}`, { target: '/store/x' }],
  [
    'first to the cache',
    `ETag: "a"\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\nContent-Length: 16\n${PAGE}`,
    { target: '/cache/x', lines: ['If-None-Match: "b"', 'Range: bytes=1-2'] },
  ],
  ['from the cache', 'Status: 500 Never\n\n', { target: '/cache/x' }],
  ['a range from the cache', '', { target: '/cache/x', lines: ['Range: bytes=1-2'] }],
  ['304 from the cache', '', { target: '/cache/x', lines: ['If-None-Match: "a"'] }],
  ['what a cache does not store', 'Status: 500 Bad\n\nno', { target: '/cache/y' }],
  ['what a cache did not store', 'Status: 200 Good\n\nyes', { target: '/cache/y' }],
];

const STREAMED = 'ab'.repeat(100_000);

const UPGRADE = (lines: readonly string[]): string =>
  `GET /x HTTP/1.1\r\n${['Host: ref.example', answerWith('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'), ...lines].join('\r\n')}\r\n\r\n`;

const UPGRADES: readonly Case[] = [
  ['a WebSocket', UPGRADE(['Connection: Upgrade', 'Upgrade: websocket'])],
  ['a WebSocket that nobody asked for', UPGRADE(['Connection: close'])],
];

const OF_UWSGI: readonly Case[] = [
  ['POST that streams', post('/stream/x', STREAMED)],
  ...['/mod/x', '/string/x', '/scheme/x', '/scheme2/x', '/scheme3/x', '/scheme4/x?to=tcp'].map(
    (target): Case => [`GET ${target}`, request('GET', target)],
  ),
];

/** What is different, and why. */
const DIFFERENT: Readonly<Record<string, string>> = {
  'a status line with a full stop': 'a status line has a blank behind its number (RFC 9112 §4)',
  'an invalid length': 'nobody knows what was meant: it is no valid answer',
  'a WebSocket that nobody asked for': 'nothing is switched to, and no answer follows',
  'half a body, then nothing': 'what came goes to the client at once',
};

/** gzip in plain text: the programs need not compress alike. */
function unpacked(answer: Comparable): Comparable {
  if (!answer.fields.includes('Content-Encoding: gzip') || answer.body === '') return answer;
  return { ...answer, body: gunzipSync(Buffer.from(answer.body, 'latin1')).latin1Slice() };
}

describe.skipIf(nginxVersion === '').each(['uwsgi', 'scgi'] as const)(
  '%s apps behind nginx and behind lbproxy',
  (family) => {
    const peers: AppPeer[] = [];
    let pair: Pair;
    beforeAll(async () => {
      for (let i = 0; i < 4; i++) peers.push(await startAppPeer(family));
      const [a, b, c, d] = peers.map(({ address }) => address);
      pair = await startPair(configuration(family, await deadPort()), [
        { peer: a, peer2: b },
        { peer: c, peer2: d },
      ]);
    });
    afterAll(async () => {
      await pair?.close();
      for (const peer of peers) await peer.close();
    });

    const cases: readonly Case[] = [
      ...REQUESTS,
      ...CHUNKED,
      ...UPGRADES,
      ...ANSWERS.map(([name, answer, options]): Case => [name, told(answer, options)]),
      ...(family === 'uwsgi' ? OF_UWSGI : []),
    ];
    it.each(cases)('%s', async (name, bytes) => {
      const { nginx, lbproxy } = await askBoth(pair, bytes);
      const [theirs, theirSecond, ours, ourSecond] = peers.map((peer) => peer.taken());
      if (DIFFERENT[name] !== undefined) return expect(lbproxy).not.toEqual(nginx);
      expect(unpacked(lbproxy)).toEqual(unpacked(nginx));
      expect([ours, ourSecond]).toEqual([theirs, theirSecond]);
    });

    it('gets the whole length of a body that streams', async () => {
      // nginx 1.22 was seen to tell SCGI another one.
      await exchangeOnce(pair.lbproxy.port, post('/stream/x', STREAMED));
      const [seen] = peers.flatMap((peer) => peer.taken());
      expect(seen.endsWith(STREAMED)).toBe(true);
      expect(seen).toContain(family === 'scgi' ? 'LENGTH\u0000200000' : 'LENGTH\u0006\u0000200000');
    });
  },
);
