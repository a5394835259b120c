// When an acceptor has its memory looked through: once traffic has gone and left a grown heap, and not again and again.
import { expect, it } from 'vitest';
import { QuietMemory } from '../../src/cluster/quiet-memory.ts';
import { collectBeside } from '../../src/shared/young-objects.ts';

const MB = 1 << 20;

/** A process whose beats take so much each; the collections so far. */
function processOf(heap: { heapTotal: number; heapUsed: number }) {
  let cpuUs = 0;
  let collections = 0;
  const memory = new QuietMemory({
    cpuUs: () => cpuUs,
    heap: () => heap,
    async collect() {
      collections++;
    },
  });
  const beats = async (count: number, each: number): Promise<number> => {
    const before = collections;
    for (let i = 0; i < count; i++) {
      cpuUs += each;
      memory.beat();
      await Promise.resolve();
    }
    return collections - before;
  };
  return { beats };
}

it('waits until nothing passes, and does it once', async () => {
  const heap = { heapTotal: 50 * MB, heapUsed: 20 * MB };
  const { beats } = processOf(heap);
  expect(await beats(30, 400_000)).toBe(0);
  expect(await beats(8, 500)).toBe(0);
  expect(await beats(1, 20_000)).toBe(0);
  expect(await beats(20, 500)).toBe(1);
  heap.heapTotal = 12 * MB;
  expect(await beats(200, 500)).toBe(0);
  // Traffic comes back, and goes.
  heap.heapTotal = 60 * MB;
  expect(await beats(30, 400_000)).toBe(0);
  expect(await beats(12, 500)).toBe(1);
});

it('leaves a heap alone that has not grown, or is as large as its configuration', async () => {
  expect(await processOf({ heapTotal: 20 * MB, heapUsed: 9 * MB }).beats(300, 500)).toBe(0);
  expect(await processOf({ heapTotal: 110 * MB, heapUsed: 60 * MB }).beats(300, 500)).toBe(1);
});

it('does not do it again at once where nothing came of it', async () => {
  expect(await processOf({ heapTotal: 100 * MB, heapUsed: 10 * MB }).beats(120, 500)).toBeLessThanOrEqual(2);
});

it('has V8 do it', async () => {
  await expect(collectBeside()).resolves.toBeUndefined();
});
