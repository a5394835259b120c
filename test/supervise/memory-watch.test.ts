import { type ChildProcess, spawn } from 'node:child_process';
import { afterEach, describe, expect, it } from 'vitest';
import { MemoryWatch } from '../../src/supervise/memory-watch.ts';
import { signalGroup } from '../../src/supervise/process-group.ts';
import { eventually, isRunning } from './programs.ts';

const MB = 1024 * 1024;
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

/** Leads a group; says `up` once it is as large as it gets. */
async function startPerl(script: string): Promise<ChildProcess & { pid: number }> {
  const child = spawn('perl', ['-e', `$| = 1; ${script}`], {
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const { pid = 0 } = child;
  cleanups.push(() => signalGroup(pid, 'SIGKILL'));
  let text = '';
  child.stdout?.on('data', (chunk) => (text += chunk));
  await eventually(() => text.includes('up'));
  return Object.assign(child, { pid });
}

function make() {
  const over: { key: string; megabytes: number }[] = [];
  const watch = new MemoryWatch((key, bytes) => over.push({ key, megabytes: Math.round(bytes / MB) }), {
    everyMs: 50,
    mostShare: 1,
  });
  cleanups.push(() => watch.close());
  return { watch, over };
}

const passes = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 400));

describe('MemoryWatch', () => {
  it('tells once who is over the limit, and nobody else', async () => {
    const large = await startPerl('my $x = "x" x 60_000_000; print "up"; sleep 100');
    const small = await startPerl('print "up"; sleep 100');
    const { watch, over } = make();
    watch.watch('large', large.pid, 40 * MB);
    watch.watch('small', small.pid, 40 * MB);
    watch.watch('allowed', large.pid, 400 * MB);
    await eventually(() => over.length > 0);
    await passes();
    expect(over).toEqual([{ key: 'large', megabytes: expect.any(Number) }]);
    expect(over[0].megabytes).toBeGreaterThanOrEqual(57);
    expect(over[0].megabytes).toBeLessThan(200);
    // Started anew under the same key.
    watch.watch('large', large.pid, 41 * MB);
    await eventually(() => over.length === 2);
  });

  it('adds up a group, and counts what a fork shares once', async () => {
    const pool = await startPerl('my $x = "x" x 60_000_000; fork or last for 1..3; print "up"; sleep 100');
    const apart = await startPerl(
      'fork or last for 1..3; my $x = "x" x 30_000_000; print "up\\n"; sleep 100',
    );
    const { watch, over } = make();
    watch.watch('pool', pool.pid, 150 * MB);
    watch.watch('apart', apart.pid, 100 * MB);
    await eventually(() => over.length > 0);
    await passes();
    expect(over.map(({ key }) => key)).toEqual(['apart']);
  });

  it('forgives a peak, and passes over groups that are gone', async () => {
    const child = await startPerl(
      'my $n = 6e7; print "up"; <STDIN>; if (!fork) { my $x = "x" x $n; print "peak $$."; sleep 100 } wait; sleep 100',
    );
    let said = '';
    child.stdout?.on('data', (chunk) => (said += chunk));
    child.stdin?.write('\n');
    const peak = await eventually(() => Number(/peak (\d+)\./.exec(said)?.[1]) || undefined);
    const over: string[] = [];
    let passes = -1;
    const watch = new MemoryWatch((key) => over.push(key), {
      mostShare: 1,
      // Asked for once a pass has measured, and at the beginning: the peak ends between the first pass and the second.
      get everyMs() {
        if (++passes === 1) {
          process.kill(peak, 'SIGKILL');
          const end = performance.now() + 5000;
          while (isRunning(peak) && performance.now() < end);
        }
        return 50;
      },
    });
    cleanups.push(() => watch.close());
    watch.watch('peak', child.pid, 40 * MB);
    watch.watch('gone', 2 ** 22 + 1, 1);
    await eventually(() => passes === 4);
    expect(isRunning(peak)).toBe(false);
    expect(over).toEqual([]);
    watch.forget('peak');
    watch.forget('gone');
  });
});
