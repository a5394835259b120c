// What clients say: requests of every kind, the words in them, and the first bytes of TLS.
const HOST = 'Host: a.example\r\n';
const CHUNKS = '5\r\nhello\r\n3;x=y\r\nabc\r\n0\r\n\r\n';
const CHUNKED = 'Transfer-Encoding: chunked\r\n';
const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n';

const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\n${HOST}${more}\r\n`;
const post = (path: string, more: string, body: string): string =>
  `POST ${path} HTTP/1.1\r\n${HOST}${more}\r\n${body}`;

/** TOKEN stands for what tells one case from another. */
export const REQUESTS: readonly string[] = [
  get('/TOKEN'),
  get('/TOKEN?a=b&c=%64', 'Accept: */*\r\nCookie: a=b; c=d\r\nX-A: 1\r\nX-A: 2\r\n'),
  get('/TOKEN', 'Connection: close\r\n'),
  'GET /TOKEN HTTP/1.0\r\n\r\n',
  'GET http://b.example/TOKEN HTTP/1.1\r\nHost: c\r\n\r\n',
  'HEAD /TOKEN HTTP/1.1\r\nHost: a.example:80\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
  'CONNECT a.example:443 HTTP/1.1\r\nHost: a\r\n\r\n',
  `DELETE /TOKEN HTTP/1.1\r\n${HOST}${CHUNKED}\r\n${CHUNKS}`,
  post('/TOKEN', 'Content-Length: 5\r\n', 'hello'),
  post('/TOKEN', 'Content-Length: 0\r\n', ''),
  post('/TOKEN', CHUNKED, CHUNKS),
  post('/TOKEN', `${CHUNKED}Trailer: X\r\nTE: trailers\r\n`, '5\r\nhello\r\n0\r\nX: y\r\n\r\n'),
  post('/TOKEN', 'Content-Length: 5\r\nExpect: 100-continue\r\n', 'hello'),
  post('/TOKEN', 'Content-Length: 70000\r\n', 'x'.repeat(500)),
  post('/TOKEN', 'Content-Length: 3000\r\n', 'y'.repeat(3000)),
  get('/static/a.txt'),
  get('/static/a.txt', 'Range: bytes=1-3,5-\r\nIf-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT\r\n'),
  get('/static/a.txt', 'If-None-Match: "1-2", W/"3"\r\nIf-Range: "x"\r\nRange: bytes=-2\r\n'),
  get('/static/../static/./a.txt?x'),
  get('/static/%2e%2e/%61.txt'),
  get('/static/none'),
  get('/static/'),
  get('/moved?x=TOKEN'),
  get('/made'),
  get('/rw/TOKEN/b'),
  get('/re/123/TOKEN'),
  get('/if/TOKEN?x=1'),
  get('/old', 'Referer: http://x/\r\nUser-Agent: z\r\n'),
  'GET /x HTTP/1.1\r\nHost: b.example\r\n\r\n',
  `${get('/ws/TOKEN', UPGRADE)}\x81\x85\0\0\0\0hello\x88\0`,
  get(
    '/TOKEN',
    'Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n',
  ),
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0',
  get('/TOKEN') +
    post('/TOKEN', CHUNKED, CHUNKS) +
    get('/made') +
    'HEAD /static/a.txt HTTP/1.1\r\nHost: a\r\n\r\n' +
    get('/moved'),
  post('/TOKEN', 'Content-Length: 5\r\n', 'hello') +
    get('/static/a.txt') +
    get('/TOKEN', 'Connection: close\r\n'),
  get('/static/a.txt').repeat(5) + get('/TOKEN').repeat(3),
];

export const REQUEST_WORDS: readonly string[] = [
  ...[
    '\r\n',
    '\n',
    '\r\n\r\n',
    ' ',
    '\t',
    ':',
    ': ',
    '\r\n ',
    '0\r\n\r\n',
    'ffffffff\r\n',
    '5;',
    '1\r\nx\r\n',
  ],
  ...[
    'GET',
    'HEAD',
    'POST',
    'PUT',
    'CONNECT',
    'TRACE',
    'BREW',
    'get',
    'HTTP/1.0',
    'HTTP/1.1',
    'HTTP/2.0',
    'HTTP/0.9',
  ],
  ...[
    'Content-Length: 5\r\n',
    'Content-Length: 0\r\n',
    'content-length: 99999999999\r\n',
    CHUNKED,
    'Transfer-Encoding: gzip, chunked\r\n',
  ],
  ...[
    'Transfer-Encoding : chunked\r\n',
    'Connection: close\r\n',
    'Connection: keep-alive, Host\r\n',
    'Expect: 100-continue\r\n',
    UPGRADE,
  ],
  ...[
    'Host: b.example\r\n',
    'Host: a, b\r\n',
    'Host:\r\n',
    'Host: [::1]:80\r\n',
    'Host: a:99999\r\n',
    'X-Forwarded-For: 1, 2\r\n',
  ],
  ...[
    '/static/',
    '/../',
    '//',
    '/./',
    '%00',
    '%2f',
    '%',
    '%c0%ae',
    '?',
    '#',
    '*',
    'http://',
    '/re/1/',
    '/rw/',
    '/ws/',
    '/if/',
    '/made',
  ],
  ...[
    'Range: bytes=0-0\r\n',
    'Range: bytes=9223372036854775807-\r\n',
    'If-Match: *\r\n',
    'If-Modified-Since: x\r\n',
    'Keep-Alive: timeout=1\r\n',
  ],
];

const u16 = (n: number): string => String.fromCharCode(n >> 8, n & 255);
const within = (text: string): string => u16(text.length) + text;
const extension = (type: number, body: string): string => u16(type) + within(body);

/** A ClientHello of TLS 1.3 for a server name, in one record. */
function clientHello(name: string): string {
  const extensions = [
    extension(0, within(`\0${within(name)}`)),
    extension(10, within('\0\x1d\0\x17')),
    extension(13, within('\x04\x03\x08\x04\x04\x01')),
    extension(16, within('\x02h2\x08http/1.1')),
    extension(43, '\x04\x03\x04\x03\x03'),
    extension(45, '\x01\x01'),
    extension(51, within(`\0\x1d${within('k'.repeat(32))}`)),
    extension(35, ''),
  ].join('');
  const body = `\x03\x03${'r'.repeat(32)}\x20${'s'.repeat(32)}${within('\x13\x01\x13\x02\x13\x03\xc0\x2b\xc0\x2f')}\x01\0${within(extensions)}`;
  return `\x16\x03\x01${within(`\x01\0${within(body)}`)}`;
}

export const HELLOS: readonly string[] = [
  clientHello('a.example'),
  clientHello('x'.repeat(200)),
  `${clientHello('a.example')}\x14\x03\x03\0\x01\x01\x17\x03\x03\0\x20${'e'.repeat(32)}`,
  '\x15\x03\x01\0\x02\x02\x28',
  '\x80\x2e\x01\x03\x01\0\x15\0\0\0\x10',
  get('/plain-on-tls'),
];
export const HELLO_WORDS: readonly string[] = [
  '\x16\x03\x01',
  '\x16\x03\x03\0\x01',
  '\x15\x03\x03\0\x02\x01\0',
  '\x17\x03\x03\x40\0',
  '\0\0',
  '\xff\xff',
  '\x14\x03\x03\0\x01\x01',
];
