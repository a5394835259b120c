// What work costs, in time of the processor: other programs of a busy machine do not count. Its bounds hold wherever a test runs, so they
// are written as if nobody else were there.

/** Work that is too dear is measured again for so long: what the engine compiles and collects meanwhile is in the first figures. */
const PATIENCE_MS = 8000;
/** The small size is what all is compared with: its figure has to be the least there is. */
const SMALL_RUNS = 6;

/** A run, and the milliseconds of the processor that it took: `cpuMs` around what is meant. */
export type Run = () => number | Promise<number>;

/** How coarse the clock of a thread is: a tick of the kernel. */
const TICK_MS = 4;

/**
 * Tells how many milliseconds the processor has worked for this thread since the call. The clock of the process is exact but has the
 * garbage collector's threads in it, which wait for each other busily where processors are few; that of the thread is coarse. The lesser
 * of the two is near, and never too little.
 */
export function cpuWatch(): () => number {
  const ofProcess = processMs();
  const ofThread = threadMs();
  return () => Math.min(processMs() - ofProcess, threadMs() - ofThread + TICK_MS);
}

function processMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Node 22 has no such clock. */
function threadMs(): number {
  const read: typeof process.cpuUsage = process.threadCpuUsage ?? process.cpuUsage;
  const { user, system } = read.call(process);
  return (user + system) / 1000;
}

/** How long the processor works at it, each of so many times. */
export function cpuMs(work: () => void, times = 1): number {
  const spentMs = cpuWatch();
  for (let i = 0; i < times; i++) work();
  return spentMs() / times;
}

/** The least that a run takes; run again and again while that is `below` or more. */
export async function leastCpuMs(run: Run, below: number): Promise<number> {
  const until = performance.now() + PATIENCE_MS;
  let least = await run();
  while (least >= below && performance.now() < until) least = Math.min(least, await run());
  return least;
}

/** How many times as long `large` takes as `small`, of each the least; in turns, again and again while that is `below` or more. */
export async function cpuGrowth(small: Run, large: Run, below: number): Promise<number> {
  let leastSmall = Number.POSITIVE_INFINITY;
  for (let i = 0; i < SMALL_RUNS; i++) leastSmall = Math.min(leastSmall, await small());
  let leastLarge = await large();
  const until = performance.now() + PATIENCE_MS;
  while (leastLarge / leastSmall >= below && performance.now() < until) {
    leastSmall = Math.min(leastSmall, await small());
    leastLarge = Math.min(leastLarge, await large());
  }
  return leastLarge / leastSmall;
}
