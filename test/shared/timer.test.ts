// A timer waits as long as it was told to, whatever Node's own can count to.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Timer } from '../../src/shared/timer.ts';

const DAY_MS = 24 * 3600_000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a timer', () => {
  it.each([
    ['1 ms', 1],
    ['1 s', 1000],
    ['24 days', 24 * DAY_MS],
    ['what Node counts to', 2 ** 31 - 1],
    ['1 ms more', 2 ** 31],
    ['25 days', 25 * DAY_MS],
    ['twice that and a bit', 2 * (2 ** 31 - 1) + 1],
    ['100 years', 36_500 * DAY_MS],
  ])('of %s calls once, neither before nor later', (_, ms) => {
    const act = vi.fn();
    new Timer(act, ms);
    vi.advanceTimersByTime(ms - 1);
    expect(act).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(act).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('without an end never calls', () => {
    const act = vi.fn();
    const timer = new Timer(act, Number.POSITIVE_INFINITY);
    vi.advanceTimersByTime(36_500 * DAY_MS);
    expect(act).not.toHaveBeenCalled();
    timer.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('that is stopped never calls, in its first stretch or a later one', () => {
    const act = vi.fn();
    new Timer(act, 100).stop();
    const long = new Timer(act, 60 * DAY_MS);
    vi.advanceTimersByTime(59 * DAY_MS);
    long.stop();
    vi.advanceTimersByTime(60 * DAY_MS);
    expect(act).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('holds the process, unless it is told not to, also in a later stretch', () => {
    const made = vi.spyOn(globalThis, 'setTimeout');
    const timer = new Timer(() => {}, 60 * DAY_MS);
    expect(made.mock.results[0].value.hasRef()).toBe(true);
    expect(timer.unref()).toBe(timer);
    expect(made.mock.results[0].value.hasRef()).toBe(false);
    vi.advanceTimersByTime(30 * DAY_MS);
    expect(made.mock.results).toHaveLength(2);
    expect(made.mock.results[1].value.hasRef()).toBe(false);
  });
});
