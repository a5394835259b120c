// That long work beside traffic has its garbage collected in portions.
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { expect, it } from 'vitest';
import { Slices } from '../../src/shared/slices.ts';
import { settleYoungObjects } from '../../src/shared/young-objects.ts';

/** How many collections of young objects there were in a piece of work that makes few. */
async function minorCollectionsOf(work: () => Promise<void> | void): Promise<number> {
  let count = 0;
  const see = (entries: readonly PerformanceEntry[]): void => {
    for (const { detail } of entries as unknown as readonly { readonly detail: { readonly kind: number } }[])
      if (detail.kind === constants.NODE_PERFORMANCE_GC_MINOR) count++;
  };
  const observer = new PerformanceObserver((list) => see(list.getEntries()));
  observer.observe({ entryTypes: ['gc'] });
  await work();
  // Entries come a turn later.
  await new Promise((resolve) => setTimeout(resolve, 20));
  see(observer.takeRecords());
  observer.disconnect();
  return count;
}

it('collects young objects each time it is told to', async () => {
  const count = await minorCollectionsOf(() => {
    for (let i = 0; i < 10; i++) settleYoungObjects();
  });
  expect(count).toBeGreaterThanOrEqual(10);
});

it('does so at the end of each slice', async () => {
  const slices = new Slices();
  const steps = async (busyMs: number): Promise<void> => {
    for (let i = 0; i < 10; i++) {
      const until = performance.now() + busyMs;
      while (performance.now() < until);
      await slices.step();
    }
  };
  expect(await minorCollectionsOf(() => steps(6))).toBeGreaterThanOrEqual(10);
});
