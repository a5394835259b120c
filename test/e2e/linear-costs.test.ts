// What a client, or a peer, sends costs in proportion to its size: two sizes that it chooses are never multiplied. Eight times as much may
// cost eight times as much, and costs 64 times as much where sizes are multiplied. The bound lies between.
import { expect, it } from 'vitest';
import { parseRanges } from '../../src/answer/byte-ranges.ts';
import { checkPreconditions } from '../../src/answer/preconditions.ts';
import { Http1Back } from '../../src/back/http1.ts';
import type { Peer } from '../../src/balance/peer.ts';
import { lookupAny } from '../../src/config/registry.ts';
import { Attempt } from '../../src/exchange/attempt.ts';
import { AttemptRun } from '../../src/forward/attempt.ts';
import type { AttemptHost } from '../../src/forward/attempt-host.ts';
import { compileRequestHead } from '../../src/forward/request-head.ts';
import { compileResponseHead } from '../../src/forward/response-head.ts';
import { ChunkedDecoder } from '../../src/http/chunked.ts';
import { parseRequestHead, RequestHead } from '../../src/http/request-head.ts';
import { parseResponseHead, ResponseHead } from '../../src/http/response-head.ts';
import { compileTemplate } from '../../src/route/template.ts';
import { joined } from '../../src/shared/joined.ts';
import { cpuGrowth, cpuMs } from '../support/cpu-time.ts';
import { stubExchange } from '../support/stub-exchange.ts';

/** Wide enough that sizes, not limits, decide. */
const WIDE = { maxLine: 1 << 20, maxHead: 1 << 22, maxFields: 20_000 };
const LARGER = 8;
const MOST_TIMES = 24;

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const numbered = (count: number, text: (i: number) => string): string[] =>
  Array.from({ length: count }, (_, i) => text(i));

/** How many times as long eight times the size takes. */
function growth(make: (size: number) => () => void, size: number): Promise<number> {
  const small = make(size);
  const large = make(size * LARGER);
  // Long enough for the clock, short enough for the machine.
  const times = Math.max(1, Math.ceil(0.5 / Math.min(cpuMs(small), cpuMs(small))));
  return cpuGrowth(
    () => cpuMs(small, times),
    () => cpuMs(large),
    MOST_TIMES,
  );
}

function readRequests(text: string): () => void {
  const bytes = latin1(text);
  const head = new RequestHead();
  return () => {
    for (let at = 0; at < bytes.length; ) {
      const range = { start: at, end: bytes.length, scanned: 0 };
      at = parseRequestHead(head, bytes, range, WIDE);
      if (at <= 0) throw new Error(head.problem);
    }
  };
}

/** As a connection does: what was not a whole head is kept, and the next byte comes behind it. */
function readBytewise(text: string, parse: (bytes: Buffer, end: number) => number): () => void {
  const bytes = latin1(text);
  return () => {
    let kept: Buffer | null = null;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes.subarray(i, i + 1);
      kept = kept === null ? Buffer.from(byte) : joined(kept, 0, byte, 1);
      parse(kept, i);
    }
  };
}

const write = compileRequestHead({
  set: [['Host', () => 'a']],
  method: null,
  target: () => '/',
  passFields: true,
  http10: false,
  keepalive: true,
});
const take = compileResponseHead({
  hidden: [],
  hide: [],
  pass: [],
  redirects: [],
  cookie: null,
  absolute: (_x, location) => location,
});

/** A whole request: read, and its head written for a peer. */
function passOn(lines: string): () => void {
  const bytes = latin1(`GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`);
  const exchange = stubExchange();
  const range = { start: 0, end: bytes.length, scanned: 0 };
  return () => {
    // Refused or not: what it costs until then counts.
    if (parseRequestHead(exchange.request, bytes, range, WIDE) > 0) write(exchange, { kind: 'none' }, false);
  };
}

function passBack(lines: string): () => void {
  const bytes = latin1(`HTTP/1.1 200 OK\r\n${lines}\r\n`);
  const exchange = stubExchange();
  const head = new ResponseHead();
  const range = { start: 0, end: bytes.length, scanned: 0 };
  return () => {
    if (parseResponseHead(head, bytes, range, WIDE) > 0) take(exchange, head);
  };
}

const manyNames = (n: number): string[] => numbered(n, (i) => `x${i.toString(36)}`);
const manyOptions = (n: number): string =>
  `Connection: ${manyNames(n).join(',')}\r\n${manyNames(n)
    .map((name) => `${name.replace('x', 'y')}: z\r\n`)
    .join('')}`;
/** As many as are taken, in front of any number of fields. */
const mostOptions = (n: number): string =>
  `Connection: ${manyNames(60).join(',')}\r\n${manyNames(n)
    .map((name) => `${name.replace('x', 'y')}: z\r\n`)
    .join('')}`;

function value(template: string, head: string, args = ''): () => void {
  const exchange = stubExchange(`GET / HTTP/1.1\r\nHost: a\r\n${head}\r\n`);
  exchange.args = args;
  const text = compileTemplate(template, lookupAny);
  return () => void text(exchange);
}

/** An attempt to which a peer sends the head of its answer byte by byte. */
function answerBytewise(size: number): () => void {
  const bytes = latin1(`HTTP/1.1 200 OK\r\nX: ${'y'.repeat(size)}`);
  const back = new Http1Back({ writeHead: () => 'GET', headLimits: WIDE, keepsMethod: false, http10: false });
  const options = { back, transport: null, readTimeoutMs: 0, sendTimeoutMs: 0 };
  return () => {
    const connection = { reused: true, head: new ResponseHead(), requests: 0, pendingBytes: 0 };
    const silent = { writeText: () => {}, setTimeout: () => {} };
    const upstream = { acquire: () => Object.assign(connection, silent) };
    const forward = {
      upstream,
      options,
      framing: { kind: 'none' },
      isUpgrade: false,
      pull: null,
      stream: null,
    };
    const peer = {} as Peer;
    const run = new AttemptRun(forward as unknown as AttemptHost, peer, new Attempt('p', 0));
    run.start(false);
    for (let i = 0; i < bytes.length; i++) run.onPeerData(bytes.subarray(i, i + 1), 1);
  };
}

/** `[what, work of a size, the small size]`. */
const costs: readonly (readonly [string, (size: number) => () => void, number])[] = [
  ['options of Connection beside as many fields', (n) => passOn(manyOptions(n)), 500],
  ['fields beside many options of Connection', (n) => passOn(mostOptions(n)), 500],
  ['Connection fields', (n) => passOn('Connection: close, x-a\r\n'.repeat(n)), 500],
  ['the same option again and again', (n) => passOn('Connection: x-a\r\n'.repeat(n)), 500],
  ['fields of all kinds', (n) => passOn('Cookie: a=b\r\nTE: x\r\nX_y: z\r\nA:b\r\n'.repeat(n)), 250],
  ['fields whose names are no names', (n) => passOn('a_b: c\r\n'.repeat(n)), 500],
  ['bytes of a field', (n) => passOn(`X: ${'a ,;='.repeat(n)}\r\n`), 10_000],
  ['what Upgrade offers', (n) => passOn(`Upgrade: ${'a , \t'.repeat(n)}\r\nConnection: upgrade\r\n`), 5000],
  ['pipelined requests', (n) => readRequests('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(n)), 600],
  ['pipelined requests with lone LF', (n) => readRequests('GET / HTTP/1.1\nHost: a\n\n'.repeat(n)), 600],
  ['pipelined requests, LF and CRLF mixed', (n) => readRequests('GET / HTTP/1.0\n\r\n'.repeat(n)), 600],
  [
    'pipelined requests with lone LF in front of one with CRLF',
    (n) => readRequests(`${'GET / HTTP/1.0\n\n'.repeat(n)}GET / HTTP/1.0\r\n\r\n`),
    600,
  ],
  [
    'the bytes of a head, one after the other',
    (n) => {
      const head = new RequestHead();
      const text = `GET / HTTP/1.1\r\n${'a: b\r\n'.repeat(n)}`;
      return readBytewise(text, (bytes, scanned) =>
        parseRequestHead(head, bytes, { start: 0, end: bytes.length, scanned }, WIDE),
      );
    },
    2000,
  ],
  ['the bytes of a peer’s head, one after the other', answerBytewise, 4000],
  ['options of a peer’s Connection beside as many fields', (n) => passBack(manyOptions(n)), 500],
  ['fields of a peer beside many options of Connection', (n) => passBack(mostOptions(n)), 500],
  ['Set-Cookie and Vary of a peer', (n) => passBack('Set-Cookie: a=b; c\r\nVary: d, e\r\n'.repeat(n)), 500],
  ['Keep-Alive fields of a peer', (n) => passBack('Keep-Alive: max=5, timeout=\r\n'.repeat(n)), 500],
  ['chunks', (n) => decode('1\r\na\r\n'.repeat(n)), 5000],
  ['bytes of a trailer section', (n) => decode(`0\r\n${'A: b\r\n'.repeat(n)}\r\n`), 4],
  ['cookies', (n) => value('$cookie_z', `Cookie: ${'a=b; '.repeat(n)}\r\n`), 600],
  ['Cookie fields', (n) => value('$cookie_z', 'Cookie: a=b\r\n'.repeat(n)), 100],
  ['fields that a variable is looked for in', (n) => value('$http_z', 'a: b\r\n'.repeat(n)), 100],
  ['fields that a variable joins', (n) => value('$http_a', 'a: b\r\n'.repeat(n)), 100],
  ['arguments', (n) => value('$arg_z', '', 'a=b&'.repeat(n)), 3000],
  [
    'addresses of X-Forwarded-For',
    (n) => value('$proxy_add_x_forwarded_for', `X-Forwarded-For: ${'10.0.0.1, '.repeat(n)}\r\n`),
    600,
  ],
  ['credentials', (n) => value('$remote_user', `Authorization: basic ${'YTph'.repeat(n)}\r\n`), 1500],
  ['ranges', (n) => () => void parseRanges(`bytes=${'9-,'.repeat(n)}9-`, 5, 16), 2000],
  [
    'spaces of a range',
    (n) => () => void parseRanges(`bytes=${' '.repeat(n)}1 - ${' '.repeat(n)}x`, 5, 16),
    9000,
  ],
  [
    'entity tags',
    (n) => () =>
      void checkPreconditions({ get: () => '"a", '.repeat(n) }, { mtime: 0, etag: '"b"' }, 'exact'),
    2000,
  ],
];

function decode(text: string): () => void {
  const bytes = latin1(text);
  const copy = Buffer.alloc(bytes.length);
  const decoder = new ChunkedDecoder();
  return () => {
    bytes.copy(copy);
    decoder.reset();
    decoder.decode(copy, 0, copy.length);
  };
}

it.each(costs)('%s', async (_what, make, size) => {
  expect(await growth(make, size)).toBeLessThan(MOST_TIMES);
});
