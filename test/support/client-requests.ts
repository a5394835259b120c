// What a client may send to an HTTP/1 server, and when it leaves: valid requests of every kind that a proxy treats apart, some of
// them changed in a byte or two.
import fc from 'fast-check';
import { lines, mutated, pieces } from './mutations.ts';

export interface ClientRequest {
  /** latin1; `{id}` stands where the path names the exchange. */
  readonly pieces: readonly string[];
  /** Whole and valid, so that an answer is owed. */
  readonly valid: boolean;
  /** When it leaves: after its last piece and this many milliseconds; null = it waits for its answer. */
  readonly leaveMs: number | null;
  readonly leave: 'FIN' | 'RST';
}

const HANDSHAKE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: a\r\n';

const FIELDS = [
  ['TE: trailers', 'Trailer: X', 'Keep-Alive: 5', 'Proxy-Connection: x'],
  [
    'Cookie: a=b',
    'Range: bytes=0-1',
    'If-None-Match: "x"',
    'X-Latin: \xe9',
    'X-Forwarded-For: \xff',
    '__proto__: x',
  ],
  ['Expect: 100-continue', 'Authorization: x', 'HTTP2-Settings: x', 'Accept-Encoding: gzip'],
];

const TARGETS = [
  '/{id}',
  '/{id}',
  '/{id}',
  '/{id}',
  '/{id}?a=%',
  'http://[bad/{id}',
  '//{id}',
  '/{id}/../..',
  '/{id}\\[',
  '*',
  'http://a/{id}',
];

interface Web {
  readonly method: string;
  readonly version: string;
  readonly target: string;
  readonly connection: string;
  readonly fields: string;
  readonly body: string;
  readonly framing: string;
}

function webText({ method, version, target, connection, fields, body, framing }: Web): string {
  const head = `${method} ${target} HTTP/${version}\r\nHost: a\r\n${connection}${fields}`;
  if (method === 'GET' || method === 'HEAD' || framing === 'none') return `${head}\r\n`;
  if (framing === 'length') return `${head}Content-Length: ${body.length}\r\n\r\n${body}`;
  const chunk = body === '' ? '' : `${body.length.toString(16)}\r\n${body}\r\n`;
  return `${head}Transfer-Encoding: chunked\r\n\r\n${chunk}0\r\n\r\n`;
}

const web: fc.Arbitrary<string> = fc
  .record({
    method: fc.constantFrom('GET', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PROPFIND'),
    version: fc.constantFrom('1.1', '1.1', '1.0'),
    target: fc.constantFrom(...TARGETS),
    connection: fc.constantFrom(
      'Connection: close\r\n',
      'Connection: close\r\n',
      'Connection: close, X-A\r\nX-A: b\r\n',
    ),
    fields: lines(FIELDS, 2),
    body: fc.constantFrom('', 'body', 'b'.repeat(90_000)),
    framing: fc.constantFrom('length', 'chunked', 'none'),
  })
  .map((one) =>
    webText(one.version === '1.0' && one.framing === 'chunked' ? { ...one, framing: 'length' } : one),
  );

/** Two at once on one connection. */
const pipelined = fc
  .tuple(fc.constantFrom('GET', 'HEAD', 'DELETE'), web)
  .map(([method, second]) => `${method} /{id} HTTP/1.1\r\nHost: a\r\n\r\n${second}`);

const webSocket = fc
  .record({
    method: fc.constantFrom('GET', 'GET', 'GET', 'GET', 'POST', 'HEAD'),
    version: fc.constantFrom('1.1', '1.1', '1.1', '1.0'),
    target: fc.constantFrom(...TARGETS),
    handshake: fc.constantFrom(HANDSHAKE, HANDSHAKE, HANDSHAKE, 'Connection: upgrade\r\nUpgrade: h2c\r\n'),
    fields: lines(FIELDS, 2),
    early: fc.constantFrom('', '', '\x81\x80abcd', 'GET / HTTP/1.1\r\n\r\n', 'z'.repeat(3000)),
  })
  .map(
    (a) => `${a.method} ${a.target} HTTP/${a.version}\r\nHost: a\r\n${a.handshake}${a.fields}\r\n${a.early}`,
  );

const kinds = fc.oneof(
  { weight: 6, arbitrary: web },
  { weight: 1, arbitrary: pipelined },
  { weight: 4, arbitrary: webSocket },
);

const staying = { leaveMs: fc.constant(null), leave: fc.constant('FIN' as const) };
const leaving = {
  leaveMs: fc.constantFrom(0, 1, 2, 4, 8, 15),
  leave: fc.constantFrom('FIN' as const, 'RST' as const),
};

export const clientRequest: fc.Arbitrary<ClientRequest> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ pieces: pieces(kinds), valid: fc.constant(true), ...staying }) },
  { weight: 2, arbitrary: fc.record({ pieces: pieces(kinds), valid: fc.constant(false), ...leaving }) },
  {
    weight: 1,
    arbitrary: fc.record({ pieces: pieces(mutated(kinds, 2)), valid: fc.constant(false), ...leaving }),
  },
);
