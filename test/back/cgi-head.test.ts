// The head of a CGI answer, rule by rule, and whatever pieces it comes in.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCgiHead, parseHttpOrCgiHead } from '../../src/back/cgi-head.ts';
import { type HeadLimits, MALFORMED, NEED_MORE } from '../../src/http/request-head.ts';
import { ResponseHead } from '../../src/http/response-head.ts';
import { LIMITS, latin1, SMALL_LIMITS } from '../http/heads.ts';

interface Read {
  readonly status: number;
  readonly reason: string;
  readonly contentLength: number;
  readonly fields: readonly string[];
  readonly body: string;
}

interface Options {
  readonly parse?: typeof parseHttpOrCgiHead;
  readonly limits?: HeadLimits;
}

/** Reads growing beginnings that end at `cuts`, then the whole. */
function read(text: string, cuts: readonly number[] = [], options: Options = {}): Read | string {
  const { parse = parseCgiHead, limits = LIMITS } = options;
  const bytes = latin1(text);
  const head = new ResponseHead();
  let scanned = 0;
  for (const end of [...cuts, bytes.length]) {
    const after = parse(head, bytes.subarray(0, end), { start: 0, end, scanned }, limits);
    scanned = end;
    if (after === NEED_MORE) continue;
    if (after === MALFORMED) return head.problem;
    const { status, reason, contentLength, count } = head;
    const fields = Array.from({ length: count }, (_, i) => `${head.name(i)}: ${head.value(i)}`);
    return { status, reason, contentLength, fields, body: text.slice(after) };
  }
  return 'more';
}

/** `[what, head, status, reason]`. */
const statuses: readonly (readonly [string, string, number, string])[] = [
  ['no Status', 'A: b\r\n\r\n', 200, ''],
  ['no field at all', '\r\n', 200, ''],
  ['no field at all, LF', '\nbody', 200, ''],
  ['Status', 'Status: 404 Not Found\r\n\r\n', 404, 'Not Found'],
  ['Status in another case', 'STATUS: 404 Gone Fishing\n\n', 404, 'Gone Fishing'],
  ['a number only', 'Status: 503\r\n\r\n', 503, ''],
  ['no reason behind the blank', 'Status: 503 \r\n\r\n', 503, ''],
  ['a status nobody knows', 'Status: 799 x\r\n\r\n', 799, 'x'],
  ['a Location', 'Location: /x\r\n\r\n', 302, ''],
  ['an empty Location', 'Location:\r\n\r\n', 302, ''],
  ['a Location with a Status', 'Location: /x\r\nStatus: 201 Created\r\n\r\n', 201, 'Created'],
  ['of two the first', 'Status: 201 One\r\nStatus: 404 Two\r\n\r\n', 201, 'One'],
];

/** `[what, head, problem]`. */
const refused: readonly (readonly [string, string, string])[] = [
  ['a word as Status', 'Status: OK\r\n\r\n', 'invalid Status field'],
  ['an empty Status', 'Status:\r\n\r\n', 'invalid Status field'],
  ['two digits', 'Status: 20\r\n\r\n', 'invalid Status field'],
  ['an interim Status', 'Status: 100 Continue\r\n\r\n', 'invalid Status field'],
  ['a space in a name', 'A b: c\r\n\r\n', 'space before colon or in a field name'],
  ['a space before the colon', 'A : c\r\n\r\n', 'space before colon or in a field name'],
  ['a folded line', 'A: b\r\n c\r\n\r\n', 'folded field line'],
  ['an empty name', ': b\r\n\r\n', 'empty field name'],
  ['NUL', 'A: \0\r\n\r\n', 'control character in a field'],
  ['a bare CR', 'A: b\rc\r\n\r\n', 'bare CR'],
  ['words without colon', 'hello world\r\n\r\n', 'space before colon or in a field name'],
  ['no length', 'Content-Length: x\r\n\r\n', 'invalid Content-Length'],
  [
    'the same length twice',
    'Content-Length: 1\r\nContent-Length: 1\r\n\r\n',
    'several Content-Length fields',
  ],
  ['two lengths', 'Content-Length: 1\r\nContent-Length: 2\r\n\r\n', 'several Content-Length fields'],
  ['too large', `${`A: ${'x'.repeat(4000)}\r\n`.repeat(10)}\r\n`, 'head too large'],
  ['too large without end', 'x'.repeat(40_000), 'head too large'],
];

describe('the head of a CGI answer', () => {
  it.each(statuses)('%s', (_what, text, status, reason) => {
    expect(read(text)).toMatchObject({ status, reason });
  });

  it.each(refused)('refuses %s', (_what, text, problem) => {
    expect(read(text)).toBe(problem);
  });

  it('has lines that end with LF, CRLF, or both', () => {
    expect(read('A: b\nC:d\r\nE: f\n\r\nbody')).toMatchObject({
      fields: ['A: b', 'C: d', 'E: f'],
      body: 'body',
    });
    expect(read('A: b\n\nbody\r\n\r\n')).toMatchObject({ fields: ['A: b'], body: 'body\r\n\r\n' });
    expect(read('A: b\r\n\nbody')).toMatchObject({ fields: ['A: b'], body: 'body' });
  });

  it('takes a name alone for a field without a value, in the head only', () => {
    expect(read('A: b\nFoo\nC: d\n\nBar\n\r\n\r\n')).toMatchObject({
      fields: ['A: b', 'Foo: ', 'C: d'],
      body: 'Bar\n\r\n\r\n',
    });
  });

  it('keeps fields that stand twice', () => {
    expect(read('Set-Cookie: a\nset-cookie: b\nContent-Length: 3\n\n')).toMatchObject({
      fields: ['Set-Cookie: a', 'set-cookie: b', 'Content-Length: 3'],
      contentLength: 3,
    });
  });

  it('is framed by records, whatever Transfer-Encoding and Connection say', () => {
    expect(read('Transfer-Encoding: chunked\nConnection: close, foo\nContent-Length: 3\n\n')).toMatchObject({
      status: 200,
      contentLength: 3,
    });
  });

  it.each([
    ['', parseCgiHead],
    [', with a status line in front', parseHttpOrCgiHead],
  ])('may come in any pieces%s', (_what, parse) => {
    const line = fc.constantFrom(
      'A: b',
      'Foo',
      'Status: 404 x',
      'Location: /',
      'Content-Length: 2',
      'A : b',
      'a\0:b',
      ': x',
    );
    const end = fc.constantFrom('\r\n', '\n', '\r\n', '\r');
    const first = fc.constantFrom(
      '',
      'HTTP/1.1 404 x\r\n',
      'HTTP/1.0 500\n',
      'HTTP/1.1 x\r\n',
      'HTT\n',
      'HTTP/',
    );
    const lines = fc
      .array(fc.tuple(line, end), { maxLength: 5 })
      .map((all) => `${all.flat().join('')}\r\nbody\n\n`);
    const text = fc.tuple(first, lines).map((both) => both.join(''));
    fc.assert(
      fc.property(text, fc.array(fc.nat(90)), (whole, some) => {
        const cuts = [...new Set(some.filter((n) => n < whole.length))].sort((a, b) => a - b);
        const all = Array.from({ length: whole.length }, (_, i) => i);
        const once = read(whole, [], { parse });
        expect(read(whole, cuts, { parse })).toEqual(once);
        expect(read(whole, all, { parse })).toEqual(once);
      }),
    );
  });

  it.each([
    ['HTTP/1.1 404 Not Here\r\n', 404, 'Not Here'],
    ['HTTP/1.0 404\n', 404, ''],
    ['HTTP/1.1 101 Switching\r\n', 101, 'Switching'],
  ])('may have a status line in front, and then Status says nothing: %j', (line, status, reason) => {
    const text = `${line}Status: 201 One\r\n\r\nbody`;
    expect(read(text, [], { parse: parseHttpOrCgiHead })).toMatchObject({ status, reason, body: 'body' });
  });

  it('is bounded with the status line in front of it', () => {
    const options = { parse: parseHttpOrCgiHead, limits: { maxLine: 100, maxHead: 100, maxFields: 4 } };
    for (const line of ['HTTP/1.1 200 Fine\n', 'HTTP/none\n']) {
      const room = 100 - `${line}A: \n\n`.length;
      expect(read(`${line}A: ${'x'.repeat(room)}\n\nbody`, [], options)).toMatchObject({ body: 'body' });
      expect(read(`${line}A: ${'x'.repeat(room + 1)}\n\nbody`, [], options)).toBe('head too large');
      expect(read(`${line}A: ${'x'.repeat(room + 2)}`, [], options)).toBe('more');
      expect(read(`${line}A: ${'x'.repeat(room + 3)}`, [], options)).toBe('head too large');
    }
    expect(read(`HTTP/1.1 200 ${'r'.repeat(87)}`, [], options)).toBe('more');
    expect(read(`HTTP/1.1 200 ${'r'.repeat(88)}`, [], options)).toBe('head too large');
  });

  it('is not switched by what is below 200', () => {
    expect(read('HTTP/1.1 100 Continue\r\n\r\n', [], { parse: parseHttpOrCgiHead })).toBe(
      'invalid status line',
    );
  });

  it('never throws, whatever the bytes', () => {
    const begun = fc.tuple(fc.constantFrom('', 'HTTP/', 'HTTP/1.1 2'), fc.uint8Array({ maxLength: 200 }));
    fc.assert(
      fc.property(begun, ([first, bytes]) => {
        const text = first + Buffer.from(bytes).latin1Slice();
        read(text, [], { limits: SMALL_LIMITS });
        read(text, [], { parse: parseHttpOrCgiHead, limits: SMALL_LIMITS });
      }),
    );
  });
});
