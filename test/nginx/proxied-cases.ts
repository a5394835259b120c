// Requests that go to a peer, and what the peer is told to answer. PEER in them is the peer's port.
import { answerWith } from './echo-peer.ts';
import { request } from './pair.ts';

/** Locations that make a target in different ways; `{}` is what the client appends. */
const PREFIXES = [
  '/pp/{}',
  '/pu/{}',
  '/pn{}',
  '/pq/{}',
  '/rw/{}',
  '/rwu/{}',
  '/rws/{}',
  '/rl/{}',
  '/re/{}',
  '/rv/{}',
  '/rva/{}',
].concat([
  '/var/{}',
  '/varuri/{}',
  '/nested/in/{}',
  '/nested/{}',
  '/setargs/{}',
  '/ifpass/{}',
  '/sub/{}',
  '/exact{}',
  '/root-uri/{}',
]);

const SUFFIXES = [
  '',
  'a',
  'a/b/',
  'a%2Fb',
  'a%20b',
  'caf%C3%A9',
  'a//b',
  'a/./b',
  'a/../b',
  '%2e%2e/b',
  'a/%2E/b',
  '../../x',
  'a/..',
]
  .concat([
    'a?x=1&y=%20',
    'a?',
    'a?x?y',
    'a%3Fb',
    'a%23b',
    'a%25b',
    'a%2541',
    'a+b',
    'a%2Bb?z=a+b',
    'a;b=c,d',
    'a~b',
    'a%7Eb',
  ])
  .concat([
    'a"b',
    'a%22b',
    'a|b',
    'a{b}',
    'a^b',
    'a\\b',
    'a%5Cb',
    'a<b>',
    'a%00b',
    'a%zzb',
    'a%',
    '%61%62c',
    'a%0Ab',
    'a%0D%0AX:%20y',
    "a'b(c)*!@:$&=",
  ]);

export const TARGETS = PREFIXES.flatMap((prefix) =>
  SUFFIXES.map((suffix) => prefix.replace('{}', () => suffix)),
);

type Case = readonly [name: string, bytes: string];

export const FIELDS: Case[] = [
  ['inherited from the server', request('GET', '/inherit/x')],
  [
    'own fields instead of inherited ones',
    request('GET', '/own/x', ['X-Client: c', 'X-Own: forged', 'X-Server: forged']),
  ],
  ['an empty value removes a field', request('GET', '/empty/x', ['Accept-Encoding: gzip', 'X-Gone: x'])],
  ['Host by default', request('GET', '/bare/x')],
  ['Host of the client', request('GET', '/http-host/x')],
  ['$host', request('GET', '/host/x')],
  ['several of one name', request('GET', '/bare/x', ['X-A: 1', 'X-A: 2', 'x-a: 3'])],
  ['hop-by-hop fields', request('GET', '/bare/x', ['Keep-Alive: timeout=5', 'X-B: 1'])],
  ['an unusual name', request('GET', '/bare/x', ['X_Under: 1', 'X.Dot: 1'])],
  ['spaces around a value', request('GET', '/bare/x', ['X-Space:   a b  '])],
  ['an empty value', request('GET', '/bare/x', ['X-Empty:'])],
  ['X-Forwarded-For anew', request('GET', '/xff/x')],
  ['X-Forwarded-For added to', request('GET', '/xff/x', ['X-Forwarded-For: 1.2.3.4'])],
  [
    'X-Forwarded-For added to two',
    request('GET', '/xff/x', ['X-Forwarded-For: 1.2.3.4', 'X-Forwarded-For: 5.6.7.8']),
  ],
  ['another method', request('GET', '/method/x')],
  ['HEAD', request('HEAD', '/bare/x')],
  ['POST', request('POST', '/bare/x', ['Content-Length: 3'], 'abc')],
  ['POST of nothing', request('POST', '/bare/x', ['Content-Length: 0'])],
  ['POST without length', request('POST', '/bare/x')],
  ['chunked', request('POST', '/bare/x', ['Transfer-Encoding: chunked'], '3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n')],
  ['GET with a body', request('GET', '/bare/x', ['Content-Length: 3'], 'abc')],
  ['DELETE', request('DELETE', '/bare/x')],
  ['PROPFIND', request('PROPFIND', '/bare/x')],
  ['HTTP/1.0', 'GET /bare/x HTTP/1.0\r\n\r\n'],
  ['HTTP/1.0 with Host', 'GET /http-host/x HTTP/1.0\r\nHost: old.example:8080\r\n\r\n'],
  ['absolute target', 'GET http://abs.example/bare/x?y HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'],
  [
    'absolute target and $host',
    'GET http://abs.example/host/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
  ],
  ['Range passes', request('GET', '/bare/x', ['Range: bytes=0-3'])],
  ['If-None-Match passes', request('GET', '/bare/x', ['If-None-Match: "x"'])],
  ['body too large', request('POST', '/small/x', ['Content-Length: 11'], 'x'.repeat(11))],
  [
    'chunked body too large',
    request('POST', '/small/x', ['Transfer-Encoding: chunked'], 'b\r\nxxxxxxxxxxx\r\n0\r\n\r\n'),
  ],
  [
    'body as large as allowed',
    request('POST', '/small/x', ['Transfer-Encoding: chunked'], 'a\r\nxxxxxxxxxx\r\n0\r\n\r\n'),
  ],
  ['bad chunk size', request('POST', '/bare/x', ['Transfer-Encoding: chunked'], 'zz\r\nabc\r\n0\r\n\r\n')],
  ['slash redirect', request('GET', '/slash')],
  ['slash redirect with arguments', request('GET', '/slash?a=b')],
  ['nobody listens', request('GET', '/dead/x')],
  ['nobody listens, HEAD', request('HEAD', '/dead/x')],
  ['error in a location with expires', request('GET', '/dead-expires/x')],
  ['expires on a proxied answer', request('GET', '/expires/x')],
];

const answered = (name: string, target: string, answer: string, method = 'GET'): Case => [
  name,
  request(method, target, [answerWith(answer)]),
];
const redirectTo = (target: string, location: string): Case =>
  answered(
    `${target} Location: ${location}`,
    target,
    `HTTP/1.1 302 Found\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`,
  );

const LOCATIONS = [
  'http://127.0.0.1:PEER/x',
  'http://echo/x',
  'http://echo/base/x',
  'http://echo',
  'http://other.example/x',
  '/x',
  'x',
  '//echo/x',
  'https://echo/x',
  'HTTP://echo/x',
  '',
];
export const REDIRECTS: Case[] = [
  '/pp/r',
  '/pu/r',
  '/off/r',
  '/pairs/r',
  '/regex/r',
  '/regexi/r',
  '/vars/r',
  '/re/r',
  '/both/r',
  '/relative/r',
].flatMap((target) => LOCATIONS.map((location) => redirectTo(target, location)));

export const ANSWERS: Case[] = [
  answered(
    'hidden by default',
    '/bare/x',
    'HTTP/1.1 200 OK\r\nServer: app\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nX-Pad: p\r\nX-Accel-Expires: 5\r\nContent-Length: 1\r\n\r\nx',
  ),
  answered(
    'hidden and passed',
    '/hide/x',
    'HTTP/1.1 200 OK\r\nX-Secret: s\r\nX-Pad: p\r\nX-Other: o\r\nContent-Length: 1\r\n\r\nx',
  ),
  answered(
    'hidden and passed, inner level',
    '/hide/in/x',
    'HTTP/1.1 200 OK\r\nX-Secret: s\r\nX-Pad: p\r\nX-Other: o\r\nContent-Length: 1\r\n\r\nx',
  ),
  answered(
    'Refresh',
    '/pp/x',
    'HTTP/1.1 200 OK\r\nRefresh: 5; url=http://echo/y\r\nContent-Length: 1\r\n\r\nx',
  ),
  answered(
    'Refresh of pairs',
    '/pairs/x',
    'HTTP/1.1 200 OK\r\nRefresh: 5; url=http://echo/y\r\nContent-Length: 1\r\n\r\nx',
  ),
  answered('until close', '/bare/x', 'HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\nuntil the end'),
  answered(
    'chunked',
    '/bare/x',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  ),
  answered('HTTP/1.0 answer', '/bare/x', 'HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc'),
  answered('empty', '/bare/x', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'),
  answered('HEAD with length', '/bare/x', 'HTTP/1.1 200 OK\r\nContent-Length: 42\r\n\r\n', 'HEAD'),
  answered('HEAD chunked', '/bare/x', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', 'HEAD'),
  answered('204', '/bare/x', 'HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n'),
  answered('304', '/bare/x', 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n'),
  answered(
    '304 with length',
    '/bare/x',
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: "x"\r\n\r\n',
  ),
  answered('404', '/bare/x', 'HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone'),
  answered('500 with its own reason', '/bare/x', 'HTTP/1.1 500 Oh Dear\r\nContent-Length: 4\r\n\r\noops'),
  answered('no reason', '/bare/x', 'HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\nx'),
  answered('unknown status', '/bare/x', 'HTTP/1.1 299 Odd\r\nContent-Length: 1\r\n\r\nx'),
  answered(
    'interim',
    '/bare/x',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx',
  ),
  answered(
    'several cookies',
    '/bare/x',
    'HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 1\r\n\r\nx',
  ),
  answered('too short', '/bare/x', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'),
  answered('chunked too short', '/bare/x', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc'),
  answered('no HTTP at all', '/bare/x', 'hello\r\n\r\n'),
  answered('nothing', '/bare/x', ''),
  answered('half a head', '/bare/x', 'HTTP/1.1 200 OK\r\nContent-'),
  answered('bad field', '/bare/x', 'HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\nx'),
  answered(
    'CL and TE',
    '/bare/x',
    'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  ),
  answered(
    'Connection of the peer',
    '/bare/x',
    'HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nContent-Length: 1\r\n\r\nx',
  ),
  answered(
    'types',
    '/bare/x',
    'HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nLast-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\nETag: W/"a"\r\nAccept-Ranges: bytes\r\nCache-Control: private\r\nContent-Length: 1\r\n\r\nx',
  ),
  answered(
    'expires replaces',
    '/expires/x',
    'HTTP/1.1 200 OK\r\nExpires: 0\r\nCache-Control: private\r\nContent-Length: 1\r\n\r\nx',
  ),
  answered(
    '103',
    '/bare/x',
    'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx',
  ),
];
