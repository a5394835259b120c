// The peer of random configurations: its answer is chosen by a number in the target or in X-Kind, and it remembers what it was asked.
import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { startRawUpstream, type TestPeer } from '../../support/upstream.ts';

export interface RecordingPeer extends TestPeer {
  /** What came since the last call, each request as a text. */
  takeSeen(): string[];
}

interface Asked {
  readonly line: string;
  readonly fields: readonly string[];
  readonly body: string;
}

interface Told {
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
const ANSWERS: readonly Told[] = [
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
    fields: ['X-Accel-Redirect: /files/page.html', 'Accept-Ranges: bytes', 'Refresh: 7'],
    framing: 'chunked',
    body: 'x',
  },
  {
    fields: [
      'X-Accel-Limit-Rate: 10000000',
      'X-Accel-Buffering: no',
      'X-Accel-Expires: 5',
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

export async function startRecordingPeer(): Promise<RecordingPeer> {
  let seen: string[] = [];
  const peer = await startRawUpstream((socket) => {
    let got = '';
    socket.on('data', (chunk: Buffer) => {
      got += chunk.latin1Slice();
      for (;;) {
        const taken = take(got);
        if (taken === null) return;
        got = got.slice(taken.end);
        const kind = kindOf(taken.asked);
        seen.push(describe(taken.asked));
        answer(socket, taken.asked, kind, peer.address);
      }
    });
    socket.on('end', () => socket.end());
  });
  return {
    ...peer,
    takeSeen() {
      const taken = seen;
      seen = [];
      return taken;
    },
  };
}

function take(got: string): { asked: Asked; end: number } | null {
  const end = got.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const [line, ...fields] = got.slice(0, end).split('\r\n');
  const start = end + 4;
  if (fields.some((f) => /^transfer-encoding: *chunked/i.test(f))) {
    let body = '';
    for (let p = start; ; ) {
      const eol = got.indexOf('\r\n', p);
      if (eol < 0) return null;
      const size = Number.parseInt(got.slice(p, eol), 16);
      p = eol + 2 + size + 2;
      if (got.length < p) return null;
      if (size === 0) return { asked: { line, fields, body }, end: p };
      body += got.slice(eol + 2, p - 2);
    }
  }
  const length = Number(fields.map((f) => /^content-length: *(\d+)/i.exec(f)?.[1]).find(Boolean) ?? 0);
  if (got.length < start + length) return null;
  return { asked: { line, fields, body: got.slice(start, start + length) }, end: start + length };
}

/** Connection is each proxy's own; of a body that is not sent nginx tells the length 0 more often. */
function describe({ line, fields, body }: Asked): string {
  return [line, ...fields.filter((f) => !/^(?:connection:|content-length: 0$)/i.test(f)), '', body].join(
    '\n',
  );
}

function kindOf({ line, fields }: Asked): number {
  const told = /\bk(\d+)\b/.exec(line) ?? /(?:^|\n)X-Kind: *(\d+)/i.exec(fields.join('\n'));
  return told === null ? 0 : Number(told[1]) % KINDS;
}

function answer(socket: Socket, asked: Asked, kind: number, address: string): void {
  if (kind > ANSWERS.length) {
    socket.end('HTTP/1.1 200 OK\r\nno name\r\n\r\n');
    return;
  }
  const echo = describe({ ...asked, fields: [...asked.fields].sort() });
  const told: Told = kind === 0 ? { fields: ['Content-Type: text/plain'], body: echo } : ANSWERS[kind - 1];
  const { status = '200 OK', fields = [], body = '', framing = 'length' } = told;
  const old = asked.line.endsWith('HTTP/1.0');
  const bodyless = asked.line.startsWith('HEAD ') || /^(?:204|304)/.test(status);
  const lines = [`HTTP/1.1 ${status}`, ...fields.map((f) => f.replaceAll('PEER', address))];
  const chunked = framing === 'chunked' && !old;
  if (chunked) lines.push('Transfer-Encoding: chunked');
  else if (framing !== 'close' && !/^(?:204|304)/.test(status)) lines.push(`Content-Length: ${body.length}`);
  const ends = old || framing === 'close';
  if (ends) lines.push('Connection: close');
  socket.write(`${lines.join('\r\n')}\r\n\r\n${bodyless ? '' : chunked ? inChunks(body) : body}`, 'latin1');
  if (ends) socket.end();
}

function inChunks(body: string): string {
  const middle = body.length >> 1;
  return `${[body.slice(0, 7), body.slice(7, middle), body.slice(middle)].map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('')}0\r\n\r\n`;
}
