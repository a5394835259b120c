// Chunked framing, rule by rule (RFC 9112 §7.1): read strictly, dropped, and written anew.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChunkedDecoder, chunkHeader, lastChunk } from '../../src/http/chunked.ts';
import { cpuMs, leastCpuMs } from '../support/cpu-time.ts';
import { latin1 } from './heads.ts';

interface Decoded {
  readonly state: 'done' | 'malformed' | 'more';
  readonly body: string;
  readonly trailers: string;
  /** Bytes of the message; those of a malformed one are not told. */
  readonly used: number;
}

/** Decodes segment by segment, as a connection does; a segment ends at each cut. */
function decode(bytes: Buffer, cuts: readonly number[] = []): Decoded {
  const decoder = new ChunkedDecoder();
  let body = '';
  let from = 0;
  let used = 0;
  for (const end of [...cuts, bytes.length]) {
    const segment = Buffer.from(bytes.subarray(from, end));
    const n = decoder.decode(segment, 0, segment.length);
    body += segment.latin1Slice(0, n);
    used = from + decoder.consumed;
    from = end;
    if (decoder.done || decoder.malformed) break;
  }
  const state = decoder.done ? 'done' : decoder.malformed ? 'malformed' : 'more';
  return {
    state,
    body,
    trailers: decoder.done ? decoder.trailers : '',
    used: state === 'malformed' ? -1 : used,
  };
}

const everyByte = (bytes: Buffer): number[] => Array.from({ length: bytes.length }, (_, i) => i);

const refused: readonly (readonly [string, string])[] = [
  ['§7.1: empty size', '\r\nhello\r\n0\r\n\r\n'],
  ['§7.1: empty size with extension', ';a\r\n'],
  ['§7.1: space first', ' 5\r\nhello\r\n'],
  ['§7.1: 0x prefix', '0x5\r\nhello\r\n'],
  ['§7.1: plus sign', '+5\r\nhello\r\n'],
  ['§7.1: minus sign', '-1\r\n'],
  ['§7.1: underscore', '1_0\r\n'],
  ['§7.1: two numbers', '5 5\r\nhello\r\n'],
  ['§7.1: space behind the size', '5 \r\nhello\r\n'],
  ['§7.1: no hexadecimal digit', 'g\r\n'],
  ['§7.1: comma', '5,5\r\n'],
  ['§7.1: NUL', '5\0\r\n'],
  ['§7.1: 14 digits', '00000000000005\r\nhello\r\n'],
  ['§7.1: a size that overflows', 'fffffffffffffffff\r\n'],
  ['§7.1: LF alone behind the size', '5\nhello\r\n0\r\n\r\n'],
  ['§7.1: CR alone behind the size', '5\rhello\r\n'],
  ['§7.1: CR twice behind the size', '5\r\r\nhello\r\n'],
  ['§7.1.1: LF in an extension', '5;a\nhello\r\n'],
  ['§7.1.1: bare CR in an extension', '5;a\rb\r\nhello\r\n'],
  ['§7.1.1: NUL in an extension', '5;a\0\r\nhello\r\n'],
  ['§7.1.1: control character in an extension', '5;a=\x0b\r\nhello\r\n'],
  ['§7.1.1: DEL in an extension', '5;\x7f\r\nhello\r\n'],
  ['§7.1.1: CRLF in a quoted value', '5;a="\r\nhello"\r\n'],
  ['§7.1.1: HTAB and no semicolon', '5\ta\r\nhello\r\n'],
  ['§7.1.1: a size line of 256 bytes (CVE-2024-22019)', `5;${'a'.repeat(254)}\r\nhello\r\n`],
  ['§7.1.1: space without end', `5${' '.repeat(300)};a\r\nhello\r\n`],
  ['§7.1: no CRLF behind the data', '5\r\nhello0\r\n\r\n'],
  ['§7.1: LF alone behind the data', '5\r\nhello\n0\r\n\r\n'],
  ['§7.1: CR alone behind the data', '5\r\nhello\r0\r\n\r\n'],
  ['§7.1: more data than the size', '5\r\nhello!\r\n0\r\n\r\n'],
  ['§7.1.2: line without colon', '0\r\nabc\r\n\r\n'],
  ['§7.1.2: empty name', '0\r\n: a\r\n\r\n'],
  ['§7.1.2: space before the colon', '0\r\na : b\r\n\r\n'],
  ['§7.1.2: folded line', '0\r\na: b\r\n c\r\n\r\n'],
  ['§7.1.2: LF alone', '0\r\na: b\n\r\n'],
  ['§7.1.2: LF alone at the end', '0\r\n\n'],
  ['§7.1.2: bare CR', '0\r\na: b\rc\r\n\r\n'],
  ['§7.1.2: NUL', '0\r\na: \0\r\n\r\n'],
  ['§7.1.2: CR without LF at the end', '0\r\n\rX\r\n\r\n'],
  ['limit: trailers of more than 8 KiB', `0\r\n${`a: ${'b'.repeat(1000)}\r\n`.repeat(9)}\r\n`],
  ['limit: 33 trailer fields', `0\r\n${'a: b\r\n'.repeat(33)}\r\n`],
  ...[
    'Content-Length',
    'transfer-encoding',
    'Host',
    'Connection',
    'TE',
    'Trailer',
    'Upgrade',
    'Authorization',
    'Cookie',
    'Set-Cookie',
    'Content-Type',
    'Content-Encoding',
    'Content-Range',
    'X-Forwarded-For',
    'X-Forwarded-Proto',
    'X-Real-IP',
    'Proxy-Authorization',
    'Keep-Alive',
    'Expect',
  ].map((name) => [`RFC 9110 §6.5.1: ${name} may not come late`, `0\r\n${name}: x\r\n\r\n`] as const),
];

describe('a chunked body is refused', () => {
  it.each(refused)('%s', (_rule, text) => {
    const bytes = latin1(text);
    expect(decode(bytes).state).toBe('malformed');
    expect(decode(bytes, everyByte(bytes)).state).toBe('malformed');
  });

  it('and nothing behind the offending byte is given out', () => {
    expect(decode(latin1('5\r\nhello\r\n5\nworld\r\n0\r\n\r\n')).body).toBe('hello');
    expect(decode(latin1('5\r\nhello!\r\n')).body).toBe('hello');
  });
});

const accepted: readonly (readonly [string, string, string, string])[] = [
  ['§7.1: one chunk', '5\r\nhello\r\n0\r\n\r\n', 'hello', ''],
  ['§7.1: chunks', '1\r\na\r\n2\r\nbc\r\nA\r\n0123456789\r\n0\r\n\r\n', 'abc0123456789', ''],
  ['§7.1: no chunk', '0\r\n\r\n', '', ''],
  ['§7.1: leading zeros', '0000000000005\r\nhello\r\n000\r\n\r\n', 'hello', ''],
  [
    '§7.1: digits in both cases',
    'a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n',
    '01234567890123456789',
    '',
  ],
  ['§7.1: data that looks like framing', '7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n', '0\r\n\r\n\r\n', ''],
  ['§7.1.1: extension', '5;a=b;c="d; e"\r\nhello\r\n0;x\r\n\r\n', 'hello', ''],
  ['§7.1.1: BWS', '5 \t; a = b\r\nhello\r\n0\r\n\r\n', 'hello', ''],
  ['§7.1.1: a size line of 255 bytes', `5;${'a'.repeat(253)}\r\nhello\r\n0\r\n\r\n`, 'hello', ''],
  [
    '§7.1.2: trailers',
    '1\r\na\r\n0\r\nX-Sum: 1\r\nGrpc-Status:0\r\n\r\n',
    'a',
    'X-Sum: 1\r\nGrpc-Status:0\r\n',
  ],
  ['§7.1.2: 32 trailers', `0\r\n${'a: b\r\n'.repeat(32)}\r\n`, '', 'a: b\r\n'.repeat(32)],
  [
    'nginx: a trailer name that heads would ignore is left out',
    '0\r\na: 1\r\nX_Real_IP: 1.2.3.4\r\nb.c: 2\r\nd: 3\r\n\r\n',
    '',
    'a: 1\r\nd: 3\r\n',
  ],
];

describe('a chunked body is read', () => {
  it.each(accepted)('%s', (_rule, text, body, trailers) => {
    const bytes = latin1(text);
    const expected = { state: 'done', body, trailers, used: bytes.length };
    expect(decode(bytes)).toEqual(expected);
    expect(decode(bytes, everyByte(bytes))).toEqual(expected);
  });

  it('up to its own end', () => {
    const text = '5\r\nhello\r\n0\r\n\r\n';
    expect(decode(latin1(`${text}GET / HTTP/1.1\r\n`))).toMatchObject({ state: 'done', used: text.length });
    expect(decode(latin1(text.slice(0, -1)))).toMatchObject({ state: 'more' });
  });

  it('in place, without touching what stands around it', () => {
    const bytes = latin1('head5\r\nhello\r\n0\r\n\r\nnext');
    const decoder = new ChunkedDecoder();
    const n = decoder.decode(bytes, 4, bytes.length);
    expect(bytes.latin1Slice(0, 4 + n)).toBe('headhello');
    expect(bytes.latin1Slice(decoder.consumed)).toBe('next');
  });

  it('again after a reset, whatever came before', () => {
    const decoder = new ChunkedDecoder();
    for (const before of ['5\r\nhe', '5;a="', '0\r\na: b\r\n', '+', 'ff', '0\r\na: b\r\n\r\n']) {
      const half = latin1(before);
      decoder.decode(half, 0, half.length);
      decoder.reset();
      const whole = latin1('2\r\nok\r\n0\r\n\r\n');
      expect(whole.latin1Slice(0, decoder.decode(whole, 0, whole.length))).toBe('ok');
      expect(decoder).toMatchObject({ done: true, trailers: '', consumed: whole.length });
      decoder.reset();
    }
  });
});

/** Text near the grammar: valid pieces, broken ones, and single bytes. */
const piece = fc.oneof(
  fc.constantFrom(
    '5\r\nhello\r\n',
    '1\r\na\r\n',
    '0\r\n\r\n',
    '0\r\n',
    'a: b\r\n',
    '5;x\r\nhello\r\n',
    '\r\n',
    '\r',
    '\n',
    '3\r\nab\r\n',
    'F',
    '00',
    ';',
    '"',
    ' ',
    '\t',
    ':',
    '\0',
    '\xff',
  ),
  fc.string({ unit: 'binary-ascii', maxLength: 4 }),
);
const chunkedText = fc.array(piece, { maxLength: 12 }).map((pieces) => latin1(pieces.join('')));

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

describe('properties of chunked framing', () => {
  it('segments do not matter, accepted or refused', () => {
    fc.assert(
      fc.property(withCuts(chunkedText), ([bytes, cuts]) => {
        expect(decode(bytes, cuts)).toEqual(decode(bytes));
      }),
      { numRuns: 3000 },
    );
  });

  it('random bytes end in a state and are never read beyond', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (array) => {
        const { state, used } = decode(Buffer.from(array));
        expect(['done', 'malformed', 'more']).toContain(state);
        expect(used).toBeLessThanOrEqual(array.length);
      }),
      { numRuns: 1000 },
    );
  });

  it('what is written anew reads as the same bytes', () => {
    const chunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 70 }), { maxLength: 8 });
    const trailers = fc.constantFrom('', 'X-Sum: 1\r\n', 'a: b\r\nc: d\r\n');
    const encoded = fc.tuple(chunks, trailers).map(([pieces, lines]) => {
      const text =
        pieces.map((p) => `${chunkHeader(p.length)}${Buffer.from(p).latin1Slice()}\r\n`).join('') +
        lastChunk(lines);
      return { bytes: latin1(text), body: Buffer.concat(pieces).latin1Slice(), lines };
    });
    fc.assert(
      fc.property(encoded, fc.array(fc.nat(700), { maxLength: 5 }), ({ bytes, body, lines }, at) => {
        const cuts = at.filter((cut) => cut < bytes.length).sort((x, y) => x - y);
        expect(decode(bytes, cuts)).toEqual({ state: 'done', body, trailers: lines, used: bytes.length });
      }),
      { numRuns: 500 },
    );
  });

  it('a large chunk in single bytes costs a step a byte', async () => {
    const size = 200_000;
    const bytes = Buffer.from(`${size.toString(16)}\r\n${'x'.repeat(size)}\r\n0\r\n\r\n`);
    const decode = (): void => {
      // The decoder writes into what it is given.
      const given = Buffer.from(bytes);
      const decoder = new ChunkedDecoder();
      let length = 0;
      for (let i = 0; i < given.length; i++) length += decoder.decode(given, i, i + 1);
      expect(length).toBe(size);
      expect(decoder.done).toBe(true);
    };
    expect(await leastCpuMs(() => cpuMs(decode), 2000)).toBeLessThan(2000);
  });
});
