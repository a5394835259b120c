// What a request costs, counted: bytes that V8 allocates and what of them lives on, system calls, code that V8 throws away. No time is
// measured, so the figures hold on every machine, however busy. How they were made to stand still:
//   * bytes: `used_heap_size` before and after some thousand requests, with a young generation so large that no collection falls between
//     (`total_allocated_bytes` counts pages of 256 KB); a window in which one does is below zero and left out. Of five windows the second
//     least, as all that runs by the clock only adds.
//   * the same code in each run: V8 compiles where it stands, not beside, so after the same request; rows are warmed in turns, since code
//     made for one row is thrown away at the first request of another.
//   * calls: one request at a time over one connection; waits that found nothing (Node looks once before it sleeps) are left out, as are
//     those of memory and threads; of three traces the least.
//   * surviving: at the very end (major collections make V8 forget what it knows of its code), the old generation before and after requests
//     with minor collections between them. It found what a connection per request left behind: 1,400 bytes of each, where 50 to 100 are noise.
// Runs differ by less than 20 bytes and by no call.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { count } from '../../bench/counts/count.ts';
import { type Bounds, hereAndNow, judge } from '../../bench/counts/verdict.ts';

const BOUNDS: Bounds = JSON.parse(
  readFileSync(new URL('../../bench/counts/bounds.json', import.meta.url), 'utf8'),
);

it('a request allocates no more, calls the kernel no more often, and stays optimised', async () => {
  const counts = await count(process.env.LBPROXY_TESTED_MAIN);
  if (counts.untraced !== undefined) {
    console.warn(
      `\n*** strace may not look: of the system calls only reads and writes are counted: ${counts.untraced} ***`,
    );
  }
  const { grown, shrunk } = judge(counts, BOUNDS, hereAndNow());
  for (const text of shrunk)
    console.warn(`cheaper than its bound (npm run counts -- --accept 'why' keeps it): ${text}`);
  expect(grown, grown.join('\n')).toEqual([]);
}, 300_000);
