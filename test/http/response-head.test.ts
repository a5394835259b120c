// The head of a peer's answer, rule by rule, and what ends its body.
import { describe, expect, it } from 'vitest';
import { parseResponseHead, ResponseHead, responseFraming } from '../../src/http/response-head.ts';
import { LIMITS, latin1, readResponse } from './heads.ts';

const OK = 'HTTP/1.1 200 OK\r\n';

/** `[rule, head, problem]`. */
const refused: readonly (readonly [string, string, string])[] = [
  ['RFC 9112 §4: no status line', 'hello world\r\n\r\n', 'invalid status line'],
  ['RFC 9112 §4: another protocol', 'ICY 200 OK\r\n\r\n', 'invalid status line'],
  ['RFC 9112 §4: empty line first', '\r\nHTTP/1.1 200 OK\r\n\r\n', 'invalid status line'],
  ['RFC 9112 §2.3: HTTP/2', 'HTTP/2 200 OK\r\n\r\n', 'invalid status line'],
  ['RFC 9112 §2.3: HTTP/1.10', 'HTTP/1.10 200 OK\r\n\r\n', 'invalid status line'],
  ['RFC 9112 §2.3: lower case', 'http/1.1 200 OK\r\n\r\n', 'invalid status line'],
  ['RFC 9112 §4: HTAB for SP', 'HTTP/1.1\t200 OK\r\n\r\n', 'invalid status line'],
  ['RFC 9112 §4: two spaces', 'HTTP/1.1  200 OK\r\n\r\n', 'invalid status line'],
  ['RFC 9112 §4: no status', 'HTTP/1.1\r\n\r\n', 'invalid status line'],
  ['RFC 9112 §4: status of two digits', 'HTTP/1.1 20 OK\r\n\r\n', 'invalid status line'],
  ['RFC 9112 §4: status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n', 'invalid status line'],
  ['RFC 9110 §15: status below 100', 'HTTP/1.1 099 OK\r\n\r\n', 'invalid status line'],
  ['RFC 9112 §4: status with a letter', 'HTTP/1.1 2x0 OK\r\n\r\n', 'invalid status line'],
  ['RFC 9112 §4: signed status', 'HTTP/1.1 +20 OK\r\n\r\n', 'invalid status line'],
  ['RFC 9112 §4: NUL in the reason', 'HTTP/1.1 200 O\0K\r\n\r\n', 'invalid status line'],
  ['RFC 9112 §2.2: bare CR in the reason', 'HTTP/1.1 200 O\rK\r\n\r\n', 'invalid status line'],
  ['RFC 9112 §2.2: CR twice at its end', 'HTTP/1.1 200 OK\r\r\n\r\n', 'invalid status line'],
  ['RFC 9112 §4: DEL in the reason', 'HTTP/1.1 200 \x7f\r\n\r\n', 'invalid status line'],
  ['RFC 9112 §2.2: bare CR in a value', `${OK}a: b\rc\r\n\r\n`, 'bare CR'],
  ['RFC 9112 §5.1: space before the colon', `${OK}a : b\r\n\r\n`, 'space before colon or in a field name'],
  ['RFC 9112 §5.2: folded line', `${OK}a: b\r\n c\r\n\r\n`, 'folded field line'],
  ['RFC 9112 §5: line without colon', `${OK}abc\r\n\r\n`, 'field line without colon'],
  ['RFC 9110 §5.1: empty name', `${OK}: b\r\n\r\n`, 'empty field name'],
  ['RFC 9110 §5.5: NUL in a value', `${OK}a: \0\r\n\r\n`, 'control character in a field'],
  ...['+5', '-1', '5, 5', '0x5', '', '5 5', '12345678901234567'].map(
    (length) =>
      [
        `RFC 9110 §8.6: Content-Length ${JSON.stringify(length)}`,
        `${OK}Content-Length: ${length}\r\n\r\n`,
        'invalid Content-Length',
      ] as const,
  ),
  [
    'RFC 9112 §6.3: different Content-Length',
    `${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\n`,
    'several Content-Length fields',
  ],
  [
    'RFC 9112 §6.3: Content-Length and Transfer-Encoding',
    `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`,
    'Content-Length with Transfer-Encoding',
  ],
  [
    'RFC 9112 §6.3: Transfer-Encoding and Content-Length',
    `${OK}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n`,
    'Content-Length with Transfer-Encoding',
  ],
  [
    'RFC 9112 §6.1: Transfer-Encoding in HTTP/1.0',
    'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    'Transfer-Encoding in HTTP/1.0',
  ],
  [
    'RFC 9112 §6.1: chunked twice',
    `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`,
    'invalid Transfer-Encoding',
  ],
  ...['gzip', 'gzip, chunked', 'chunked, chunked', 'identity', 'xchunked', ''].map(
    (coding) =>
      [
        `RFC 9112 §6.1: Transfer-Encoding ${JSON.stringify(coding)}`,
        `${OK}Transfer-Encoding: ${coding}\r\n\r\n`,
        'invalid Transfer-Encoding',
      ] as const,
  ),
  [
    'limit: 65 options in Connection',
    `${OK}Connection: ${'x, '.repeat(64)}close\r\n\r\n`,
    'more than 64 options in Connection',
  ],
  ['limit: 1001 fields', `${OK}${'a: b\r\n'.repeat(1001)}\r\n`, 'too many fields'],
  [
    'limit: a head of 32769 bytes',
    `${OK}${`a: ${'b'.repeat(4091)}\r\n`.repeat(7)}a: ${'b'.repeat(4073)}\r\n\r\n`,
    'head too large',
  ],
];

describe('the head of an answer is refused', () => {
  it.each(refused)('%s', (_rule, head, problem) => {
    expect(readResponse(latin1(head))).toMatchObject({ kind: 'malformed', problem });
    const cuts = head.length > 9000 ? [1, 5, 9000] : Array.from({ length: head.length }, (_, i) => i);
    expect(readResponse(latin1(head), cuts).kind).toBe('malformed');
  });

  it('as soon as it cannot become one', () => {
    expect(readResponse(latin1('SSH-2.0-x'))).toMatchObject({ problem: 'invalid status line' });
    expect(readResponse(latin1(OK + 'a'.repeat(33_000)))).toMatchObject({ problem: 'head too large' });
    expect(readResponse(latin1('HTTP/1.1'))).toEqual({ kind: 'more' });
    expect(readResponse(latin1(''))).toEqual({ kind: 'more' });
  });
});

/** `[rule, head, what is read]`. */
const accepted: readonly (readonly [string, string, Readonly<Record<string, unknown>>])[] = [
  [
    'RFC 9112 §4: the plain answer',
    `${OK}\r\n`,
    { status: 200, reason: 'OK', minor: 1, contentLength: -1, persistent: true },
  ],
  ['RFC 9112 §4: empty reason', 'HTTP/1.1 404 \r\n\r\n', { status: 404, reason: '' }],
  ['nginx: no space behind the status', 'HTTP/1.1 404\r\n\r\n', { status: 404, reason: '' }],
  ['RFC 9112 §4: any reason', 'HTTP/1.1 299 a\tb  \xe4!\r\n\r\n', { status: 299, reason: 'a\tb  \xe4!' }],
  ['RFC 9110 §15: an unknown class', 'HTTP/1.1 999 x\r\n\r\n', { status: 999 }],
  ['nginx: lone LF', 'HTTP/1.0 200 OK\na: b\n\n', { minor: 0, persistent: false, fields: [['a', 'b']] }],
  ['RFC 9112 §6.1: chunked', `${OK}Transfer-Encoding: CHUNKED\r\n\r\n`, { chunked: true }],
  ['RFC 9112 §9.3: close', `${OK}Connection: Close\r\n\r\n`, { close: true, persistent: false }],
  [
    'RFC 9112 §9.3: HTTP/1.0 keep-alive',
    'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n',
    { persistent: true },
  ],
  ['RFC 9110 §7.6.1: named fields', `${OK}Connection: x-a, close\r\n\r\n`, { connectionNames: ['x-a'] }],
  ['Keep-Alive: timeout', `${OK}Keep-Alive: max=5, timeout=7\r\n\r\n`, { keepAliveSeconds: 7 }],
  ['Keep-Alive without timeout', `${OK}Keep-Alive: xtimeout=7\r\n\r\n`, { keepAliveSeconds: -1 }],
  [
    'RFC 9110 §7.8: Upgrade',
    'HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
    { status: 101, upgradeAt: 1, upgradeRequested: true },
  ],
  [
    'limit: a head of 32768 bytes',
    `${OK}${`a: ${'b'.repeat(4091)}\r\n`.repeat(7)}a: ${'b'.repeat(4072)}\r\n\r\n`,
    { size: 32_768 },
  ],
];

describe('the head of an answer is read', () => {
  it.each(accepted)('%s', (_rule, head, data) => {
    const bytes = latin1(head);
    const outcome = readResponse(bytes);
    expect(outcome.kind === 'head' ? outcome.head : outcome).toMatchObject(data);
    expect(
      readResponse(
        bytes,
        Array.from({ length: bytes.length }, (_, i) => i),
      ),
    ).toEqual(outcome);
  });

  it('up to its own end, however much body comes with it', () => {
    for (const end of ['\r\n\r\n', '\n\n']) {
      const head = `HTTP/1.1 200 OK\r\nContent-Length: 50000${end}`;
      const outcome = readResponse(latin1(`${head}${'x'.repeat(40_000)}\r\n\r\n`));
      expect(outcome).toMatchObject({ kind: 'head', size: head.length });
    }
  });

  it('with nothing left of the one before', () => {
    const head = new ResponseHead();
    const read = (text: string): number =>
      parseResponseHead(head, latin1(text), { start: 0, end: text.length, scanned: 0 }, LIMITS);
    read(
      'HTTP/1.0 404 Gone away\r\nContent-Length: 3\r\nConnection: close, x\r\nKeep-Alive: timeout=3\r\nUpgrade: u\r\n\r\n',
    );
    read('HTTP/1.1 200\r\n\r\n');
    expect(head).toMatchObject({
      minor: 1,
      status: 200,
      reason: '',
      contentLength: -1,
      close: false,
      connectionNames: null,
      upgradeAt: -1,
      keepAliveSeconds: -1,
      count: 0,
    });
  });
});

describe('RFC 9112 §6.3: the end of an answer is told', () => {
  const framing = (method: string, text: string): string => {
    const head = new ResponseHead();
    parseResponseHead(head, latin1(text), { start: 0, end: text.length, scanned: 0 }, LIMITS);
    return responseFraming(head, method);
  };
  const withLength = (status: number): string => `HTTP/1.1 ${status} x\r\nContent-Length: 5\r\n\r\n`;

  it.each([
    ['item 1: HEAD has no body', 'HEAD', withLength(200), 'none'],
    ['item 1: 204 has no body', 'GET', withLength(204), 'none'],
    ['item 1: 304 has no body', 'GET', withLength(304), 'none'],
    ['item 1: 1xx has no body', 'GET', withLength(103), 'none'],
    ['item 1: HEAD with chunked has no body', 'HEAD', `${OK}Transfer-Encoding: chunked\r\n\r\n`, 'none'],
    ['item 4: chunked', 'GET', `${OK}Transfer-Encoding: chunked\r\n\r\n`, 'chunked'],
    ['item 6: length', 'POST', withLength(200), 'length'],
    ['item 6: length 0', 'GET', `${OK}Content-Length: 0\r\n\r\n`, 'none'],
    ['item 8: until close', 'GET', `${OK}\r\n`, 'until-close'],
  ])('%s', (_rule, method, text, expected) => {
    expect(framing(method, text)).toBe(expected);
  });
});
