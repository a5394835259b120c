// Requests that can be read two ways, or not at all, with the status of their answer.

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: a\r\n';
const CHUNKED = `${POST}Transfer-Encoding: chunked\r\n\r\n`;
const HELLO = 'hello';
const CHUNKS = '5\r\nhello\r\n0\r\n\r\n';
const field = (line: string): string => `${GET}${line}\r\n\r\n`;
const length = (value: string): string => `${POST}Content-Length: ${value}\r\n\r\n${HELLO}`;
const coding = (line: string, post = POST): string => `${post}${line}\r\n\r\n${CHUNKS}`;
const host = (value: string): string => `GET / HTTP/1.1\r\nHost: ${value}\r\n\r\n`;
const line = (text: string): string => `${text}\r\nHost: a\r\n\r\n`;

/** `[what is wrong, bytes, status]`; 400 where none is given. */
type Case = readonly [name: string, bytes: string, status?: number];

const lengths: readonly Case[] = [
  ...[
    '+5',
    '5,5',
    '5, 5',
    '0x5',
    ' 5 5',
    '',
    '-1',
    '12345678901234567',
    '5;',
    '5.0',
    '1e1',
    '5\t5',
    '９',
  ].map(
    (value): Case => [
      `Content-Length ${JSON.stringify(value)}`,
      length(Buffer.from(value).toString('latin1')),
    ],
  ),
  ['Content-Length twice the same', `${POST}Content-Length: 5\r\nContent-Length: 5\r\n\r\n${HELLO}`],
  ['Content-Length twice, different', `${POST}Content-Length: 5\r\ncontent-length: 50\r\n\r\n${HELLO}`],
  ['Content-Length, then Transfer-Encoding', coding('Content-Length: 5\r\nTransfer-Encoding: chunked')],
  ['Transfer-Encoding, then Content-Length', coding('Transfer-Encoding: chunked\r\nContent-Length: 5')],
];

const codings: readonly Case[] = [
  ...[
    'xchunked',
    'chunked, chunked',
    'identity',
    'gzip, chunked',
    'chunked, identity',
    '\x0bchunked',
    'Chunked\x0b',
    'chunked;a',
    '"chunked"',
    '',
    'chunked\0',
    '\xa0chunked',
  ].map(
    (value): Case => [
      `Transfer-Encoding ${JSON.stringify(value)}`,
      coding(`Transfer-Encoding: ${value}`),
      // A control character is no coding that somebody else may know.
      /[\0\x0b]/.test(value) ? 400 : 501,
    ],
  ),
  ['Transfer-Encoding twice', coding('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked')],
  [
    'Transfer-Encoding identity and chunked',
    coding('Transfer-Encoding: identity\r\nTransfer-Encoding: chunked'),
  ],
  ['Transfer-Encoding in HTTP/1.0', coding('Transfer-Encoding: chunked', 'POST / HTTP/1.0\r\nHost: a\r\n')],
  ['space before the colon of Transfer-Encoding', coding('Transfer-Encoding : chunked')],
  ['Transfer-Encoding on a folded line', coding('Transfer-Encoding:\r\n chunked')],
  ['Transfer-Encoding behind a bare CR', coding('X: a\rTransfer-Encoding: chunked')],
];

const lines: readonly Case[] = [
  ['bare CR before the request line', `\r${GET}\r\n`],
  ['bare CR in the method', line('GE\rT / HTTP/1.1')],
  ['bare CR in the target', line('GET /a\rb HTTP/1.1')],
  ['bare CR in the version', line('GET / HTTP/1\r.1')],
  ['bare CR in a name', field('X\ra: b')],
  ['bare CR in a value', field('X: a\rb')],
  ['CR twice behind the request line', line('GET / HTTP/1.1\r')],
  ['CR twice behind a field', field('X: a\r')],
  ['bare CR for the empty line', `${GET}\rX\r\n\r\n`],
  ['space in a name', field('X a: b')],
  ['space before the colon', field('X : b')],
  ['HTAB before the colon', field('X\t: b')],
  ['empty name', field(': b')],
  ['folding with SP', field('X: a\r\n b')],
  ['folding with HTAB', field('X: a\r\n\tb')],
  ['folding of the first field', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n'],
  ['line without colon', field('X')],
  ['NUL in the request line', line('GET /\0 HTTP/1.1')],
  ['NUL in a name', field('X\0: b')],
  ['NUL in a value', field('X: a\0b')],
  ['VT in a value', field('X: \x0b')],
  ['ESC in a value', field('X: \x1b[0m')],
  ['BEL in a name', field('X\x07: b')],
  ['DEL in a value', field('X: \x7f')],
  ['DEL in a name', field('\x7fX: b')],
];

const chunks: readonly Case[] = [
  ...[
    '',
    '0x5',
    '+5',
    '-1',
    '5 5',
    'g',
    ' 5',
    '5_0',
    '00000000000005',
    'fffffffffffffffff',
    '5;a\x0b',
    `5;${'a'.repeat(300)}`,
    '5\0',
    '5 ',
  ].map(
    (size): Case => [
      `chunk size ${JSON.stringify(size.slice(0, 20))}`,
      `${CHUNKED}${size}\r\nhello\r\n0\r\n\r\n`,
    ],
  ),
  ['LF alone behind a chunk size', `${CHUNKED}5\nhello\r\n0\r\n\r\n`],
  ['CR alone behind a chunk size', `${CHUNKED}5\rhello\r\n0\r\n\r\n`],
  ['LF in an extension', `${CHUNKED}5;a\nhello\r\n0\r\n\r\n`],
  ['no CRLF behind the data', `${CHUNKED}5\r\nhello0\r\n\r\n`],
  ['LF alone behind the data', `${CHUNKED}5\r\nhello\n0\r\n\r\n`],
  ['more data than the size', `${CHUNKED}5\r\nhello!\r\n0\r\n\r\n`],
  ['a size line in place of data', `${CHUNKED}5\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n`],
  ['trailer without colon', `${CHUNKED}0\r\nabc\r\n\r\n`],
  ['trailer with a space before the colon', `${CHUNKED}0\r\na : b\r\n\r\n`],
  ['trailer ended by LF', `${CHUNKED}0\r\na: b\n\r\n`],
  ['end of trailers without CR', `${CHUNKED}0\r\n\n`],
  ['folded trailer', `${CHUNKED}0\r\na: b\r\n c\r\n\r\n`],
  ...['Content-Length', 'Transfer-Encoding', 'Host', 'Authorization', 'X-Forwarded-For', 'Cookie'].map(
    (name): Case => [`trailer ${name}`, `${CHUNKED}0\r\n${name}: 1\r\n\r\n`],
  ),
  ['too many trailers', `${CHUNKED}0\r\n${'a: b\r\n'.repeat(40)}\r\n`],
];

const large: readonly Case[] = [
  ['request line of 9000 bytes', line(`GET /${'a'.repeat(9000)} HTTP/1.1`), 414],
  ['field line of 9000 bytes', field(`X: ${'a'.repeat(9000)}`)],
  ['field name of 9000 bytes', field(`${'a'.repeat(9000)}: b`)],
  ['head of 36 KiB', field(Array.from({ length: 9 }, () => `X: ${'a'.repeat(4000)}`).join('\r\n'))],
  ['1001 fields', field(Array.from({ length: 1000 }, () => 'a: b').join('\r\n'))],
  ['method of 33 bytes', line(`${'M'.repeat(33)} / HTTP/1.1`)],
  [
    'body larger than client_max_body_size',
    'POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world',
    413,
  ],
  [
    'chunked body larger than client_max_body_size',
    'POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n',
    413,
  ],
];

const hosts: readonly Case[] = [
  ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
  ['two Hosts', field('Host: a')],
  ['two different Hosts', field('host: b')],
  ...[
    '',
    'a b',
    'a/b',
    'a, b',
    'a,b',
    'u@a',
    'a:b',
    'a:123456',
    'a:80:80',
    '[::1',
    '::1',
    '[g]',
    'a#b',
    'a?b',
    'a\\b',
    '\xe4',
    '%0',
    'a\tb',
  ].map((value): Case => [`Host ${JSON.stringify(value)}`, host(value)]),
];

const requestLines: readonly Case[] = [
  ['absolute form with userinfo', line('GET http://u@b/ HTTP/1.1')],
  ['absolute form with a bad port', line('GET http://b:x/ HTTP/1.1')],
  ['absolute form without authority', line('GET http:/// HTTP/1.1')],
  ['absolute form of another scheme', line('GET ftp://b/ HTTP/1.1')],
  ['target with #', line('GET /a#b HTTP/1.1')],
  ['target with a space', line('GET /a b HTTP/1.1')],
  ['target with HTAB', line('GET /a\tb HTTP/1.1')],
  ['target with a control character', line('GET /\x01 HTTP/1.1')],
  ['target with DEL', line('GET /\x7f HTTP/1.1')],
  ['target without slash', line('GET a HTTP/1.1')],
  ['* with GET', line('GET * HTTP/1.1')],
  ['target with an escaped NUL', line('GET /%00 HTTP/1.1')],
  ['target that climbs out', line('GET /../etc HTTP/1.1')],
  ['target with half an escape', line('GET /%4 HTTP/1.1')],
  ['CONNECT', line('CONNECT a:443 HTTP/1.1'), 405],
  ['TRACE', line('TRACE / HTTP/1.1'), 405],
  ['lower-case version', line('GET / http/1.1')],
  ['HTTP/2.0', line('GET / HTTP/2.0'), 505],
  ['HTTP/3.0', line('GET / HTTP/3.0'), 505],
  ['HTTP/1.1x', line('GET / HTTP/1.1x')],
  ['HTTP/1.10', line('GET / HTTP/1.10')],
  ['space behind the version', line('GET / HTTP/1.1 ')],
  ['HTTP/0.9', 'GET /\r\n'],
  ['two spaces before the target', line('GET  / HTTP/1.1')],
  ['two spaces before the version', line('GET /  HTTP/1.1')],
  ['HTAB for a space', line('GET\t/ HTTP/1.1')],
  ['method with a bad character', line('G{T / HTTP/1.1')],
  ['method with a colon', line('GET: / HTTP/1.1')],
  ['no method', line(' / HTTP/1.1')],
  ['TLS on the plain port', '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03'],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505],
  ['three empty lines first', `\r\n\r\n\r\n${GET}\r\n`],
  ['Expect: something else', field('Expect: 200-ok'), 417],
  ['an answer in place of a request', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
];

export const malformedRequests = [lengths, codings, lines, chunks, large, hosts, requestLines]
  .flat()
  .map(([name, bytes, status]) => [name, bytes, status ?? 400] as const);
