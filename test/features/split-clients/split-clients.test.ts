// The hash of `split_clients` against values of nginx's own, its shares, and what is wrong in its lines.
import { describe, expect, it } from 'vitest';
import { createLookup } from '../../../src/config/lookup.ts';
import { murmurHash2 } from '../../../src/features/split-clients/murmur-hash.ts';
import { readModel } from '../../support/proxy.ts';
import { stubExchange } from '../../support/stub-exchange.ts';

/** As the reference writes it, over bytes and in whole numbers. */
function reference(bytes: Buffer): number {
  const [m, mask] = [0x5bd1e995n, 0xffff_ffffn];
  let h = BigInt(bytes.length);
  let p = 0;
  for (; p + 4 <= bytes.length; p += 4) {
    let k = (BigInt(bytes.readUInt32LE(p)) * m) & mask;
    k = ((k ^ (k >> 24n)) * m) & mask;
    h = ((h * m) & mask) ^ k;
  }
  const left = bytes.subarray(p);
  if (left.length > 0) {
    const rest = left.reduce((sum, byte, i) => sum | (BigInt(byte) << BigInt(8 * i)), 0n);
    h = ((h ^ rest) * m) & mask;
  }
  h = ((h ^ (h >> 13n)) * m) & mask;
  return Number(h ^ (h >> 15n));
}

describe('split_clients', () => {
  it('hashes bytes as MurmurHash2 does', () => {
    expect(murmurHash2('')).toBe(0);
    for (let i = 0; i < 300; i++) {
      const bytes = Buffer.from(Array.from({ length: i % 19 }, (_, p) => (i * 37 + p * 101) & 255));
      expect(murmurHash2(bytes.latin1Slice())).toBe(reference(bytes));
    }
  });

  it('gives each value its share', () => {
    const { model, remove } = readModel(
      'http { split_clients $arg_a $s { 20% a; 0.5% b; * c; } server { listen 80; } }',
    );
    remove();
    const get = createLookup(model.variables, () => {})('s');
    const counts: Record<string, number> = { a: 0, b: 0, c: 0 };
    for (let i = 0; i < 20_000; i++) {
      const x = stubExchange();
      x.args = `a=client-${i}`;
      counts[get?.(x) ?? 'none']++;
    }
    expect(counts.a).toBeGreaterThan(3700);
    expect(counts.a).toBeLessThan(4300);
    expect(counts.b).toBeGreaterThan(50);
    expect(counts.b).toBeLessThan(160);
    expect(counts.a + counts.b + counts.c).toBe(20_000);
  });

  it.each([
    [
      'split_clients $host $s {\n 0% a; }',
      '2:2: invalid percent value "0%"; write 0.01% to 100%, two decimals at most, or * for the rest',
    ],
    [
      'split_clients $host $s { 60% a;\n 50% b; }',
      '2:2: percent total is greater than 100%: make the shares smaller, and let "*" be the last',
    ],
    [
      'split_clients $host $s {\n 5% a b; }',
      '2:2: a line of "split_clients" is a share and its value: 0.5% "one"; or * "rest";',
    ],
    ['split_clients $hots $s { }', '1:22: unknown variable "$hots"; did you mean "$host"?'],
  ])('%s', (block, problem) => {
    expect(() => readModel(`http { ${block} server { listen 80; } }`)).toThrow(`nginx.conf:${problem}`);
  });
});
