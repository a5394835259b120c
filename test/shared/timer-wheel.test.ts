// Deadlines fire once, never early, at most a tick late, whatever is re-armed or removed meanwhile.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Deadline, TICK_MS, TimerWheel } from '../../src/shared/timer-wheel.ts';

function setup() {
  let now = 1000;
  const wheel = new TimerWheel({ now: () => now });
  return {
    wheel,
    to(ms: number) {
      while (now < ms) {
        now = Math.min(ms, now + TICK_MS);
        wheel.advance();
      }
    },
    jump(ms: number) {
      now = ms;
      wheel.advance();
    },
    now: () => now,
  };
}

describe('the timer wheel', () => {
  it('fires each deadline once, not early and at most two ticks late', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 200_000 }), { minLength: 1, maxLength: 50 }),
        (delays) => {
          const t = setup();
          const fired: number[][] = delays.map(() => []);
          delays.forEach((ms, i) => {
            t.wheel.arm(new Deadline(() => fired[i].push(t.now() - 1000)), ms);
          });
          t.to(1000 + 202_000);
          delays.forEach((ms, i) => {
            expect(fired[i]).toHaveLength(1);
            expect(fired[i][0]).toBeGreaterThanOrEqual(ms);
            expect(fired[i][0]).toBeLessThanOrEqual(ms + 2 * TICK_MS);
          });
        },
      ),
    );
  });

  it('follows the last arming, later or earlier', () => {
    const t = setup();
    const fired: number[] = [];
    const d = new Deadline(() => fired.push(t.now()));
    t.wheel.arm(d, 10_000);
    t.to(3000);
    t.wheel.arm(d, 10_000);
    t.to(12_500);
    expect(fired).toEqual([]);
    t.wheel.arm(d, 100);
    t.to(12_700);
    expect(fired).toHaveLength(1);
    t.to(60_000);
    expect(fired).toHaveLength(1);
  });

  it('forgets what was disarmed or removed, also by another one of the same tick', () => {
    const t = setup();
    const fired: string[] = [];
    const a = new Deadline(() => {
      fired.push('a');
      t.wheel.remove(b);
      t.wheel.disarm(c);
    });
    const b = new Deadline(() => fired.push('b'));
    const c = new Deadline(() => fired.push('c'));
    for (const d of [a, b, c]) t.wheel.arm(d, 500);
    t.to(5000);
    expect(fired).toEqual(['a']);
  });

  it('fires everything that is due after a long stall', () => {
    const t = setup();
    let fired = 0;
    for (let i = 0; i < 100; i++) t.wheel.arm(new Deadline(() => fired++), i * 1000);
    t.jump(1000 + 500_000);
    t.to(t.now() + 2 * TICK_MS);
    expect(fired).toBe(100);
  });

  it('tells the present time after it stood still', () => {
    const t = setup();
    t.jump(90_000);
    expect(t.wheel.nowMs).toBe(90_000);
    const fired: number[] = [];
    t.wheel.arm(new Deadline(() => fired.push(t.now())), 100);
    t.to(95_000);
    expect(fired[0]).toBeGreaterThanOrEqual(90_100);
  });
});
