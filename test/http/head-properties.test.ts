// Properties of both head parsers: segments do not matter, nothing makes them throw, and their cost is linear.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type HeadLimits, NEED_MORE, parseRequestHead, RequestHead } from '../../src/http/request-head.ts';
import { parseResponseHead, ResponseHead } from '../../src/http/response-head.ts';
import { cpuGrowth, cpuMs, leastCpuMs } from '../support/cpu-time.ts';
import { LIMITS, latin1, type Outcome, readRequest, readResponse, SMALL_LIMITS } from './heads.ts';

const of = (values: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...values);

/** Mostly what is right, sometimes what is not. */
const mostly = (right: readonly string[], wrong: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof({ weight: 19, arbitrary: of(right) }, { weight: 1, arbitrary: of(wrong) });

const END = mostly(['\r\n', '\r\n', '\r\n', '\n'], ['\r', '\r\r\n', '\n\r\n', '']);
const COLON = mostly([':', ': ', ': ', ':\t '], [' : ', ' ', '']);
const REQUEST_LINE = mostly(
  ['GET / HTTP/1.1', 'POST /a?b HTTP/1.1', 'GET / HTTP/1.0', 'OPTIONS * HTTP/1.1', 'GET http://b/ HTTP/1.1'],
  ['GET /', 'GET  / HTTP/1.1', 'HEAD / HTTP/2.0', 'CONNECT a:1 HTTP/1.1', `GET /${'a'.repeat(40)} HTTP/1.1`],
);
const STATUS_LINE = mostly(
  ['HTTP/1.1 200 OK', 'HTTP/1.1 304', 'HTTP/1.0 404 Not Found', 'HTTP/1.1 101 x'],
  ['HTTP/2 200', 'HTTP/1.1 20 x', 'hello', `HTTP/1.1 200 ${'a'.repeat(40)}`],
);
/** Lines with a meaning, each at most once in a good head, and lines without, some about as long as the small limits allow. */
const SPECIAL = [
  'Content-Length',
  'Transfer-Encoding',
  'Connection',
  'Expect',
  'Upgrade',
  'Keep-Alive',
  'Host',
];
const GOOD_VALUE: Readonly<Record<string, string>> = {
  'Content-Length': '5',
  'Transfer-Encoding': 'chunked',
  Connection: 'close, x',
  Expect: '100-continue',
  Upgrade: 'u',
  'Keep-Alive': 'timeout=3',
  Host: 'b',
};
const special = of(SPECIAL).chain((name) =>
  fc.tuple(fc.constant(name), COLON, mostly([GOOD_VALUE[name]], ['', '6', 'b c', '\xe4', 'u@a']), END),
);
const plain = fc.tuple(
  mostly(['a', 'X_y'], ['', 'a b', '(']),
  COLON,
  fc.oneof(
    of(['', 'v', '\xe4', 'a b\t']),
    fc.integer({ min: 38, max: 50 }).map((n) => 'v'.repeat(n)),
  ),
  END,
);
const line = fc
  .oneof({ weight: 1, arbitrary: special }, { weight: 4, arbitrary: plain })
  .map((parts) => parts.join(''));

/** One byte put in, taken out or changed. */
const mutation = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  how: fc.constantFrom('insert', 'remove', 'replace'),
  byte: fc.oneof(fc.constantFrom(0, 9, 10, 13, 32, 58, 127, 128, 255), fc.nat(255)),
});
const mutations = fc.oneof(
  { weight: 4, arbitrary: fc.constant([]) },
  { weight: 1, arbitrary: fc.array(mutation, { maxLength: 2 }) },
);

const headNear = (first: fc.Arbitrary<string>): fc.Arbitrary<Buffer> =>
  fc
    .tuple(
      mostly(['', '', '', '', '', '', '\r\n'], ['\n', '\r', '\r\n\r\n\r\n']),
      first,
      END,
      mostly(['Host: a\r\n'], ['', 'Host: a, b\r\n']),
      fc.array(line, { maxLength: 4 }),
      mostly(['\r\n', '\r\n', '\n'], ['', '\r']),
      of(['', '', 'rest\r\n\r\n', '\n\n']),
      mutations,
    )
    .map(([before, start, end, host, lines, empty, rest, changes]) => {
      let bytes = latin1([before, start, end, host, ...lines, empty, rest].join(''));
      for (const { at, how, byte } of changes) {
        const i = Math.floor(at * bytes.length);
        const put = how === 'remove' ? [] : [byte];
        const skip = how === 'insert' ? 0 : 1;
        bytes = Buffer.concat([bytes.subarray(0, i), Buffer.from(put), bytes.subarray(i + skip)]);
      }
      return bytes;
    });

const everyByte = (bytes: Buffer): number[] => Array.from({ length: bytes.length }, (_, i) => i);

const withCuts = (bytes: fc.Arbitrary<Buffer>): fc.Arbitrary<[Buffer, number[]]> =>
  bytes.chain((b) =>
    fc.tuple(
      fc.constant(b),
      fc.oneof(
        fc.constant(everyByte(b)),
        fc.array(fc.nat(b.length), { maxLength: 6 }).map((cuts) => cuts.sort((x, y) => x - y)),
      ),
    ),
  );

/**
 * The same bytes give the same head, or are refused, however they come. Which of two things that are wrong is named may depend on
 * the segments: bytes that came first are judged first. A head that has no end yet may be refused early, but only one that no
 * further byte can make good.
 */
function expectSame(split: Outcome, whole: Outcome, finish: () => Outcome): void {
  if (split.kind === 'malformed' && whole.kind === 'more') {
    expect(finish().kind).toBe('malformed');
    return;
  }
  if (whole.kind === 'head') expect(split).toEqual(whole);
  else expect(split.kind).toBe(whole.kind);
}

const ended = (bytes: Buffer): Buffer => Buffer.concat([bytes, latin1('\r\n\r\n')]);

describe('segments do not matter', () => {
  for (const [name, limits] of [
    ['usual limits', LIMITS],
    ['small limits', SMALL_LIMITS],
  ] as const) {
    it(`to a request, ${name}`, () => {
      fc.assert(
        fc.property(withCuts(headNear(REQUEST_LINE)), ([bytes, cuts]) => {
          const finish = (): Outcome => readRequest(ended(bytes), [], limits);
          expectSame(readRequest(bytes, cuts, limits), readRequest(bytes, [], limits), finish);
        }),
        { numRuns: 4000 },
      );
    });

    it(`to an answer, ${name}`, () => {
      fc.assert(
        fc.property(withCuts(headNear(STATUS_LINE)), ([bytes, cuts]) => {
          const finish = (): Outcome => readResponse(ended(bytes), [], limits);
          expectSame(readResponse(bytes, cuts, limits), readResponse(bytes, [], limits), finish);
        }),
        { numRuns: 4000 },
      );
    });
  }

  it('and the inputs of these properties are of both kinds', () => {
    const accepted = (read: typeof readRequest, first: fc.Arbitrary<string>): number =>
      fc.sample(headNear(first), 500).filter((bytes) => read(bytes).kind === 'head').length;
    for (const count of [accepted(readRequest, REQUEST_LINE), accepted(readResponse, STATUS_LINE)]) {
      expect(count).toBeGreaterThan(75);
      expect(count).toBeLessThan(425);
    }
  });

  it('to where a pipelined request begins', () => {
    const good = of([
      'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
      'GET /1 HTTP/1.1\nHost: a\n\n',
      '\r\nPOST / HTTP/1.0\r\n\r\n',
    ]);
    fc.assert(
      fc.property(fc.array(good, { minLength: 2, maxLength: 5 }), (heads) => {
        const bytes = latin1(heads.join(''));
        let from = 0;
        for (const text of heads) {
          const outcome = readRequest(bytes.subarray(from));
          expect(outcome).toMatchObject({ kind: 'head', size: text.length });
          from += text.length;
        }
        expect(from).toBe(bytes.length);
      }),
      { numRuns: 200 },
    );
  });
});

describe('a head that came before', () => {
  // Other bounds are other heads to the parsers: with an object of their own nothing is known.
  const anew = (limits: HeadLimits): HeadLimits => ({ ...limits });

  for (const [name, limits] of [
    ['usual limits', LIMITS],
    ['small limits', SMALL_LIMITS],
  ] as const) {
    it(`is the same each time, ${name}`, () => {
      const lines = fc.array(REQUEST_LINE, { minLength: 1, maxLength: 3 });
      const tails = fc.tuple(headNear(REQUEST_LINE), headNear(STATUS_LINE), lines);
      fc.assert(
        fc.property(tails, ([request, answer, others]) => {
          const fields = request.indexOf(10) + 1;
          const heads = [request, ...others.map((line) => [latin1(`${line}\r\n`), request.subarray(fields)])];
          for (let time = 0; time < 6; time++) {
            for (const parts of heads) {
              const bytes = Array.isArray(parts) ? Buffer.concat(parts) : parts;
              expect(readRequest(bytes, [], limits)).toEqual(readRequest(bytes, [], anew(limits)));
            }
            expect(readResponse(answer, [], limits)).toEqual(readResponse(answer, [], anew(limits)));
          }
        }),
        { numRuns: 1000 },
      );
    });
  }

  it('is read again where a byte of it is another', () => {
    const head = latin1(`GET / HTTP/1.1\r\nHost: a\r\nX-Id: ${'0'.repeat(200)}\r\nCookie: a=b\r\n\r\n`);
    for (let time = 0; time < 8; time++) expect(readRequest(head).kind).toBe('head');
    for (let at = head.indexOf('000'); head[at] === 0x30; at++) {
      head[at] = 0x31;
      expect(readRequest(head)).toEqual(readRequest(head, [], anew(LIMITS)));
      head[at] = 0x30;
    }
  });

  it('is known whatever came between, and what never comes again takes no place of it', () => {
    const text = 'GET /known HTTP/1.1\r\nHost: a\r\nX: known\r\n\r\n';
    const head = new RequestHead();
    const read = (bytes: Buffer): RequestHead | null => {
      expect(parseRequestHead(head, bytes, { start: 0, end: bytes.length, scanned: 0 }, LIMITS)).toBe(
        bytes.length,
      );
      return head.known;
    };
    for (let time = 0; time < 12; time++) read(latin1(text));
    const known = read(latin1(text));
    expect(known).not.toBeNull();
    for (let i = 0; i < 3000; i++) {
      expect(read(latin1(text.replace('X: known', `X: ${String(i).padStart(5, '0')}`)))).toBeNull();
      if (i % 50 === 0) expect(read(latin1(text))).toBe(known);
    }
  });

  it('heeds nothing behind the end of what came', () => {
    const garbage = latin1('\r\n\r\nHost: x\r\n\r\n\n');
    fc.assert(
      fc.property(headNear(REQUEST_LINE), headNear(STATUS_LINE), fc.nat(3), (request, answer, before) => {
        const inside = (
          bytes: Buffer,
          keep: number,
        ): [Buffer, { start: number; end: number; scanned: number }] => [
          Buffer.concat([Buffer.alloc(before, '\n'), bytes.subarray(0, keep), garbage]),
          { start: before, end: before + keep, scanned: 0 },
        ];
        for (const keep of [request.length, Math.floor(request.length / 2)]) {
          const [buf, range] = inside(request, keep);
          const after = parseRequestHead(new RequestHead(), buf, range, LIMITS);
          const alone = parseRequestHead(
            new RequestHead(),
            request.subarray(0, keep),
            { start: 0, end: keep, scanned: 0 },
            LIMITS,
          );
          expect(after > 0 ? after - before : after).toBe(alone);
        }
        for (const keep of [answer.length, Math.floor(answer.length / 2)]) {
          const [buf, range] = inside(answer, keep);
          const after = parseResponseHead(new ResponseHead(), buf, range, LIMITS);
          const alone = parseResponseHead(
            new ResponseHead(),
            answer.subarray(0, keep),
            { start: 0, end: keep, scanned: 0 },
            LIMITS,
          );
          expect(after > 0 ? after - before : after).toBe(alone);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('no bytes make a parser throw', () => {
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
    headNear(REQUEST_LINE),
    headNear(STATUS_LINE),
  );

  it('and what it accepts is inside of what it was given', () => {
    fc.assert(
      fc.property(anything, (bytes) => {
        for (const read of [readRequest, readResponse]) {
          const outcome = read(bytes);
          if (outcome.kind !== 'head') continue;
          expect(outcome.size).toBeGreaterThan(0);
          expect(outcome.size).toBeLessThanOrEqual(bytes.length);
          expect(bytes[outcome.size - 1]).toBe(10);
        }
      }),
      { numRuns: 4000 },
    );
  });

  it('and no accepted field can end a line early or begin another', () => {
    fc.assert(
      fc.property(anything, (bytes) => {
        for (const read of [readRequest, readResponse]) {
          const outcome = read(bytes);
          if (outcome.kind !== 'head') continue;
          for (const [name, value] of outcome.head.fields as [string, string][]) {
            // Others than tokens are dropped behind the parser, as in nginx.
            expect(name).toMatch(/^[!-9;-~\x80-\xff]+$/);
            expect(value).toMatch(
              /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/,
            );
          }
        }
      }),
      { numRuns: 4000 },
    );
  });
});

describe('cost', () => {
  /** A head that comes byte after byte in one buffer. */
  const inSingleBytes = (text: string): void => {
    const bytes = latin1(text);
    const head = new RequestHead();
    for (let end = 1; end <= bytes.length; end++) {
      const after = parseRequestHead(
        head,
        bytes.subarray(0, end),
        { start: 0, end, scanned: end - 1 },
        LIMITS,
      );
      if (after !== NEED_MORE) break;
    }
  };

  it('of a 32 KiB head in single bytes is bounded', async () => {
    const lines = `a: ${'b'.repeat(1017)}\r\n`.repeat(31);
    const long = `a: ${'b'.repeat(8180)}\r\n`.repeat(3);
    for (const text of [
      `GET / HTTP/1.0\r\n${lines}\r\n`,
      `GET / HTTP/1.0\r\n${long}\r\n`,
      `GET /${'a'.repeat(8100)} HTTP/1.0\r\n${lines.slice(0, 20_000)}`,
      `GET / HTTP/1.0\n${'a:\n'.repeat(990)}`,
    ]) {
      expect(await leastCpuMs(() => cpuMs(() => inSingleBytes(text)), 1500)).toBeLessThan(1500);
    }
  });

  it('of many fields does not grow with their square', async () => {
    const read = (count: number): number => {
      const bytes = latin1(`GET / HTTP/1.0\r\n${'content-lengthy: 1\r\n'.repeat(count)}\r\n`);
      return cpuMs(() => {
        for (let i = 0; i < 50; i++) expect(readRequest(bytes, []).kind).toBe('head');
      });
    };
    const times = await cpuGrowth(
      () => read(100),
      () => read(1000),
      60,
    );
    expect(times).toBeLessThan(60);
  });
});
