// What a peer may answer: valid answers of every kind that a proxy treats apart, most of them changed in a byte or two, in pieces,
// and with an end of their own.
import fc from 'fast-check';
import { lines, mutated, pieces } from './mutations.ts';

/** One connection's answer: what is written, in pieces that arrive apart, and what follows. */
export interface PeerAnswer {
  /** latin1 */
  readonly pieces: readonly string[];
  readonly end: 'stay' | 'FIN' | 'RST';
}

const STATUS_LINES = [
  '200 OK',
  '200 ',
  '200',
  '201 Created',
  '204 No Content',
  '205 Reset Content',
  '206 Partial Content',
  '301 Moved',
  '302 Found',
  '304 Not Modified',
  '307 Temporary Redirect',
  '401 Unauthorized',
  '404 Not Found',
  '426 Upgrade Required',
  '500 Oops',
  '503 Busy',
  '000 None',
  '099 None',
  '199 None',
  '600 None',
  '999 None',
  '200 \x01\x7f',
  '200 f\xfcr',
];

const FIELDS = [
  ['Trailer: X-Sum', 'Trailer: X-Sum, Content-Length', 'Trailer: '],
  [
    'Connection: close',
    'Connection: keep-alive',
    'Connection: X-Private, close',
    'Connection: Trailer',
    'Connection: upgrade',
  ],
  ['Keep-Alive: timeout=5', 'Keep-Alive: x', 'Proxy-Connection: close'],
  ['Upgrade: websocket', 'Upgrade: h2c', 'Upgrade: websocket, h2c'],
  [
    'Location: /next',
    'Location: http://[::1',
    'Location: http://127.0.0.1:{port}/next',
    'Location: //',
    'Location: http:',
    'Location: \xff:',
  ],
  [
    'Set-Cookie: a=b; Domain=x.test; Path=/app',
    'Set-Cookie: a',
    'Set-Cookie: ; domain=; path=',
    'Set-Cookie: a=b; domain=constructor; path=__proto__',
  ],
  ['Transfer-Encoding: identity', 'Transfer-Encoding: gzip, chunked', 'Transfer-Encoding: chunked, chunked'],
  ['Content-Length: 0', 'Content-Length: 007', 'Content-Length: 99999999999999999999'],
  ['Content-Encoding: gzip', 'Content-Type: text/html', 'Date: x', 'Server: \x80\xff'],
  ['__proto__: x', 'constructor: x', 'X-Empty:', `X-Long: ${'x'.repeat(3000)}`, 'X-Private: x'],
  ['Sec-WebSocket-Accept: x', 'HTTP2-Settings: x', 'Alt-Svc: h2=":1"', 'WWW-Authenticate: Basic'],
];

const BODIES = ['', 'hello', 'x'.repeat(100), 'y'.repeat(70_000)];

function framed(body: string, framing: string): { field: string; bytes: string } {
  if (framing === 'length') return { field: `Content-Length: ${body.length}\r\n`, bytes: body };
  if (framing === 'end') return { field: '', bytes: body };
  const half = body.length >> 1;
  const chunks = [body.slice(0, half), body.slice(half)].filter((part) => part !== '');
  const trailer = { trailers: 'X-Sum: 1\r\n', 'bad trailers': 'Content-Length: 3\r\n' }[framing] ?? '';
  return {
    field: 'Transfer-Encoding: chunked\r\n',
    bytes: `${chunks.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('')}0\r\n${trailer}\r\n`,
  };
}

const INTERIM = [
  '',
  '',
  '',
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n',
  'HTTP/1.1 103 x\r\n\r\n'.repeat(20),
];

const plain: fc.Arbitrary<string> = fc
  .record({
    interim: fc.constantFrom(...INTERIM),
    version: fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0'),
    status: fc.oneof(
      { weight: 2, arbitrary: fc.constant('200 OK') },
      { weight: 3, arbitrary: fc.constantFrom(...STATUS_LINES) },
    ),
    fields: lines(FIELDS, 4),
    body: fc.constantFrom(...BODIES),
    framing: fc.constantFrom('length', 'length', 'chunked', 'trailers', 'bad trailers', 'end'),
    behind: fc.constantFrom('', '', '', '', '!!', 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'),
  })
  .map(({ interim, version, status, fields, body, framing, behind }) => {
    const { field, bytes } = framed(body, framing);
    return `${interim}${version} ${status}\r\n${field}${fields}\r\n${bytes}${behind}`;
  });

const UPGRADED = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';

const switching: fc.Arbitrary<string> = fc
  .record({
    interim: fc.constantFrom(...INTERIM),
    reason: fc.constantFrom(' Switching Protocols', '', ' \x01'),
    upgrade: fc.constantFrom(UPGRADED, UPGRADED, UPGRADED, 'Upgrade: h2c\r\nConnection: upgrade\r\n', ''),
    fields: lines(FIELDS, 3),
    behind: fc.constantFrom('', '\x81\x02hi', 'z'.repeat(5000)),
  })
  .map((a) => `${a.interim}HTTP/1.1 101${a.reason}\r\n${a.upgrade}${a.fields}\r\n${a.behind}`);

const noise = fc
  .array(fc.integer({ min: 0, max: 255 }), { maxLength: 60 })
  .map((codes) => String.fromCharCode(...codes));

/** `{port}` in its bytes stands for the peer's own port. */
export const peerAnswer: fc.Arbitrary<PeerAnswer> = fc.record({
  pieces: pieces(
    fc.oneof(
      { weight: 10, arbitrary: mutated(plain) },
      { weight: 5, arbitrary: mutated(switching) },
      { weight: 1, arbitrary: noise },
    ),
  ),
  end: fc.constantFrom('stay', 'FIN', 'FIN', 'RST'),
});
