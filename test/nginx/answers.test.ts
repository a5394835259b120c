// Whole answers of lbproxy and of nginx to the same bytes, through both real fronts: files, ranges, conditions, redirects, returns,
// location matching, rewrites, conditions, errors. Every field but Server and Date must be the same.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFiles, TYPES_BLOCK } from '../serve/site.ts';
import { nginxVersion } from '../support/nginx.ts';
import { askBoth, type Pair, request, startPair } from './pair.ts';

const MTIME = 'Tue, 14 Nov 2023 22:13:20 GMT';
const BEFORE = 'Tue, 14 Nov 2023 22:13:19 GMT';
/** Of small.txt. */
const ETAG = '"6553f100-24"';

type Case = readonly [name: string, bytes: string];

const get = (target: string, ...lines: string[]): Case => [
  ['GET', target, ...lines].join(' '),
  request('GET', target, lines),
];
const head = (target: string, ...lines: string[]): Case => [
  ['HEAD', target, ...lines].join(' '),
  request('HEAD', target, lines),
];
const send = (method: string, target: string, lines: string[], body = ''): Case => [
  [method, target, ...lines, body.slice(0, 20)].join(' '),
  request(method, target, lines, body),
];
const raw = (name: string, bytes: string): Case => [name, bytes];

const FILES: Case[] = [
  ...[
    '/',
    '/small.txt',
    '/empty.txt',
    '/big.bin',
    '/PIC.JPG',
    '/noext',
    '/second/',
    '/pics',
    '/pics?a=b',
    '/pics/',
  ].flatMap((target) => [get(target), head(target)]),
  ...[
    '/nothing',
    '/noindex/',
    '/noindex',
    '/small.txt/',
    '/small.txt/x',
    '/al/1.jpg',
    '/al/',
    '/sp%20ace%20%C3%A9%22%3Cx%3E.txt',
  ].map((target) => get(target)),
  send('POST', '/small.txt', ['Content-Length: 3'], 'abc'),
  send('PUT', '/small.txt', ['Content-Length: 3'], 'abc'),
  send('DELETE', '/small.txt', []),
  send('OPTIONS', '/small.txt', []),
  send('POST', '/nothing', ['Content-Length: 3'], 'abc'),
];

const RANGES: Case[] = [
  ...[
    '0-9',
    '5-',
    '-5',
    '0-0',
    '35-35',
    '36-',
    '0-100',
    '9-5',
    '-0',
    '0-1,3-4',
    '0-1,100-',
    '-0,-1',
    'x',
    '0-9,',
    '-100',
  ].flatMap((r) => [get('/small.txt', `Range: bytes=${r}`)]),
  head('/small.txt', 'Range: bytes=0-9'),
  get('/small.txt', 'Range: lines=0-9'),
  get('/small.txt', 'Range: bytes=0-9', `If-Range: ${ETAG}`),
  get('/small.txt', 'Range: bytes=0-9', 'If-Range: "other"'),
  get('/small.txt', 'Range: bytes=0-9', `If-Range: ${MTIME}`),
  get('/small.txt', 'Range: bytes=0-9', `If-Range: ${BEFORE}`),
  get('/norange/small.txt', 'Range: bytes=0-9'),
  get('/expires/max/small.txt', 'Range: bytes=0-9'),
  get('/nothing', 'Range: bytes=0-9'),
];

const CONDITIONS: Case[] = [
  get('/small.txt', `If-Modified-Since: ${MTIME}`),
  get('/small.txt', `If-Modified-Since: ${BEFORE}`),
  get('/small.txt', 'If-Modified-Since: nonsense'),
  get('/small.txt', `If-None-Match: ${ETAG}`),
  get('/small.txt', `If-None-Match: W/${ETAG}`),
  get('/small.txt', 'If-None-Match: *'),
  get('/small.txt', `If-None-Match: "a", ${ETAG}`),
  get('/small.txt', 'If-None-Match: "a"', `If-Modified-Since: ${MTIME}`),
  get('/small.txt', `If-Unmodified-Since: ${BEFORE}`),
  get('/small.txt', `If-Unmodified-Since: ${MTIME}`),
  get('/small.txt', 'If-Match: "a"'),
  get('/small.txt', `If-Match: ${ETAG}`),
  get('/small.txt', 'If-Match: *'),
  head('/small.txt', `If-None-Match: ${ETAG}`),
  get('/expires/max/small.txt', `If-None-Match: ${ETAG}`),
];

const LOCATIONS: Case[] = [
  ...[
    '/m',
    '/m/',
    '/m/x',
    '/m/inner/',
    '/m/inner/y',
    '/m/re7',
    '/m/re',
    '/m/exact',
    '/m/exact/',
    '/m/final/a.php',
    '/m/a.php',
  ],
  ...[
    '/a.php',
    '/a.PHP',
    '/a.gif',
    '/a.GIF',
    '/m/a.png',
    '/m/inner/a.png',
    '/m/inner/x.PNG',
    '/m/final',
    '//m//x',
    '/m/../m/x',
  ],
  ...[
    '/m/%2e%2e/m/x',
    '/m/./x',
    '/m/x/..',
    '/m/x/.',
    '/m/%65xact',
    '/M/x',
    '/named/42/x',
    '/m/x%2Fy',
    '/m/../../x',
    '/m/%',
    '/m/%0',
  ],
  ...[
    '/m/%zz',
    '/m/%00',
    '/m/a%20b',
    '/m/caf%C3%A9',
    '/m/x?y',
    '/m/x?',
    '/m/x??a',
    '/m/x?a=1&b=2&A=3',
    '/m/a+b',
    '/...',
    '/m/..x',
  ],
  ...[
    '/m/%2F%2F',
    '/m/x%3Fy',
    '/m/x%23y',
    '/m/;a=b',
    '/a%2ephp',
    '/only/get',
    '/deep/one/two/three',
    '/deep/one/two',
    '/deep/one/x.php',
  ],
].map((target) => get(target));

const RETURNS: Case[] = [
  ...[
    200, 201, 204, 301, 302, 303, 307, 308, 400, 401, 402, 403, 404, 405, 408, 410, 413, 414, 416, 418, 429,
    444, 500, 501, 502, 503, 504,
  ]
    .concat([206, 304, 299, 599, 497, 494, 499])
    .flatMap((status) => [get(`/return/${status}`), get(`/text/${status}`)]),
  ...[
    '/to/path',
    '/to/url',
    '/to/scheme',
    '/to/vars?x=1',
    '/to/rel',
    '/to/code',
    '/to/308',
    '/to/noslash',
    '/to/utf8',
    '/to/crlf%0d%0aX:y',
  ].flatMap((t) => [get(t), head(t)]),
  head('/text/200'),
  send('POST', '/text/200', ['Content-Length: 3'], 'abc'),
  send('POST', '/return/403', ['Content-Length: 3'], 'abc'),
];

const REWRITES: Case[] = [
  ...[
    'last',
    'noflag',
    'redirect',
    'permanent',
    'full',
    'scheme',
    'query',
    'noquery',
    'qredir',
    'loop',
    'breakdir',
    'chain',
  ].flatMap((kind) =>
    ['x', 'a/b', 'x?q=1', 'a%20b', 'caf%C3%A9', 'a%2Fb', 'a+b', 'a%3Fb', 'a%26b', 'a%25b'].map((t) =>
      get(`/r/${kind}/${t}`),
    ),
  ),
  get('/r/break/x'),
  get('/r/breakthen/x'),
  get('/r/breakword/small.txt'),
  get('/server-rewritten'),
  get('/server-moved?x=1'),
  get('/r/caseless/ABC'),
];

const IFS: Case[] = [
  ...[
    '/if/args',
    '/if/args?a=x',
    '/if/args?a=0',
    '/if/args?a=',
    '/if/args?a=1',
    '/if/eq?a=yes',
    '/if/eq?a=no',
    '/if/ne?a=yes',
    '/if/ne?a=no',
  ],
  ...[
    '/if/file/small.txt',
    '/if/file/none',
    '/if/nofile/small.txt',
    '/if/nofile/none',
    '/if/dir/pics',
    '/if/dir/small.txt',
    '/if/exists/pics',
  ],
  ...[
    '/if/expires/small.txt',
    '/if/expires/small.txt?v=1',
    '/if/break?a=1',
    '/if/break',
    '/if/set?a=1',
    '/if/set',
    '/if/nested?a=1',
    '/if/rewrite?a=1',
  ],
  ...[
    '/if/rewrite',
    '/if/both?a=1&b=1',
    '/if/both?a=1',
    '/if/both?b=1',
    '/if/return?a=301',
    '/if/exec/small.txt',
    '/if/root/small.txt?a=1',
    '/if/goon?a=1',
    '/if/goon',
    '/if/two?a=1',
    '/if/captures/abc?a=zz',
  ],
]
  .map((target) => get(target))
  .concat([
    get('/if/match', 'X-Test: foobar'),
    get('/if/match', 'X-Test: FOObar'),
    get('/if/match', 'X-Test: bar'),
    get('/if/nomatch', 'X-Test: foo'),
    get('/if/nomatch', 'X-Test: bar'),
    send('POST', '/if/method', ['Content-Length: 0']),
    send('GET', '/if/method', []),
    get('/if/host'),
    get('/if/cookie', 'Cookie: a=1; id=abc; b=2'),
  ]);

const ERRORS: Case[] = [
  raw('no Host', 'GET /m/x HTTP/1.1\r\n\r\n'),
  raw('two Hosts', 'GET /m/x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'),
  raw('bad Host', 'GET /m/x HTTP/1.1\r\nHost: a/b\r\n\r\n'),
  raw('empty Host', 'GET /m/x HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n'),
  raw('empty Host 1.0', 'GET /m/x HTTP/1.0\r\nHost:\r\n\r\n'),
  raw('bad method', 'G(T /m/x HTTP/1.1\r\nHost: a\r\n\r\n'),
  raw('lower-case method', 'get /m/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'),
  raw('no slash', 'GET m/x HTTP/1.1\r\nHost: a\r\n\r\n'),
  raw('bad version', 'GET /m/x HTTQ/1.1\r\nHost: a\r\n\r\n'),
  raw('version 2.0', 'GET /m/x HTTP/2.0\r\nHost: a\r\n\r\n'),
  raw('version 1.2', 'GET /m/x HTTP/1.2\r\nHost: a\r\nConnection: close\r\n\r\n'),
  raw('CONNECT', 'CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n'),
  raw('TRACE', 'TRACE /m/x HTTP/1.1\r\nHost: a\r\n\r\n'),
  raw('asterisk', 'OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'),
  raw('absolute target', 'GET http://other.example/m/x?y HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'),
  raw('absolute without path', 'GET http://other.example HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'),
  raw(
    'CL and TE',
    'POST /m/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ),
  raw('two CL', 'POST /m/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc'),
  raw('bad CL', 'POST /m/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3x\r\n\r\nabc'),
  raw('negative CL', 'POST /m/x HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\nabc'),
  raw('unknown TE', 'POST /m/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\nabc'),
  raw('TE in 1.0', 'POST /m/x HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
  raw('space before colon', 'GET /m/x HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n'),
  raw('folded', 'GET /m/x HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n'),
  raw('NUL in value', 'GET /m/x HTTP/1.1\r\nHost: a\r\nX: y\0z\r\n\r\n'),
  raw('long request line', `GET /${'x'.repeat(9000)} HTTP/1.1\r\nHost: a\r\n\r\n`),
  raw('long query', `GET /m/x?${'x'.repeat(9000)} HTTP/1.1\r\nHost: a\r\n\r\n`),
  raw(
    'line just short enough',
    `GET /m/x?${'x'.repeat(8100)} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
  ),
  raw('long field', `GET /m/x HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(9000)}\r\n\r\n`),
  raw('long head', `GET /m/x HTTP/1.1\r\nHost: a\r\n${`X: ${'x'.repeat(8000)}\r\n`.repeat(5)}\r\n`),
  send('POST', '/m/x', ['Content-Length: 1000000000']),
  send('POST', '/small-body/x', ['Content-Length: 11'], 'x'.repeat(11)),
  send('POST', '/small-body/x', ['Content-Length: 10'], 'x'.repeat(10)),
  raw('1.0', 'GET /small.txt HTTP/1.0\r\n\r\n'),
  raw('1.0 with Host', 'GET /pics HTTP/1.0\r\nHost: Some.Example:99\r\n\r\n'),
  raw('1.0 redirect without Host', 'GET /pics HTTP/1.0\r\n\r\n'),
  raw('1.0 keep-alive', 'GET /small.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n'),
  raw('1.1 keep-alive', 'GET /small.txt HTTP/1.1\r\nHost: a\r\n\r\n'),
  raw('1.1 keep-alive of an error', 'GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n'),
  raw('1.0 HEAD', 'HEAD /small.txt HTTP/1.0\r\n\r\n'),
  raw('0.9', 'GET /m/x\r\n\r\n'),
  raw('lone LF', 'GET /m/x HTTP/1.1\nHost: a\nConnection: close\n\n'),
  raw('leading empty line', '\r\nGET /m/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'),
  raw(
    'Expect',
    'POST /m/x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc',
  ),
  raw('unknown Expect', 'GET /m/x HTTP/1.1\r\nHost: a\r\nExpect: more\r\nConnection: close\r\n\r\n'),
];

const EXPIRES: Case[] = [
  '30d',
  'minus',
  'epoch',
  'max',
  'off',
  'daily',
  'modified',
  'zero',
  'variable',
  'errors/nothing',
  'text',
  'redirect',
]
  .map((kind) => (kind.includes('/') ? `/expires/${kind}` : `/expires/${kind}/small.txt`))
  .flatMap((target) => [get(target), head(target)]);

/** Where lbproxy means to differ: the status line it gives, and why. */
const DIFFERENT: Readonly<Record<string, readonly [statusLine: string, why: string]>> = {
  'GET /return/301': ['HTTP/1.1 301 Moved Permanently', 'an empty Location says nothing: none is sent'],
  'GET /return/302': ['HTTP/1.1 302 Moved Temporarily', 'the same'],
  'GET /return/303': ['HTTP/1.1 303 See Other', 'the same'],
  'GET /return/307': ['HTTP/1.1 307 Temporary Redirect', 'the same'],
  'GET /return/308': ['HTTP/1.1 308 Permanent Redirect', 'the same'],
  'GET /to/noslash': ['HTTP/1.1 301 Moved Permanently', 'the same'],
  'HEAD /to/noslash': ['HTTP/1.1 301 Moved Permanently', 'the same'],
  'GET /return/304': ['HTTP/1.1 304 Not Modified', 'a 304 describes no body of its own'],
  'GET /text/304': ['HTTP/1.1 304 Not Modified', 'the same'],
  'GET /to/crlf%0d%0aX:y': ['HTTP/1.1 302 Moved Temporarily', 'a variable never ends a field'],
  'HEAD /to/crlf%0d%0aX:y': ['HTTP/1.1 302 Moved Temporarily', 'the same'],
  'lower-case method': ['HTTP/1.1 200 OK', 'methods are tokens of any case (RFC 9110)'],
  CONNECT: ['HTTP/1.1 405 Not Allowed', 'a known method that is not served here'],
  asterisk: ['HTTP/1.1 405 Not Allowed', 'OPTIONS * is valid; nothing here answers it'],
  'unknown TE': ['HTTP/1.1 400 Bad Request', 'all framing that is not understood gets 400'],
  'long field': ['HTTP/1.1 400 Bad Request', 'the plain page of 400'],
  'long head': ['HTTP/1.1 400 Bad Request', 'the plain page of 400'],
  0.9: ['HTTP/1.1 400 Bad Request', 'HTTP/0.9 is not spoken'],
  Expect: ['HTTP/1.1 200 OK', 'no 100 to a body that nobody reads'],
  'unknown Expect': ['HTTP/1.1 417 Expectation Failed', 'RFC 9110 allows 417, which tells the client'],
};

describe.skipIf(nginxVersion === '')('lbproxy answers as nginx', () => {
  const files = makeFiles();
  let pair: Pair;
  beforeAll(async () => {
    pair = await startPair(configuration(files.root));
  });
  afterAll(async () => {
    await pair?.close();
    files.remove();
  });

  for (const [what, cases] of Object.entries({
    FILES,
    RANGES,
    CONDITIONS,
    LOCATIONS,
    RETURNS,
    REWRITES,
    IFS,
    ERRORS,
    EXPIRES,
  })) {
    it.each(cases)(`${what.toLowerCase()}: %s`, async (name, bytes) => {
      const { nginx, lbproxy } = await askBoth(pair, bytes);
      const different = DIFFERENT[name];
      if (different === undefined) return expect(lbproxy).toEqual(nginx);
      expect(lbproxy.status).toBe(different[0]);
      expect(lbproxy).not.toEqual(nginx);
    });
  }
});

function configuration(root: string): string {
  const numbers = RETURNS.flatMap(([name]) => /\/(?:return|text)\/(\d+)/.exec(name)?.[1] ?? []);
  const returns = [...new Set(numbers)].map(
    (status) => `location = /return/${status} { return ${status}; }
      location = /text/${status} { return ${status} "text of ${status} $uri"; }`,
  );
  return `${TYPES_BLOCK} default_type application/octet-stream; root ${root};
    server { listen {port}; server_name ref.example other.example;
      rewrite ^/server-rewritten$ /m/rewritten;
      rewrite ^/server-moved$ /m/moved permanent;
      location /norange/ { alias ${root}/; max_ranges 0; }
      location /al/ { alias ${root}/pics/; }
      location /small-body/ { client_max_body_size 10; return 200 "fits"; }
      ${LOCATION_BLOCKS} ${returns.join('\n')} ${REWRITE_BLOCKS} ${ifBlocks(root)} ${expiresBlocks(root)} } `;
}

const SHOW = '"$uri|$args|$is_args|$request_uri|$1\\n"';

const LOCATION_BLOCKS = `
  location /m/ { return 200 "prefix ${SHOW.slice(1)};
    location /m/inner/ { return 200 "nested ${SHOW.slice(1)}; location ~ png { return 200 "nested regex png"; } }
    location ~ /m/re(\\d+) { return 200 "nested re ${SHOW.slice(1)}; } }
  location = /m/exact { return 200 "exact ${SHOW.slice(1)}; }
  location ^~ /m/final/ { return 200 "final ${SHOW.slice(1)}; }
  location ~ \\.php$ { return 200 "php ${SHOW.slice(1)}; }
  location ~* \\.(gif|png)$ { return 200 "image ${SHOW.slice(1)}; }
  location ~ ^/named/(?<number>\\d+)/ { return 200 "number $number"; }
  location /deep/ { location /deep/one/ { return 200 "one ${SHOW.slice(1)}; location /deep/one/two { return 200 "two ${SHOW.slice(1)}; } } }
  location /to/path { return 301 /there; }
  location /to/url { return 302 https://example.com/x?y; }
  location /to/scheme { return 303 $scheme://$host$request_uri; }
  location /to/vars { return 307 /x$is_args$args; }
  location /to/rel { return 302 there; }
  location /to/code { return https://example.com/; }
  location /to/308 { return 308 //other.example/; }
  location /to/noslash { return 301 ""; }
  location /to/utf8 { return 302 /caf\u00e9; }
  location /to/crlf { return 302 $uri; }`;

const REWRITE_BLOCKS = `
  location /r/last/ { rewrite ^/r/last/(.*)$ /m/$1 last; return 500; }
  location /r/noflag/ { rewrite ^/r/noflag/(.*)$ /m/one/$1; rewrite ^/m/one/(.*)$ /m/two/$1; }
  location /r/redirect/ { rewrite ^/r/redirect/(.*)$ /there/$1 redirect; }
  location /r/permanent/ { rewrite ^/r/permanent/(.*)$ /there/$1 permanent; }
  location /r/full/ { rewrite ^/r/full/(.*)$ http://other.example/$1; }
  location /r/scheme/ { rewrite ^/r/scheme/(.*)$ $scheme://other.example/$1; }
  location /r/query/ { rewrite ^/r/query/(.*)$ /m/x?added=1&p=$1 last; }
  location /r/noquery/ { rewrite ^/r/noquery/(.*)$ /m/$1? last; }
  location /r/qredir/ { rewrite ^/r/qredir/(.*)$ /x?u=$1 redirect; }
  location /r/loop/ { rewrite ^/r/loop/(.*)$ /r/loop/$1x last; }
  location /r/breakdir/ { rewrite ^/r/breakdir/(.*)$ /small.txt break; return 500; }
  location /r/chain/ { set $v first; rewrite ^/r/chain/(.*)$ /r/last/$v/$1 last; }
  location /r/break/ { break; return 500; }
  location /r/breakthen/ { rewrite ^/r/breakthen/(.*)$ /small.txt; break; }
  location /r/breakword/ { rewrite ^/r/breakword/(.*)$ /$1 break; expires max; }
  location /r/caseless/ { rewrite (?i)^/r/caseless/abc$ /m/found last; return 404; }`;

function ifBlocks(root: string): string {
  return `
  location /if/args { if ($arg_a) { return 200 "set $arg_a"; } return 200 "not set"; }
  location /if/eq { if ($arg_a = yes) { return 200 yes; } return 200 no; }
  location /if/ne { if ($arg_a != yes) { return 200 "not yes"; } return 200 yes; }
  location /if/match { if ($http_x_test ~ ^foo(.*)$) { return 200 "cased $1"; } if ($http_x_test ~* ^foo(.*)$) { return 200 "caseless $1"; } return 200 none; }
  location /if/nomatch { if ($http_x_test !~* ^FOO) { return 200 "no foo"; } return 200 foo; }
  location ~ ^/if/file/(.*)$ { if (-f ${root}/$1) { return 200 "is a file"; } return 200 "is none"; }
  location ~ ^/if/nofile/(.*)$ { if (!-f ${root}/$1) { return 200 "is none"; } return 200 "is a file"; }
  location ~ ^/if/dir/(.*)$ { if (-d ${root}/$1) { return 200 "is a directory"; } return 200 "is none"; }
  location ~ ^/if/exists/(.*)$ { if (-e ${root}/$1) { return 200 "exists"; } return 200 "does not"; }
  location ~ ^/if/exec/(.*)$ { if (!-x ${root}/$1) { return 200 "cannot"; } return 200 "can"; }
  location /if/expires/ { alias ${root}/; if ($query_string) { expires max; } }
  location /if/break { if ($arg_a) { break; } return 200 "not broken"; }
  location /if/set { set $v none; if ($arg_a) { set $v "is $arg_a"; } return 200 $v; }
  location /if/nested { set $v none; if ($arg_a) { set $v one; rewrite ^ /m/$v last; } return 200 $v; }
  location /if/rewrite { if ($arg_a) { rewrite ^/if/(.*)$ /m/$1 break; return 200 "rewritten $uri"; } return 200 "as it was"; }
  location /if/both { set $v ""; if ($arg_a) { set $v "a"; } if ($arg_b) { set $v "$v b"; } return 200 "($v)"; }
  location /if/return { if ($arg_a) { return 301 /x; } return 200 no; }
  location /if/method { if ($request_method = POST) { return 405; } return 200 $request_method; }
  location /if/host { if ($host = ref.example) { return 200 "host $host"; } return 404; }
  location /if/cookie { if ($http_cookie ~* "id=([^;]+)(?:;|$)") { return 200 "id $1"; } return 404; }
  location /if/goon { if ($arg_a) { rewrite ^ /m/one; } rewrite ^/m/one$ /m/two; rewrite ^/if/goon$ /m/none; }
  location /if/two { if ($arg_a) { set $v first; expires 1h; } if ($arg_a = 1) { set $v "$v second"; expires max; } return 200 $v; }
  location ~ ^/if/captures/(.*)$ { if ($arg_a ~ ^(z+)$) { set $v "$1"; } return 200 "$v $1"; }
  location /if/root/ { if ($arg_a) { root /nowhere; } alias ${root}/; }`;
}

function expiresBlocks(root: string): string {
  const block = (name: string, value: string): string =>
    `location /expires/${name}/ { alias ${root}/; expires ${value}; }`;
  return [
    ...[block('30d', '30d'), block('minus', '-1'), block('epoch', 'epoch'), block('max', 'max')],
    ...[
      block('off', 'off'),
      block('daily', '@15h30m'),
      block('modified', 'modified +24h'),
      block('zero', '0'),
    ],
    'set $howlong 1h;',
    block('variable', '$howlong'),
    block('errors', 'max'),
    'location /expires/text/ { expires 1h; return 200 text; }',
    'location /expires/redirect/ { expires 1h; return 302 /x; }',
  ].join('\n');
}
