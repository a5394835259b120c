// Ranges, dates and types as pure functions, with generated input.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { multipart, parseRanges } from '../../src/answer/byte-ranges.ts';
import { parseHttpDate } from '../../src/answer/http-date.ts';
import { createTypeOf, extensionOf } from '../../src/serve/mime.ts';
import { httpDate } from '../../src/shared/clock.ts';
import { cpuMs, leastCpuMs } from '../support/cpu-time.ts';

describe('ranges', () => {
  const spec = fc.oneof(
    fc.tuple(fc.nat(30), fc.nat(30)).map(([a, b]) => `${a}-${b}`),
    fc.nat(30).map((a) => `${a}-`),
    fc.nat(30).map((a) => `-${a}`),
    fc.stringMatching(/^[0-9 ,-]{0,5}$/),
  );

  it('lie within the file, are not empty and not too many, whatever is asked', () => {
    fc.assert(
      fc.property(
        fc.array(spec, { maxLength: 8 }),
        fc.nat(20),
        fc.integer({ min: 1, max: 4 }),
        (specs, size, max) => {
          const ranges = parseRanges(`bytes=${specs.join(',')}`, size, max);
          if (ranges === null || ranges === 'unsatisfiable') return;
          expect(ranges.length).toBeGreaterThan(0);
          expect(ranges.length).toBeLessThanOrEqual(max);
          for (const { from, to } of ranges) expect(0 <= from && from < to && to <= size).toBe(true);
          const total = ranges.reduce((sum, range) => sum + range.to - range.from, 0);
          expect(total).toBeLessThanOrEqual(size);
        },
      ),
    );
  });

  it('take time in proportion to the field', async () => {
    const read = (): void => {
      for (const value of [
        `0-${' '.repeat(60_000)}x`,
        `${' '.repeat(60_000)}x`,
        `1${' '.repeat(60_000)}-x`,
        '9'.repeat(60_000),
      ]) {
        expect(parseRanges(`bytes=${value}`, 10, 16)).toBe('unsatisfiable');
      }
    };
    expect(await leastCpuMs(() => cpuMs(read), 200)).toBeLessThan(200);
  });

  it('make a multipart body of the length it says', () => {
    const parts = multipart(
      [
        { from: 0, to: 3 },
        { from: 5, to: 9 },
      ],
      10,
      '',
    );
    const length = parts.segments.reduce(
      (sum, s) => sum + (typeof s === 'string' ? s.length : s.to - s.from),
      0,
    );
    expect(parts.length).toBe(length);
    expect(parts.segments.join('')).not.toContain('Content-Type');
  });
});

describe('dates', () => {
  const seconds = fc.integer({ min: 0, max: 4_000_000_000 });

  it('are read back as they are written', () => {
    fc.assert(
      fc.property(seconds, (s) => {
        expect(parseHttpDate(httpDate(s * 1000))).toBe(s);
      }),
    );
  });

  it('have three forms', () => {
    for (const text of [
      'Sun, 06 Nov 1994 08:49:37 GMT',
      'Sunday, 06-Nov-94 08:49:37 GMT',
      'Sun Nov  6 08:49:37 1994',
    ]) {
      expect(parseHttpDate(text)).toBe(784_111_777);
    }
    expect(parseHttpDate('Sunday, 06-Nov-69 08:49:37 GMT')).toBe(3_150_953_377);
  });

  it.each([
    '',
    '0',
    'now',
    'Sun, 06 Nov 1994',
    'Sun, 31 Feb 1994 08:49:37 GMT',
    'Sun, 06 nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 24:00:00 GMT',
    'Sun, 00 Nov 1994 08:49:37 GMT',
  ])('refuses %j', (text) => expect(parseHttpDate(text)).toBe(Number.NEGATIVE_INFINITY));
});

describe('types', () => {
  it.each([
    ['/a.html', 'html'],
    ['/a.b/c', ''],
    ['/.x', ''],
    ['/a/.x', ''],
    ['/a.', ''],
    ['/a.tar.gz', 'gz'],
    ['/A.PNG', 'PNG'],
    ['/', ''],
    ['/x.y/', ''],
  ])('the extension of %s is %j', (uri, extension) => expect(extensionOf(uri)).toBe(extension));

  it('are well known without a types block, and only the block with one', () => {
    const known = createTypeOf(null, 'application/x');
    const own = createTypeOf([['TXT', 'text/own']], 'application/x');
    const uris = ['/a.css', '/a.mjs', '/a.WASM', '/a.woff2', '/a.txt', '/a.unknown', '/a', '/a.constructor'];
    expect(uris.map(known)).toEqual([
      'text/css',
      'text/javascript',
      'application/wasm',
      'font/woff2',
      'text/plain',
      'application/x',
      'application/x',
      'application/x',
    ]);
    expect(uris.map(own)).toEqual([
      'application/x',
      'application/x',
      'application/x',
      'application/x',
      'text/own',
      'application/x',
      'application/x',
      'application/x',
    ]);
  });
});
