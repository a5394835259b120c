// A target that does all that a target can do wrong, for the runner's own test.
import type { Target } from './target.ts';

const busy = (ms: number): void => {
  const before = process.cpuUsage();
  const spentMs = (): number => {
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
  while (spentMs() < ms);
};

export const FAULTS = { wrong: 3, slow: 6, hangs: 9, ends: 12, last: 15 } as const;

export default async function openStub(): Promise<Target<{ readonly index: number }>> {
  let index = 0;
  return {
    lanes: 1,
    make: (random) => ({ index: random.index }),
    run(input) {
      index = input.index;
      if (index === FAULTS.wrong) throw new Error('the wrong one');
      if (index === FAULTS.slow) busy(1200);
      if (index === FAULTS.hangs) busy(60_000);
      if (index === FAULTS.ends) process.exit(3);
    },
    check() {
      if (index === FAULTS.last) throw new Error('what no case saw');
    },
    processes: () => ({ stub: process.pid }),
    async close() {},
  };
}
