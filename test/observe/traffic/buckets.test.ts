// The histogram of durations: each lands in the bucket that bounds it, and quantiles are within 10 % of the exact ones.
import { describe, expect, it } from 'vitest';
import { BOUNDS_MS, BUCKETS, bucketOf, quantile } from '../../../src/observe/traffic/buckets.ts';

describe('buckets', () => {
  it('end at most 20 % above where they begin', () => {
    const [first, ...rest] = BOUNDS_MS;
    expect(first).toBe(0.1);
    for (const [i, bound] of rest.entries()) {
      expect(bound / BOUNDS_MS[i]).toBeGreaterThan(1.1);
      expect(bound / BOUNDS_MS[i]).toBeLessThanOrEqual(1.2001);
    }
    expect(BOUNDS_MS.at(-1)).toBe(1_000_000);
  });

  it('have what is at most their bound', () => {
    for (const [i, bound] of BOUNDS_MS.entries()) {
      expect(bucketOf(bound)).toBe(i);
      expect(bucketOf(bound * 1.0001)).toBe(i + 1);
    }
    expect(bucketOf(0)).toBe(0);
    expect(bucketOf(1e9)).toBe(BUCKETS - 1);
  });

  it('tell quantiles within 10 %', () => {
    const values = Array.from({ length: 5000 }, (_, i) => 0.5 * 1.0021 ** i).map((v) => v + (v % 1) / 7);
    const sorted = values.toSorted((a, b) => a - b);
    const dense = new Map<number, number>();
    for (const value of values) dense.set(bucketOf(value), (dense.get(bucketOf(value)) ?? 0) + 1);
    const counts = [...dense].sort(([a], [b]) => a - b).flat();
    for (const part of [0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 1]) {
      const exact = sorted[Math.ceil(part * sorted.length) - 1];
      expect(Math.abs((quantile(counts, part) ?? 0) / exact - 1)).toBeLessThan(0.1);
    }
  });

  it('have no quantile of nothing', () => {
    expect(quantile([], 0.5)).toBeNull();
    expect(quantile([3, 0], 0.5)).toBeNull();
  });
});
