// Request heads that can be read two ways: refused, each rule under its name.
import { describe, expect, it } from 'vitest';
import { statusOfProblem } from '../../src/http/request-head.ts';
import { latin1, readRequest } from './heads.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: a\r\n';
const withFields = (count: number): string => `GET / HTTP/1.0\r\n${'a: b\r\n'.repeat(count)}\r\n`;

/** `[rule, head, problem]`. */
const refused: readonly (readonly [string, string, string])[] = [
  [
    'limit: 65 options in Connection',
    `${GET}Connection: ${'x, '.repeat(64)}close\r\n\r\n`,
    'more than 64 options in Connection',
  ],
  [
    'limit: 65 options in several Connection fields',
    `${GET}${`Connection: ${'x,'.repeat(12)}y\r\n`.repeat(5)}\r\n`,
    'more than 64 options in Connection',
  ],
  ['RFC 9112 §2.2: bare CR before the request line', '\rGET / HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid method'],
  ['RFC 9112 §2.2: bare CR in the method', 'G\rET / HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid method'],
  ['RFC 9112 §2.2: bare CR in the target', 'GET /a\rb HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid version'],
  [
    'RFC 9112 §2.2: CR twice at the end of the request line',
    'GET / HTTP/1.1\r\r\nHost: a\r\n\r\n',
    'invalid version',
  ],
  [
    'RFC 9112 §2.2: bare CR alone ends the request line',
    'GET / HTTP/1.1\rHost: a\r\n\r\n',
    'invalid version',
  ],
  ['RFC 9112 §2.2: bare CR in a name', `${GET}a\rb: c\r\n\r\n`, 'field line without colon'],
  ['RFC 9112 §2.2: bare CR in a value', `${GET}a: b\rc\r\n\r\n`, 'bare CR'],
  [
    'RFC 9112 §2.2: bare CR hides a field (CVE-2023-30589)',
    `${GET}a: b\rContent-Length: 5\r\n\r\n`,
    'bare CR',
  ],
  ['RFC 9112 §2.2: CR twice at the end of a field line', `${GET}a: b\r\r\n\r\n`, 'bare CR'],
  ['RFC 9112 §2.2: bare CR for the empty line', `${GET}\rX: y\r\n\r\n`, 'bare CR'],
  ['RFC 9112 §2.2: space before the first field', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n', 'folded field line'],
  [
    'RFC 9112 §2.2: more than a few empty lines first',
    '\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n',
    'invalid method',
  ],
  ['RFC 9110 §9.1: empty method', ' / HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid method'],
  ['RFC 9110 §9.1: method that is no token', 'G(T / HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid method'],
  ['RFC 9110 §9.1: method with a colon', 'GET: / HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid method'],
  ['limit: method of 33 bytes', `${'M'.repeat(33)} / HTTP/1.1\r\nHost: a\r\n\r\n`, 'invalid method'],
  ['RFC 9110 §9.3.6: CONNECT', 'CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n', 'method not allowed'],
  ['RFC 9110 §9.3.8: TRACE', 'TRACE / HTTP/1.1\r\nHost: a\r\n\r\n', 'method not allowed'],
  ['RFC 9112 §3: two spaces after the method', 'GET  / HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid version'],
  ['RFC 9112 §3: two spaces before the version', 'GET /  HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid version'],
  ['RFC 9112 §3: HTAB for SP', 'GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid method'],
  ['RFC 9112 §3: HTAB before the version', 'GET /\tHTTP/1.1\r\nHost: a\r\n\r\n', 'invalid request target'],
  ['RFC 9112 §3: space behind the version', 'GET / HTTP/1.1 \r\nHost: a\r\n\r\n', 'invalid version'],
  ['RFC 9112 §3.2: space in the target', 'GET /a b HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid version'],
  ['RFC 9112 §3.2: no target', 'GET HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid version'],
  ['RFC 9112 §3.2: empty target', 'GET  HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid request target'],
  [
    'RFC 9112 §3.2.1: target without leading slash',
    'GET a HTTP/1.1\r\nHost: a\r\n\r\n',
    'invalid request target',
  ],
  ['RFC 9112 §3.2.4: * for another method', 'GET * HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid request target'],
  [
    'RFC 3986 §3.5: # in the target (CVE-2023-45539)',
    'GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n',
    'invalid request target',
  ],
  ['RFC 3986 §2: NUL in the target', 'GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid request target'],
  ['RFC 3986 §2: DEL in the target', 'GET /a\x7fb HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid request target'],
  [
    'RFC 9112 §3.2.2: absolute form without authority',
    'GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n',
    'invalid request target',
  ],
  [
    'RFC 9110 §4.2.4: absolute form with userinfo',
    'GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n',
    'invalid request target',
  ],
  [
    'RFC 9112 §3.2.2: absolute form with a bad port',
    'GET http://a:b/ HTTP/1.1\r\nHost: a\r\n\r\n',
    'invalid request target',
  ],
  ['RFC 9112 §3.2.2: another scheme', 'GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid request target'],
  ['RFC 9112 §2.3: lower-case version', 'GET / http/1.1\r\nHost: a\r\n\r\n', 'invalid version'],
  ['RFC 9112 §2.3: HTTP/1.1x', 'GET / HTTP/1.1x\r\nHost: a\r\n\r\n', 'invalid version'],
  ['RFC 9112 §2.3: HTTP/1.10', 'GET / HTTP/1.10\r\nHost: a\r\n\r\n', 'invalid version'],
  ['RFC 9112 §2.3: HTTP/11', 'GET / HTTP/11\r\nHost: a\r\n\r\n', 'invalid version'],
  ['RFC 9112 §2.3: HTTP/1,1', 'GET / HTTP/1,1\r\nHost: a\r\n\r\n', 'invalid version'],
  ['RFC 9112 §2.3: HTTP/2.0', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n', 'unsupported version'],
  ['RFC 9112 §2.3: HTTP/0.9 with a version', 'GET / HTTP/0.9\r\nHost: a\r\n\r\n', 'unsupported version'],
  ['RFC 9112 §2.3: HTTP/0.9', 'GET /\r\n\r\n', 'invalid version'],
  ['RFC 9112 §5.1: space before the colon', `${GET}a : b\r\n\r\n`, 'space before colon or in a field name'],
  ['RFC 9112 §5.1: HTAB before the colon', `${GET}a\t: b\r\n\r\n`, 'space before colon or in a field name'],
  ['RFC 9110 §5.1: space in a name', `${GET}a b: c\r\n\r\n`, 'space before colon or in a field name'],
  ['RFC 9110 §5.1: empty name (CVE-2023-25725)', `${GET}: b\r\n\r\n`, 'empty field name'],
  ['RFC 9110 §5.1: NUL in a name', `${GET}a\0b: c\r\n\r\n`, 'control character in a field'],
  ['RFC 9110 §5.1: DEL in a name', `${GET}a\x7f: c\r\n\r\n`, 'control character in a field'],
  ['RFC 9112 §5: line without colon', `${GET}abc\r\n\r\n`, 'field line without colon'],
  ['RFC 9112 §5.2: folding with SP', `${GET}a: b\r\n c\r\n\r\n`, 'folded field line'],
  ['RFC 9112 §5.2: folding with HTAB', `${GET}a: b\r\n\tc\r\n\r\n`, 'folded field line'],
  ['RFC 9112 §5.2: folding behind a lone LF', `${GET}a: b\n c\r\n\r\n`, 'folded field line'],
  ['RFC 9110 §5.5: NUL in a value', `${GET}a: b\0c\r\n\r\n`, 'control character in a field'],
  ['RFC 9110 §5.5: VT in a value', `${GET}a: b\x0bc\r\n\r\n`, 'control character in a field'],
  ['RFC 9110 §5.5: ESC in a value', `${GET}a: \x1b\r\n\r\n`, 'control character in a field'],
  ['RFC 9110 §5.5: DEL in a value', `${GET}a: b\x7f\r\n\r\n`, 'control character in a field'],
  ['RFC 9112 §3.2: no Host', 'GET / HTTP/1.1\r\n\r\n', 'missing Host'],
  ['RFC 9112 §3.2: two Host fields', `${GET}Host: a\r\n\r\n`, 'several Host fields'],
  [
    'RFC 9112 §3.2: two Host fields in 1.0',
    'GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n',
    'several Host fields',
  ],
  [
    'RFC 9110 §5.3: a condition twice',
    `${GET}If-Match: "a"\r\nif-match: "b"\r\n\r\n`,
    'a field twice that can stand once',
  ],
  [
    'RFC 9110 §5.3: credentials twice',
    `${GET}Authorization: a\r\nAuthorization: a\r\n\r\n`,
    'a field twice that can stand once',
  ],
  ['RFC 9112 §3.2: no Host with an absolute target', 'GET http://a/ HTTP/1.1\r\n\r\n', 'missing Host'],
  [
    'RFC 9112 §3.2: invalid Host with an absolute target',
    'GET http://a/ HTTP/1.1\r\nHost: a b\r\n\r\n',
    'invalid Host',
  ],
  ...[
    '',
    'a b',
    'a/b',
    'a, b',
    'a,b',
    'u@a',
    'a:b',
    'a:80:80',
    'a:123456',
    '[::1',
    '::1',
    '[::1]x',
    '[g::]',
    'a#b',
    'a?b',
    'a\\b',
    '\xe4',
    '%',
    '%zz',
    'a:-1',
    '"a"',
    '<a>',
  ].map(
    (host) =>
      [
        `RFC 9110 §7.2: Host ${JSON.stringify(host)}`,
        `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
        'invalid Host',
      ] as const,
  ),
  ...[
    '+5',
    '-1',
    '5,5',
    '5, 5',
    '0x5',
    '5 5',
    '',
    '5;',
    '5.0',
    '1e3',
    '５',
    '12345678901234567',
    '9007199254740992',
    'five',
  ].map(
    (length) =>
      [
        `RFC 9110 §8.6: Content-Length ${JSON.stringify(length)}`,
        `${POST}Content-Length: ${Buffer.from(length, 'utf8').toString('latin1')}\r\n\r\n`,
        'invalid Content-Length',
      ] as const,
  ),
  [
    'RFC 9112 §6.3: two equal Content-Length',
    `${POST}Content-Length: 5\r\nContent-Length: 5\r\n\r\n`,
    'several Content-Length fields',
  ],
  [
    'RFC 9112 §6.3: two different Content-Length',
    `${POST}Content-Length: 5\r\ncontent-length: 6\r\n\r\n`,
    'several Content-Length fields',
  ],
  [
    'RFC 9112 §6.1: Content-Length, then Transfer-Encoding',
    `${POST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`,
    'Content-Length with Transfer-Encoding',
  ],
  [
    'RFC 9112 §6.1: Transfer-Encoding, then Content-Length',
    `${POST}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n`,
    'Content-Length with Transfer-Encoding',
  ],
  [
    'RFC 9112 §6.1: Transfer-Encoding in HTTP/1.0',
    'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n',
    'Transfer-Encoding in HTTP/1.0',
  ],
  [
    'RFC 9112 §6.1: two Transfer-Encoding fields',
    `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`,
    'several Transfer-Encoding fields',
  ],
  ...[
    'xchunked',
    'chunkedx',
    'chunked, chunked',
    'identity',
    'gzip, chunked',
    'chunked, identity',
    'chunked;q=1',
    '"chunked"',
    '',
    ',chunked',
    'chunked,',
  ].map(
    (coding) =>
      [
        `RFC 9112 §6.1: Transfer-Encoding ${JSON.stringify(coding)}`,
        `${POST}Transfer-Encoding: ${coding}\r\n\r\n`,
        'invalid Transfer-Encoding',
      ] as const,
  ),
  [
    'RFC 9112 §6.1: VT before the coding',
    `${POST}Transfer-Encoding: \x0bchunked\r\n\r\n`,
    'control character in a field',
  ],
  [
    'RFC 9112 §6.1: VT behind the coding',
    `${POST}Transfer-Encoding: Chunked\x0b\r\n\r\n`,
    'control character in a field',
  ],
  ['RFC 9110 §10.1.1: another expectation', `${GET}Expect: 200-ok\r\n\r\n`, 'unknown expectation'],
  ['limit: 1001 fields', withFields(1001), 'too many fields'],
  [
    'limit: request line of 8193 bytes',
    `GET /${'a'.repeat(8193 - 16)} HTTP/1.0\r\n\r\n`,
    'request line too long',
  ],
  [
    'limit: field line of 8192 bytes and its LF',
    `GET / HTTP/1.0\r\na: ${'b'.repeat(8189)}\r\n\r\n`,
    'field line too long',
  ],
  [
    'limit: head of 32769 bytes',
    `GET / HTTP/1.0\r\n${`a: ${'b'.repeat(4091)}\r\n`.repeat(7)}a: ${'b'.repeat(4074)}\r\n\r\n`,
    'head too large',
  ],
];

describe('a request head that can be read two ways is refused', () => {
  it.each(refused)('%s', (_rule, head, problem) => {
    const outcome = readRequest(latin1(head));
    expect(outcome).toMatchObject({ kind: 'malformed', problem });
  });

  it('in whatever sizes it comes', () => {
    for (const [rule, head] of refused) {
      const cuts = head.length > 2000 ? [1, 9, 8000] : Array.from({ length: head.length }, (_, i) => i);
      expect(readRequest(latin1(head), cuts).kind, rule).toBe('malformed');
    }
  });

  it('with the status of its kind', () => {
    expect(statusOfProblem('request line too long')).toBe(414);
    expect(statusOfProblem('unsupported version')).toBe(505);
    expect(statusOfProblem('method not allowed')).toBe(405);
    expect(statusOfProblem('unknown expectation')).toBe(417);
    expect(statusOfProblem('head not complete in time')).toBe(408);
    expect(statusOfProblem('head too large')).toBe(494);
    expect(statusOfProblem('field line too long')).toBe(494);
    for (const problem of ['bare CR', 'several Host fields', 'invalid Content-Length'] as const) {
      expect(statusOfProblem(problem)).toBe(400);
    }
  });
});

describe('a head that is not complete', () => {
  it('is waited for', () => {
    for (const text of [
      '',
      '\r',
      '\r\n',
      'G',
      'GET / HT',
      'GET / HTTP/1.1\r',
      'GET / HTTP/1.1\r\n',
      `${GET}`,
      `${GET}\r`,
      `${GET}a: b\r`,
    ]) {
      expect(readRequest(latin1(text)), JSON.stringify(text)).toEqual({ kind: 'more' });
    }
  });

  it('is refused as soon as it cannot become one', () => {
    const early: [string, string][] = [
      ['\x16\x03\x01\x02\0', 'invalid method'],
      ['GET /\r\n', 'invalid version'],
      ['GET / HTTP/2.0\r\n', 'unsupported version'],
      [`GET /${'a'.repeat(9000)}`, 'request line too long'],
      [`${GET}a: ${'b'.repeat(9000)}`, 'field line too long'],
      [`${GET}${`a: ${'b'.repeat(4000)}\r\n`.repeat(9)}`, 'head too large'],
    ];
    for (const [text, problem] of early) expect(readRequest(latin1(text))).toMatchObject({ problem });
  });
});
