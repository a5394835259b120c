// The store of a log's lines: what is cut off is what was written, whatever is written meanwhile, and little memory waits for few lines.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CUT_BYTES, LineStore } from '../../src/observe/line-store.ts';

/** As a log's writer does it: a line, of which the most bytes are known before. Gives the batch that it made ready, if any. */
function add(store: LineStore, line: string, most: number, limit: number): Buffer | null {
  let batch: Buffer | null = null;
  if (!store.hasRoom(most)) {
    batch = store.cut();
    store.makeRoom(most);
  }
  const at = store.gathered;
  const to = at + store.bytes.latin1Write(line, at, line.length);
  if (to > limit) batch = store.cut(to) ?? batch;
  store.gathered += line.length;
  return batch;
}

const line = fc.record({
  bytes: fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 20_000 }), fc.nat({ max: 100_000 })),
  times: fc.integer({ min: 1, max: 4 }),
  /** How many batches are given back then. */
  back: fc.nat({ max: 2 }),
});

it('gives every line once, in order, in batches that stay as they are until they are given back', () => {
  fc.assert(
    fc.property(fc.array(line, { maxLength: 60 }), fc.constantFrom(4096, CUT_BYTES), (lines, limit) => {
      const store = new LineStore();
      const out: Buffer[] = [];
      let read = '';
      let written = '';
      const giveBack = (): void => {
        const batch = out.shift();
        if (batch === undefined) return;
        read += batch.latin1Slice();
        store.giveBack(batch);
      };
      lines.forEach(({ bytes, times, back }, i) => {
        const text = `${i % 10}`.repeat(bytes);
        written += text;
        const batch = add(store, text, bytes * times, limit);
        if (batch !== null) out.push(batch);
        for (let n = 0; n < back; n++) giveBack();
      });
      const last = store.cut();
      if (last !== null) out.push(last);
      while (out.length > 0) giveBack();
      expect(read === written).toBe(true);
    }),
    { numRuns: 200 },
  );
});

it('fills two stores in turn where batches are full', () => {
  const store = new LineStore();
  const stores = new Set<ArrayBufferLike>();
  const text = `${'x'.repeat(99)}\n`;
  for (let i = 0; i < 10_000; i++) {
    const batch = add(store, text, 400, CUT_BYTES);
    if (batch === null) continue;
    stores.add(batch.buffer);
    store.giveBack(batch);
  }
  expect(stores.size).toBe(2);
});

it('copies a few lines, so that no whole store waits for them', () => {
  const store = new LineStore();
  add(store, 'a line\n', 7, CUT_BYTES);
  const { bytes } = store;
  expect(store.cut()?.latin1Slice()).toBe('a line\n');
  expect(store.bytes).toBe(bytes);
  expect(store.cut()).toBeNull();
  // Neither one that a single line has needed.
  expect(add(store, `${'y'.repeat(50_000)}\n`, 300_006, CUT_BYTES)).toBeNull();
  expect(store.cut()?.buffer.byteLength).toBeLessThan(70_000);
});
