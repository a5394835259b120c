// Requests that nginx and lbproxy answer alike: files, ranges, conditions, locations, returns, rewrites, conditions of `if`, expires.
import { request } from './pair.ts';

const MTIME = 'Tue, 14 Nov 2023 22:13:20 GMT';
const BEFORE = 'Tue, 14 Nov 2023 22:13:19 GMT';
/** Of small.txt. */
const ETAG = '"6553f100-24"';

export type Case = readonly [name: string, bytes: string];

const get = (target: string, ...lines: string[]): Case => [
  ['GET', target, ...lines].join(' '),
  request('GET', target, lines),
];
const head = (target: string, ...lines: string[]): Case => [
  ['HEAD', target, ...lines].join(' '),
  request('HEAD', target, lines),
];
export const send = (method: string, target: string, lines: string[], body = ''): Case => [
  [method, target, ...lines, body.slice(0, 20)].join(' '),
  request(method, target, lines, body),
];
export const raw = (name: string, bytes: string): Case => [name, bytes];

export const FILES: Case[] = [
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

export const RANGES: Case[] = [
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

export const CONDITIONS: Case[] = [
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

export const LOCATIONS: Case[] = [
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

export const RETURNS: Case[] = [
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
    '/to/variable',
    '/to/variable?to=/x',
    '/to/rewritten',
    '/to/rewritten?to=/x',
    '/to/gone',
    '/to/utf8',
    '/to/crlf%0d%0aX:y',
  ].flatMap((t) => [get(t), head(t)]),
  head('/text/200'),
  send('POST', '/text/200', ['Content-Length: 3'], 'abc'),
  send('POST', '/return/403', ['Content-Length: 3'], 'abc'),
];

export const REWRITES: Case[] = [
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

export const IFS: Case[] = [
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

export const EXPIRES: Case[] = [
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
