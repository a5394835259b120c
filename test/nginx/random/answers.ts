// What the peers of random configurations answer, by number.
import { gzipSync } from 'node:zlib';

export interface Told {
  readonly status?: string;
  readonly fields?: readonly string[];
  readonly body?: string;
  /** Default: length. Chunked becomes a length towards HTTP/1.0. */
  readonly framing?: 'length' | 'chunked' | 'close';
}

const HTML = `<html><head></head><body>\n${'<p>a line of the peer</p>\n'.repeat(50)}</body></html>\n`;
const text = (status: string, fields: readonly string[] = []): Told => ({
  status,
  fields: ['Content-Type: text/html', ...fields],
  body: `<p>the peer says ${status}\n`,
});

/** `PEER` is the peer's own address. */
export const ANSWERS: readonly Told[] = [
  {
    fields: [
      'Content-Type: text/html',
      'ETag: "peer-1"',
      'Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT',
      'Cache-Control: no-cache',
      'Cache-Control: private',
      'Set-Cookie: a=1; Path=/',
      'Set-Cookie: b=2; Domain=peer.test',
    ],
    body: HTML,
  },
  { fields: ['Content-Type: text/html; charset=utf-8', 'X-Peer: chunked'], body: HTML, framing: 'chunked' },
  { fields: ['Content-Type: text/css'], body: 'p{}\n'.repeat(100), framing: 'close' },
  text('404 Not Found', ['X-Peer: missing']),
  text('500 Internal Server Error'),
  text('503 Service Unavailable', ['Retry-After: 7']),
  text('403 Forbidden', ['X-Peer: no', 'ETag: "peer-403"']),
  text('401 Unauthorized', ['WWW-Authenticate: Basic realm="peer"']),
  text('301 Moved Permanently', ['Location: http://PEER/there?x=1']),
  text('302 Found', ['Location: /a/there']),
  text('201 Created', ['Location: http://other.test/new']),
  { status: '204 No Content', fields: ['X-Peer: nothing'] },
  { status: '304 Not Modified', fields: ['ETag: "peer-1"', 'X-Peer: same'] },
  {
    status: '206 Partial Content',
    fields: ['Content-Type: text/plain', 'Content-Range: bytes 0-9/50'],
    body: '0123456789',
  },
  {
    fields: ['Content-Type: text/plain', 'Content-Encoding: gzip', 'Vary: Accept-Encoding'],
    body: gzipSync('zipped by the peer\n'.repeat(30)).latin1Slice(),
  },
  { body: 'no type at all' },
  {
    fields: [
      'Content-Type: text/plain',
      'Date: Tue, 14 Nov 2023 22:13:20 GMT',
      'Server: peer/1',
      'Expires: Tue, 14 Nov 2023 22:13:20 GMT',
      'X-Peer: one',
      'X-Other: one',
      'X-Other: two',
      'X-Empty:',
    ],
    body: 'fields',
  },
  { fields: ['Content-Type: text/plain'], body: '' },
  {
    fields: ['Content-Type: application/json', 'Link: </a>', 'Link: </b>', 'Vary: Cookie'],
    body: '{"peer":1}',
  },
  { fields: ['Content-Type: text/html'], body: HTML.repeat(80) },
  { status: '299 An Odd Phrase', fields: ['Accept-Ranges: bytes'], body: 'odd' },
  text('418 I am a teapot'),
  text('307 Temporary Redirect', ['Location: http://PEER/base/x', 'Refresh: 5; url=http://PEER/base/y']),
  { status: '404 Not Found', fields: [], body: '' },
  text('405 Not Allowed', ['Allow: GET']),
  text('429 Too Many Requests'),
  {
    fields: [
      'X-Accel-Redirect: /a/small.txt?by=accel',
      'Content-Type: text/x-accel',
      'Set-Cookie: accel=1; Path=/base/',
      'X-Peer: accel',
    ],
    body: 'nobody reads this',
  },
  {
    fields: ['X-Accel-Redirect: @named', 'Cache-Control: no-store', 'Expires: Tue, 14 Nov 2023 22:13:20 GMT'],
    body: 'nor this',
  },
  {
    status: '404 Not Found',
    fields: ['X-Accel-Redirect: /files/page.html', 'Refresh: 7'],
    framing: 'chunked',
    body: 'x',
  },
  {
    fields: [
      'X-Accel-Limit-Rate: 10000000',
      'X-Accel-Buffering: no',
      'X-Accel-Expires: 500',
      'Content-Type: text/html',
    ],
    body: HTML,
  },
  {
    fields: [
      'Content-Type: text/plain; charset=iso-8859-1',
      'Set-Cookie: a=1; Domain=peer.test; Path=/base/x; Secure',
      'Set-Cookie: pre_b=2; path=/base; samesite=lax',
      'Accept-Ranges: bytes',
      'Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT',
    ],
    body: 'caf\xe9 0123456789',
  },
  {
    status: '502 Bad Gateway',
    fields: ['Content-Type: text/plain'],
    body: 'the peer has none',
    framing: 'close',
  },
];

/** Numbers that the peer knows: 0 echoes, that after the answers is no answer. */
export const KINDS = ANSWERS.length + 2;
