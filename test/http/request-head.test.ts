// The request head, rule by rule: what is read from one that is accepted.
import { describe, expect, it } from 'vitest';
import { MALFORMED, NEED_MORE, parseRequestHead, RequestHead } from '../../src/http/request-head.ts';
import { LIMITS, latin1, readRequest } from './heads.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: a\r\n';
const withFields = (count: number): string => `GET / HTTP/1.0\r\n${'a: b\r\n'.repeat(count)}\r\n`;

/** `[rule, head, what is read]`. */
const accepted: readonly (readonly [string, string, Readonly<Record<string, unknown>>])[] = [
  [
    'RFC 9112 §3: the plain request',
    `${GET}\r\n`,
    { method: 'GET', target: '/', path: '/', minor: 1, host: 'a', hasBody: false, contentLength: -1 },
  ],
  ['RFC 9112 §2.2: empty lines first', `\r\n\r\n${GET}\r\n`, { method: 'GET', host: 'a' }],
  ['RFC 9112 §2.2: an LF first', `\n${GET}\r\n`, { method: 'GET', host: 'a' }],
  [
    'nginx: lone LF everywhere',
    'GET / HTTP/1.1\nHost: a\nb: c\n\n',
    {
      host: 'a',
      fields: [
        ['Host', 'a'],
        ['b', 'c'],
      ],
    },
  ],
  [
    'nginx: LF and CRLF mixed',
    'GET / HTTP/1.1\nHost: a\r\nb: c\n\r\n',
    {
      host: 'a',
      fields: [
        ['Host', 'a'],
        ['b', 'c'],
      ],
    },
  ],
  ['RFC 9110 §9.1: a method that we do not know', 'x-Y!1 / HTTP/1.1\r\nHost: a\r\n\r\n', { method: 'x-Y!1' }],
  [
    'limit: method of 32 bytes',
    `${'M'.repeat(32)} / HTTP/1.1\r\nHost: a\r\n\r\n`,
    { method: 'M'.repeat(32) },
  ],
  [
    'RFC 9112 §3.2.1: a target of all visible ASCII but #',
    'GET /!"$%&\'()*+,-./:;<=>?@[\\]^_`{|}~ HTTP/1.1\r\nHost: a\r\n\r\n',
    { target: '/!"$%&\'()*+,-./:;<=>?@[\\]^_`{|}~' },
  ],
  [
    'bytes from 0x80, which RFC 3986 wants escaped, as they come',
    'GET /\x80\xff?\xe4 HTTP/1.1\r\nHost: a\r\n\r\n',
    { target: '/\x80\xff?\xe4' },
  ],
  [
    'RFC 9112 §3.2.2: absolute form wins over Host',
    'GET http://b:8/x?y HTTP/1.1\r\nHost: a\r\n\r\n',
    { host: 'b:8', path: '/x?y', target: 'http://b:8/x?y' },
  ],
  [
    'RFC 9112 §3.2.2: absolute form without path',
    'GET HTTP://b HTTP/1.1\r\nHost: a\r\n\r\n',
    { host: 'b', path: '/' },
  ],
  [
    'RFC 9112 §3.2.2: absolute form with a query only',
    'GET https://b?q HTTP/1.1\r\nHost: a\r\n\r\n',
    { host: 'b', path: '/?q' },
  ],
  ['RFC 9112 §3.2.4: OPTIONS *', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', { path: '*' }],
  ['RFC 9112 §2.3: a later minor version', 'GET / HTTP/1.7\r\nHost: a\r\n\r\n', { minor: 1 }],
  ['RFC 9112 §3.2: HTTP/1.0 without Host', 'GET / HTTP/1.0\r\n\r\n', { minor: 0, host: '' }],
  ...[
    'a',
    'A.b',
    'a:',
    'a:80',
    '127.0.0.1:65535',
    '[::1]',
    '[::1]:80',
    '[fe80::1%25eth0]',
    'xn--1',
    "a_b-c.d~!$&'()*+;=",
    '%41',
  ].map(
    (host) => [`RFC 9110 §7.2: Host ${host}`, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`, { host }] as const,
  ),
  [
    'RFC 9110 §5.5: OWS around a value',
    `${GET}a:b\r\nc: \t d e\t \r\nf:\r\ng: \t\r\n\r\n`,
    {
      fields: [
        ['Host', 'a'],
        ['a', 'b'],
        ['c', 'd e'],
        ['f', ''],
        ['g', ''],
      ],
    },
  ],
  [
    'RFC 9110 §5.5: obs-text and HTAB in a value',
    `${GET}a: \xe4\tb\xff\r\n\r\n`,
    {
      fields: [
        ['Host', 'a'],
        ['a', '\xe4\tb\xff'],
      ],
    },
  ],
  [
    'RFC 9110 §5.1: names are tokens',
    `${GET}!#$%&'*+.^_\`|~-: c\r\n\r\n`,
    {
      fields: [
        ['Host', 'a'],
        ["!#$%&'*+.^_`|~-", 'c'],
      ],
    },
  ],
  [
    'names like those of objects are only names',
    `${GET}__proto__: x\r\nconstructor: y\r\n\r\n`,
    {
      fields: [
        ['Host', 'a'],
        ['__proto__', 'x'],
        ['constructor', 'y'],
      ],
    },
  ],
  ['RFC 9110 §8.6: Content-Length', `${POST}Content-Length: 5\r\n\r\n`, { contentLength: 5, hasBody: true }],
  [
    'RFC 9110 §8.6: Content-Length 0',
    `${POST}Content-Length: 0\r\n\r\n`,
    { contentLength: 0, hasBody: false },
  ],
  ['RFC 9110 §8.6: leading zeros', `${POST}Content-Length: 0000000000000005\r\n\r\n`, { contentLength: 5 }],
  [
    'RFC 9110 §8.6: the largest Content-Length',
    `${POST}Content-Length: 9007199254740991\r\n\r\n`,
    { contentLength: 9_007_199_254_740_991 },
  ],
  [
    'RFC 9112 §6.1: chunked, without case',
    `${POST}Transfer-Encoding: \tcHuNkEd \r\n\r\n`,
    { chunked: true, hasBody: true, contentLength: -1 },
  ],
  [
    'an alias with an underscore frames nothing',
    `${POST}Transfer_Encoding: chunked\r\nContent_Length: 5\r\n\r\n`,
    { chunked: false, hasBody: false, contentLength: -1 },
  ],
  [
    'RFC 9110 §7.6.1: Connection options',
    `${GET}Connection: Close, x-A,,Keep-Alive\r\nConnection: upgrade\r\n\r\n`,
    { close: true, keepAlive: true, upgradeRequested: true, connectionNames: ['x-a'] },
  ],
  [
    'limit: 64 options in Connection, the same ones twice',
    `${GET}Connection: ${Array.from({ length: 64 }, (_, i) => `x${i % 32}`)}\r\n\r\n`,
    { connectionNames: new Set(Array.from({ length: 32 }, (_, i) => `x${i}`)) },
  ],
  [
    'RFC 9110 §7.6.1: Connection cannot name what the request means',
    `${GET}Connection: host, Content-Length, transfer-encoding, X-Forwarded-For, x-real-ip, Cookie, Authorization\r\n\r\n`,
    { connectionNames: null },
  ],
  [
    'RFC 9110 §10.1.1: Expect',
    `${POST}Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n`,
    { expectContinue: true },
  ],
  [
    'RFC 9110 §10.1.1: Expect of HTTP/1.0 is ignored',
    'POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n',
    { expectContinue: false },
  ],
  ['limit: 1000 fields', withFields(1000), { minor: 0 }],
  ['limit: request line of 8192 bytes', `GET /${'a'.repeat(8192 - 16)} HTTP/1.0\r\n\r\n`, { minor: 0 }],
  [
    'limit: field line of 8192 bytes without its LF',
    `GET / HTTP/1.0\r\na: ${'b'.repeat(8188)}\r\n\r\n`,
    { minor: 0 },
  ],
  [
    'limit: head of 32768 bytes',
    `GET / HTTP/1.0\r\n${`a: ${'b'.repeat(4091)}\r\n`.repeat(7)}a: ${'b'.repeat(4073)}\r\n\r\n`,
    { size: 32_768 },
  ],
];

describe('a request head is read', () => {
  it.each(accepted)('%s', (_rule, head, data) => {
    const outcome = readRequest(latin1(head));
    expect(outcome.kind === 'head' ? outcome.head : outcome).toMatchObject(data);
  });

  it('the same in single bytes', () => {
    for (const [rule, head] of accepted) {
      const bytes = latin1(head);
      const cuts = Array.from({ length: bytes.length }, (_, i) => i);
      expect(readRequest(bytes, cuts), rule).toEqual(readRequest(bytes));
    }
  });

  it('up to its own end, whatever follows', () => {
    for (const end of ['\r\n\r\n', '\n\n', '\n\r\n', '\r\n\n']) {
      const first = `GET /1 HTTP/1.1\r\nHost: a${end}`;
      const outcome = readRequest(
        latin1(`${first}GET /2 HTTP/1.1\r\nHost: b\r\nContent-Length: 7\r\n\r\n\n\n`),
      );
      expect(outcome).toMatchObject({
        kind: 'head',
        size: first.length,
        head: { target: '/1', host: 'a', contentLength: -1 },
      });
    }
  });

  it('anywhere in a buffer', () => {
    const head = new RequestHead();
    const bytes = latin1(`xx\r\n\r\n${GET}\r\nyy`);
    const start = 6;
    const after = parseRequestHead(head, bytes, { start, end: bytes.length - 2, scanned: 0 }, LIMITS);
    expect(after).toBe(bytes.length - 2);
    expect(parseRequestHead(head, bytes, { start, end: bytes.length - 3, scanned: 0 }, LIMITS)).toBe(
      NEED_MORE,
    );
  });

  it('with nothing left of the one before', () => {
    const head = new RequestHead();
    const read = (text: string): number =>
      parseRequestHead(head, latin1(text), { start: 0, end: text.length, scanned: 0 }, LIMITS);
    expect(
      read(
        'HEAD http://old/ HTTP/1.0\r\nConnection: close, x\r\nContent-Length: 3\r\nExpect: 100-continue\r\nUpgrade: u\r\n\r\n',
      ),
    ).toBeGreaterThan(0);
    expect(read(`${GET}\r\n`)).toBeGreaterThan(0);
    expect(head).toMatchObject({
      method: 'GET',
      minor: 1,
      host: 'a',
      path: '/',
      contentLength: -1,
      close: false,
      connectionNames: null,
      expectContinue: false,
      upgradeAt: -1,
    });
    expect(read('HEAD / HTTP/1.0\r\n\r\n')).toBeGreaterThan(0);
    // A refused head does not show the method of the request before it: its answer would lose its body.
    expect(read('\x16\x03\x01')).toBe(MALFORMED);
    expect(head.method).toBe('');
    expect(head.target).toBe('');
  });

  it('with fields found by name, in order, joined as nginx joins them', () => {
    const head = new RequestHead();
    const text = `${GET}Cookie: a=1\r\nAccept: x\r\ncookie: b=2\r\naccept: y\r\nX_Under: 1\r\n\r\n`;
    parseRequestHead(head, latin1(text), { start: 0, end: text.length, scanned: 0 }, LIMITS);
    expect(head.get('accept')).toBe('x');
    expect(head.getAll('accept')).toBe('x, y');
    expect(head.getAll('cookie')).toBe('a=1; b=2');
    expect(head.get('x_under')).toBeUndefined();
    expect(head.get('none')).toBeUndefined();
    expect(head.getAll('none')).toBeUndefined();
  });
});
