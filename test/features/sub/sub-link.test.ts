// sub_filter's body: whatever the pieces and whenever the sink waits, what comes out is what a direct model makes of the whole.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Matcher } from '../../../src/features/sub/matcher.ts';
import { SubLink, type Substitution } from '../../../src/features/sub/sub-link.ts';
import { breakEverywhere, cutAt, type MakeLink, runFilter } from '../../support/filter-run.ts';

type Pairs = readonly (readonly [match: string, value: string])[];

function making(pairs: Pairs, once: boolean): MakeLink {
  const matcher = new Matcher(pairs.map(([match]) => match));
  const values = pairs.map(([, value]) => {
    const bytes = Buffer.from(value, 'latin1');
    return () => bytes;
  });
  const substitution: Substitution = { matcher, values, once };
  return (x, next) => new SubLink(x, next, substitution);
}

const lower = (text: string): string => text.replace(/[A-Z]/g, (c) => c.toLowerCase());

/** The same from the definition: from left to right, at each place the first string that matches; an open one at the end ends it all. */
function model(body: string, pairs: Pairs, once: boolean): string {
  const used = new Set<number>();
  const text = lower(body);
  let out = '';
  for (let at = 0; at < body.length; ) {
    const rest = text.slice(at);
    const found = pairs.findIndex(([match], i) => {
      const wanted = lower(match);
      return !(once && used.has(i)) && (rest.startsWith(wanted) || wanted.startsWith(rest));
    });
    if (found < 0) {
      out += body[at++];
      continue;
    }
    const [match, value] = pairs[found];
    if (rest.length < match.length) return out + body.slice(at);
    used.add(found);
    out += value;
    at += match.length;
  }
  return out;
}

const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'A', 'c', '\xe4'), maxLength: 60 });
const match = fc.string({ unit: fc.constantFrom('a', 'b', 'B', 'c', '\xc4'), minLength: 1, maxLength: 6 });
const value = fc.oneof(fc.constant(''), fc.string({ unit: fc.constantFrom('a', 'X', 'yz'), maxLength: 8 }));
const pairs = fc.array(fc.tuple(match, value), { minLength: 1, maxLength: 4 });

describe('the body of sub_filter', () => {
  it('is what the model makes, however it is cut and whenever the sink waits', () => {
    fc.assert(
      fc.property(
        letters,
        pairs,
        fc.boolean(),
        fc.array(fc.nat(60), { maxLength: 12 }),
        fc.record({
          waits: fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
          how: fc.constantFrom('last' as const, 'finish' as const),
        }),
        (body, given, once, places, { waits, how }) => {
          const pieces = cutAt(Buffer.from(body, 'latin1'), places);
          const out = runFilter(making(given, once), pieces, waits, how);
          expect(out.latin1Slice()).toBe(model(body, given, once));
        },
      ),
      { numRuns: 4000 },
    );
  });

  it('is the same where stretches and values are long', () => {
    const long = 'z'.repeat(9000);
    const given: Pairs = [
      ['<a>', 'y'.repeat(10_000)],
      ['<b>', ''],
      ['<abc', 'q'.repeat(40_000)],
    ];
    const piece = fc.constantFrom(long, '<a>', '<B>', '<ab', 'c', '<', 'z');
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 14 }),
        fc.boolean(),
        fc.array(fc.nat(60_000), { maxLength: 4 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }),
        (parts, once, places, waits) => {
          const body = parts.join('');
          const out = runFilter(making(given, once), cutAt(Buffer.from(body), places), waits, 'finish');
          expect(out.latin1Slice() === model(body, given, once)).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('holds no more back than may be the beginning of a match', () => {
    const make = making([['abcd', 'X']], false);
    const seen: string[] = [];
    runFilter(
      (x, next) => {
        const { write } = next;
        next.write = (from, buf, a, b, flags) => {
          seen.push(buf.latin1Slice(a, b));
          return write.call(next, from, buf, a, b, flags);
        };
        return make(x, next);
      },
      ['-', 'xxab', 'c', 'e', 'ab'].map((text) => Buffer.from(text)),
    );
    expect(seen).toEqual(['xx', 'abce', 'ab']);
  });

  it('ends once, whatever comes when', () => {
    const pieces = ['xxa', 'abc', 'yy', 'bcbc', 'a'].map((text) => Buffer.from(text));
    breakEverywhere(
      making(
        [
          ['abc', 'long enough'],
          ['bc', ''],
        ],
        false,
      ),
      pieces,
    );
  });

  it('expands only as far as the sink takes it', () => {
    const make = making([['a', 'x'.repeat(100_000)]], false);
    let largest = 0;
    const out = runFilter(
      (x, next) => {
        const { write } = next;
        next.write = (from, buf, a, b, flags) => {
          largest = Math.max(largest, b - a);
          return write.call(next, from, buf, a, b, flags);
        };
        return make(x, next);
      },
      [Buffer.from('aaaa'.repeat(50))],
      [true],
    );
    expect(out.length).toBe(200 * 100_000);
    expect(largest).toBe(100_000);
  });
});
