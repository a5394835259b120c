// What fits into a zone: pieces of all sizes come and go, and no page ever holds more than it can.
import { describe, expect, it } from 'vitest';
import { Slab } from '../../src/zones/slab.ts';
import { zoneKey } from '../../src/zones/zone-key.ts';
import { numbers } from './records.ts';

/** How many pieces of one size fit. */
function fits(slab: Slab, bytes: number): number {
  const pages: number[] = [];
  for (let page = slab.take(bytes); page >= 0; page = slab.take(bytes)) pages.push(page);
  for (const page of pages) slab.give(page);
  return pages.length;
}

describe('a slab', () => {
  it('has the pages that nginx cuts out of a zone', () => {
    expect([32_768, 65_536, 1_048_576, 10_485_760].map((bytes) => new Slab(bytes).pages)).toEqual([
      7, 15, 254, 2544,
    ]);
    expect(new Slab(100).pages).toBe(0);
  });

  it.each([
    [8, 7 * 504],
    [16, 7 * 254],
    [32, 7 * 127],
    [33, 7 * 64],
    [64, 7 * 64],
    [65, 7 * 32],
    [2048, 7 * 2],
    [2049, 7],
    [4097, 3],
    [28_672, 1],
    [28_673, 0],
  ])('of 32 KB has room for pieces of %i bytes: %i', (bytes, count) => {
    const slab = new Slab(32_768);
    expect(fits(slab, bytes)).toBe(count);
    // All was given back, in one run again.
    expect(fits(slab, 28_672)).toBe(1);
    expect(fits(slab, bytes)).toBe(count);
  });

  it.each([1, 2, 3, 4, 5])('keeps count of 20,000 random pieces (seed %i)', (seed) => {
    const random = numbers(seed);
    let slab = new Slab(262_144);
    const held: { readonly page: number; readonly bytes: number }[] = [];
    const used = new Array<number>(slab.pages).fill(0);
    const add = (page: number, bytes: number, sign: number): void => {
      const run = bytes > 2048;
      const share = run ? 1 : 2 ** Math.max(3, Math.ceil(Math.log2(bytes))) / 4096;
      for (let i = 0; i < (run ? Math.ceil(bytes / 4096) : 1); i++) used[page + i] += sign * share;
    };
    for (let i = 0; i < 20_000; i++) {
      if (random(100) < 52) {
        const bytes = 1 + random([60, 200, 2048, 20_000][random(4)]);
        const page = slab.take(bytes);
        if (page < 0) continue;
        held.push({ page, bytes });
        add(page, bytes, 1);
        expect(used[page]).toBeLessThanOrEqual(1);
      } else if (held.length > 0) {
        const [{ page, bytes }] = held.splice(random(held.length), 1);
        slab.give(page);
        add(page, bytes, -1);
      }
      if (random(2000) === 0) {
        const copy = new Slab(262_144);
        copy.restore(slab.dump());
        slab = copy;
      }
    }
    expect(held.length).toBeGreaterThan(10);
    for (const { page } of held) slab.give(page);
    expect(fits(slab, slab.pages * 4096)).toBe(1);
  });
});

describe('the key of a record', () => {
  it('is the key itself where it is short, and of 36 bytes else; no two are the same', () => {
    const keys = [
      '',
      'a',
      '\xff'.repeat(35),
      'x'.repeat(36),
      'x'.repeat(37),
      '\xe9'.repeat(300),
      'y'.repeat(65_535),
    ];
    const made = keys.map(zoneKey);
    expect(made.slice(0, 3)).toEqual(keys.slice(0, 3));
    expect(made.slice(3).map((key) => key.length)).toEqual([36, 36, 36, 36]);
    // Whoever sends the digest of another's key as his own has a key of his own.
    expect(new Set([...made, ...made.map(zoneKey)]).size).toBe(keys.length + 4);
  });
});
