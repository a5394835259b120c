// The request head, rule by rule: what is refused, under which name, and what is read from what is accepted.
import { describe, expect, it } from 'vitest';
import { MALFORMED, NEED_MORE, parseRequestHead, RequestHead, statusOfProblem } from '../../src/http/request-head.ts';
import { LIMITS, latin1, readRequest } from './heads.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: a\r\n';
const withFields = (count: number): string => `GET / HTTP/1.0\r\n${'a: b\r\n'.repeat(count)}\r\n`;

/** `[rule, head, problem]`. */
const refused: readonly (readonly [string, string, string])[] = [
  ['RFC 9112 §2.2: bare CR before the request line', '\rGET / HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid method'],
  ['RFC 9112 §2.2: bare CR in the method', 'G\rET / HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid method'],
  ['RFC 9112 §2.2: bare CR in the target', 'GET /a\rb HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid version'],
  ['RFC 9112 §2.2: CR twice at the end of the request line', 'GET / HTTP/1.1\r\r\nHost: a\r\n\r\n', 'invalid version'],
  ['RFC 9112 §2.2: bare CR alone ends the request line', 'GET / HTTP/1.1\rHost: a\r\n\r\n', 'invalid version'],
  ['RFC 9112 §2.2: bare CR in a name', `${GET}a\rb: c\r\n\r\n`, 'field line without colon'],
  ['RFC 9112 §2.2: bare CR in a value', `${GET}a: b\rc\r\n\r\n`, 'bare CR'],
  ['RFC 9112 §2.2: bare CR hides a field (CVE-2023-30589)', `${GET}a: b\rContent-Length: 5\r\n\r\n`, 'bare CR'],
  ['RFC 9112 §2.2: CR twice at the end of a field line', `${GET}a: b\r\r\n\r\n`, 'bare CR'],
  ['RFC 9112 §2.2: bare CR for the empty line', `${GET}\rX: y\r\n\r\n`, 'bare CR'],
  ['RFC 9112 §2.2: space before the first field', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n', 'folded field line'],
  ['RFC 9112 §2.2: more than a few empty lines first', '\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid method'],
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
  ['RFC 9112 §3.2.1: target without leading slash', 'GET a HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid request target'],
  ['RFC 9112 §3.2.4: * for another method', 'GET * HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid request target'],
  ['RFC 3986 §3.5: # in the target (CVE-2023-45539)', 'GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid request target'],
  ['RFC 3986 §2: NUL in the target', 'GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid request target'],
  ['RFC 3986 §2: DEL in the target', 'GET /a\x7fb HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid request target'],
  ['RFC 3986 §2: byte from 0x80 in the target', 'GET /\xe4 HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid request target'],
  ['RFC 9112 §3.2.2: absolute form without authority', 'GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid request target'],
  ['RFC 9110 §4.2.4: absolute form with userinfo', 'GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid request target'],
  ['RFC 9112 §3.2.2: absolute form with a bad port', 'GET http://a:b/ HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid request target'],
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
  ['RFC 9110 §5.1: name that is no token', `${GET}a(b): c\r\n\r\n`, 'space before colon or in a field name'],
  ['RFC 9110 §5.1: name with a byte from 0x80', `${GET}\xe4: c\r\n\r\n`, 'space before colon or in a field name'],
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
  ['RFC 9112 §3.2: two Host fields in 1.0', 'GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n', 'several Host fields'],
  ['RFC 9112 §3.2: no Host with an absolute target', 'GET http://a/ HTTP/1.1\r\n\r\n', 'missing Host'],
  ['RFC 9112 §3.2: invalid Host with an absolute target', 'GET http://a/ HTTP/1.1\r\nHost: a b\r\n\r\n', 'invalid Host'],
  ...['', 'a b', 'a/b', 'a, b', 'a,b', 'u@a', 'a:b', 'a:80:80', 'a:123456', '[::1', '::1', '[::1]x', '[g::]', 'a#b', 'a?b', 'a\\b', '\xe4', '%', '%zz', 'a:-1', '"a"', '<a>'].map(
    (host) => [`RFC 9110 §7.2: Host ${JSON.stringify(host)}`, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`, 'invalid Host'] as const,
  ),
  ...['+5', '-1', '5,5', '5, 5', '0x5', '5 5', '', '5;', '5.0', '1e3', '５', '12345678901234567', '9007199254740992', 'five'].map(
    (length) =>
      [`RFC 9110 §8.6: Content-Length ${JSON.stringify(length)}`, `${POST}Content-Length: ${Buffer.from(length, 'utf8').toString('latin1')}\r\n\r\n`, 'invalid Content-Length'] as const,
  ),
  ['RFC 9112 §6.3: two equal Content-Length', `${POST}Content-Length: 5\r\nContent-Length: 5\r\n\r\n`, 'several Content-Length fields'],
  ['RFC 9112 §6.3: two different Content-Length', `${POST}Content-Length: 5\r\ncontent-length: 6\r\n\r\n`, 'several Content-Length fields'],
  ['RFC 9112 §6.1: Content-Length, then Transfer-Encoding', `${POST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`, 'Content-Length with Transfer-Encoding'],
  ['RFC 9112 §6.1: Transfer-Encoding, then Content-Length', `${POST}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n`, 'Content-Length with Transfer-Encoding'],
  ['RFC 9112 §6.1: Transfer-Encoding in HTTP/1.0', 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n', 'Transfer-Encoding in HTTP/1.0'],
  ['RFC 9112 §6.1: two Transfer-Encoding fields', `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`, 'several Transfer-Encoding fields'],
  ...['xchunked', 'chunkedx', 'chunked, chunked', 'identity', 'gzip, chunked', 'chunked, identity', 'chunked;q=1', '"chunked"', '', ',chunked', 'chunked,'].map(
    (coding) => [`RFC 9112 §6.1: Transfer-Encoding ${JSON.stringify(coding)}`, `${POST}Transfer-Encoding: ${coding}\r\n\r\n`, 'invalid Transfer-Encoding'] as const,
  ),
  ['RFC 9112 §6.1: VT before the coding', `${POST}Transfer-Encoding: \x0bchunked\r\n\r\n`, 'control character in a field'],
  ['RFC 9112 §6.1: VT behind the coding', `${POST}Transfer-Encoding: Chunked\x0b\r\n\r\n`, 'control character in a field'],
  ['RFC 9110 §10.1.1: another expectation', `${GET}Expect: 200-ok\r\n\r\n`, 'unknown expectation'],
  ['limit: 1001 fields', withFields(1001), 'too many fields'],
  ['limit: request line of 8193 bytes', `GET /${'a'.repeat(8193 - 16)} HTTP/1.0\r\n\r\n`, 'request line too long'],
  ['limit: field line of 8192 bytes and its LF', `GET / HTTP/1.0\r\na: ${'b'.repeat(8189)}\r\n\r\n`, 'field line too long'],
  ['limit: head of 32769 bytes', `GET / HTTP/1.0\r\n${`a: ${'b'.repeat(4091)}\r\n`.repeat(7)}a: ${'b'.repeat(4074)}\r\n\r\n`, 'head too large'],
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
    for (const problem of ['bare CR', 'head too large', 'several Host fields', 'invalid Content-Length'] as const) {
      expect(statusOfProblem(problem)).toBe(400);
    }
  });
});

/** `[rule, head, what is read]`. */
const accepted: readonly (readonly [string, string, Readonly<Record<string, unknown>>])[] = [
  ['RFC 9112 §3: the plain request', `${GET}\r\n`, { method: 'GET', target: '/', path: '/', minor: 1, host: 'a', hasBody: false, contentLength: -1 }],
  ['RFC 9112 §2.2: empty lines first', `\r\n\r\n${GET}\r\n`, { method: 'GET', host: 'a' }],
  ['RFC 9112 §2.2: an LF first', `\n${GET}\r\n`, { method: 'GET', host: 'a' }],
  ['nginx: lone LF everywhere', 'GET / HTTP/1.1\nHost: a\nb: c\n\n', { host: 'a', fields: [['Host', 'a'], ['b', 'c']] }],
  ['nginx: LF and CRLF mixed', 'GET / HTTP/1.1\nHost: a\r\nb: c\n\r\n', { host: 'a', fields: [['Host', 'a'], ['b', 'c']] }],
  ['RFC 9110 §9.1: a method that we do not know', 'x-Y!1 / HTTP/1.1\r\nHost: a\r\n\r\n', { method: 'x-Y!1' }],
  ['limit: method of 32 bytes', `${'M'.repeat(32)} / HTTP/1.1\r\nHost: a\r\n\r\n`, { method: 'M'.repeat(32) }],
  ['RFC 9112 §3.2.1: a target of all visible ASCII but #', "GET /!\"$%&'()*+,-./:;<=>?@[\\]^_`{|}~ HTTP/1.1\r\nHost: a\r\n\r\n", { target: "/!\"$%&'()*+,-./:;<=>?@[\\]^_`{|}~" }],
  ['RFC 9112 §3.2.2: absolute form wins over Host', 'GET http://b:8/x?y HTTP/1.1\r\nHost: a\r\n\r\n', { host: 'b:8', path: '/x?y', target: 'http://b:8/x?y' }],
  ['RFC 9112 §3.2.2: absolute form without path', 'GET HTTP://b HTTP/1.1\r\nHost: a\r\n\r\n', { host: 'b', path: '/' }],
  ['RFC 9112 §3.2.2: absolute form with a query only', 'GET https://b?q HTTP/1.1\r\nHost: a\r\n\r\n', { host: 'b', path: '/?q' }],
  ['RFC 9112 §3.2.4: OPTIONS *', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', { path: '*' }],
  ['RFC 9112 §2.3: a later minor version', 'GET / HTTP/1.7\r\nHost: a\r\n\r\n', { minor: 1 }],
  ['RFC 9112 §3.2: HTTP/1.0 without Host', 'GET / HTTP/1.0\r\n\r\n', { minor: 0, host: '' }],
  ...['a', 'A.b', 'a:', 'a:80', '127.0.0.1:65535', '[::1]', '[::1]:80', '[fe80::1%25eth0]', 'xn--1', "a_b-c.d~!$&'()*+;=", '%41'].map(
    (host) => [`RFC 9110 §7.2: Host ${host}`, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`, { host }] as const,
  ),
  ['RFC 9110 §5.5: OWS around a value', `${GET}a:b\r\nc: \t d e\t \r\nf:\r\ng: \t\r\n\r\n`, { fields: [['Host', 'a'], ['a', 'b'], ['c', 'd e'], ['f', ''], ['g', '']] }],
  ['RFC 9110 §5.5: obs-text and HTAB in a value', `${GET}a: \xe4\tb\xff\r\n\r\n`, { fields: [['Host', 'a'], ['a', '\xe4\tb\xff']] }],
  ['RFC 9110 §5.1: names are tokens', `${GET}!#$%&'*+.^_\`|~-: c\r\n\r\n`, { fields: [['Host', 'a'], ["!#$%&'*+.^_`|~-", 'c']] }],
  ['names like those of objects are only names', `${GET}__proto__: x\r\nconstructor: y\r\n\r\n`, { fields: [['Host', 'a'], ['__proto__', 'x'], ['constructor', 'y']] }],
  ['RFC 9110 §8.6: Content-Length', `${POST}Content-Length: 5\r\n\r\n`, { contentLength: 5, hasBody: true }],
  ['RFC 9110 §8.6: Content-Length 0', `${POST}Content-Length: 0\r\n\r\n`, { contentLength: 0, hasBody: false }],
  ['RFC 9110 §8.6: leading zeros', `${POST}Content-Length: 0000000000000005\r\n\r\n`, { contentLength: 5 }],
  ['RFC 9110 §8.6: the largest Content-Length', `${POST}Content-Length: 9007199254740991\r\n\r\n`, { contentLength: 9_007_199_254_740_991 }],
  ['RFC 9112 §6.1: chunked, without case', `${POST}Transfer-Encoding: \tcHuNkEd \r\n\r\n`, { chunked: true, hasBody: true, contentLength: -1 }],
  ['an alias with an underscore frames nothing', `${POST}Transfer_Encoding: chunked\r\nContent_Length: 5\r\n\r\n`, { chunked: false, hasBody: false, contentLength: -1 }],
  ['RFC 9110 §7.6.1: Connection options', `${GET}Connection: Close, x-A,,Keep-Alive\r\nConnection: upgrade\r\n\r\n`, { close: true, keepAlive: true, upgradeRequested: true, connectionNames: ['x-a'] }],
  ['RFC 9110 §7.6.1: Connection cannot name what the request means', `${GET}Connection: host, Content-Length, transfer-encoding, X-Forwarded-For, x-real-ip, Cookie, Authorization\r\n\r\n`, { connectionNames: null }],
  ['RFC 9110 §10.1.1: Expect', `${POST}Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n`, { expectContinue: true }],
  ['RFC 9110 §10.1.1: Expect of HTTP/1.0 is ignored', 'POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n', { expectContinue: false }],
  ['limit: 1000 fields', withFields(1000), { minor: 0 }],
  ['limit: request line of 8192 bytes', `GET /${'a'.repeat(8192 - 16)} HTTP/1.0\r\n\r\n`, { minor: 0 }],
  ['limit: field line of 8192 bytes without its LF', `GET / HTTP/1.0\r\na: ${'b'.repeat(8188)}\r\n\r\n`, { minor: 0 }],
  ['limit: head of 32768 bytes', `GET / HTTP/1.0\r\n${`a: ${'b'.repeat(4091)}\r\n`.repeat(7)}a: ${'b'.repeat(4073)}\r\n\r\n`, { size: 32_768 }],
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
      const outcome = readRequest(latin1(`${first}GET /2 HTTP/1.1\r\nHost: b\r\nContent-Length: 7\r\n\r\n\n\n`));
      expect(outcome).toMatchObject({ kind: 'head', size: first.length, head: { target: '/1', host: 'a', contentLength: -1 } });
    }
  });

  it('anywhere in a buffer', () => {
    const head = new RequestHead();
    const bytes = latin1(`xx\r\n\r\n${GET}\r\nyy`);
    const start = 6;
    const after = parseRequestHead(head, bytes, { start, end: bytes.length - 2, scanned: 0 }, LIMITS);
    expect(after).toBe(bytes.length - 2);
    expect(parseRequestHead(head, bytes, { start, end: bytes.length - 3, scanned: 0 }, LIMITS)).toBe(NEED_MORE);
  });

  it('with nothing left of the one before', () => {
    const head = new RequestHead();
    const read = (text: string): number =>
      parseRequestHead(head, latin1(text), { start: 0, end: text.length, scanned: 0 }, LIMITS);
    expect(read('HEAD http://old/ HTTP/1.0\r\nConnection: close, x\r\nContent-Length: 3\r\nExpect: 100-continue\r\nUpgrade: u\r\n\r\n')).toBeGreaterThan(0);
    expect(read(`${GET}\r\n`)).toBeGreaterThan(0);
    expect(head).toMatchObject({ method: 'GET', minor: 1, host: 'a', path: '/', contentLength: -1, close: false, connectionNames: null, expectContinue: false, upgradeAt: -1 });
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

describe('a head that is not complete', () => {
  it('is waited for', () => {
    for (const text of ['', '\r', '\r\n', 'G', 'GET / HT', 'GET / HTTP/1.1\r', 'GET / HTTP/1.1\r\n', `${GET}`, `${GET}\r`, `${GET}a: b\r`]) {
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
