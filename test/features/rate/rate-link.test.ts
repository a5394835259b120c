// limit_rate's body: all of it comes, in whatever pieces, whenever the sink waits; and never more by a moment than nginx's sum allows.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Rate, RateLink, type RateTime } from '../../../src/features/rate/rate-link.ts';
import type { Delay } from '../../../src/shared/delays.ts';
import { anExchange, breakEverywhere, cutAt, GivingSource, TakingSink } from '../../support/filter-run.ts';

/** A clock that goes on only when everybody waits. */
class TestTime implements RateTime {
  #now = 0;
  readonly #waiting: { readonly delay: Delay; readonly at: number }[] = [];

  constructor(startedAt: number) {
    this.#now = startedAt;
  }

  now(): number {
    return this.#now;
  }

  readonly delays = {
    add: (delay: Delay, ms: number): void => {
      delay.index = 0;
      this.#waiting.push({ delay, at: this.#now + ms });
    },
    remove: (delay: Delay): void => {
      delay.index = -1;
      this.#waiting.splice(0);
    },
  };

  /** Whether somebody waited. */
  goOn(): boolean {
    const first = this.#waiting.shift();
    if (first === undefined) return false;
    this.#now = Math.max(this.#now, first.at);
    first.delay.index = -1;
    first.delay.onDue();
    return true;
  }
}

interface Run {
  readonly body: Buffer;
  readonly ms: number;
  /** Milliseconds and how much had come by then. */
  readonly steps: readonly (readonly [ms: number, bytes: number])[];
}

function run(
  rate: Rate,
  pieces: readonly Buffer[],
  waits: readonly boolean[],
  how: 'last' | 'finish',
  headBytes = 0,
): Run {
  const x = anExchange();
  const time = new TestTime(x.startedAt);
  const sink = new TakingSink(waits, headBytes);
  const link = new RateLink(x, sink, rate, time);
  const source = new GivingSource(link, x, pieces, how);
  const steps: [number, number][] = [];
  source.go();
  for (let i = 0; sink.ends.length === 0 && i < 10_000; i++) {
    steps.push([time.now() - x.startedAt, sink.taken]);
    if (sink.waiting) {
      sink.waiting = false;
      link.onDrain();
    } else if (!time.goOn()) break;
  }
  expect([...sink.faults, ...source.faults]).toEqual([]);
  expect(sink.ends.length).toBe(1);
  return { body: sink.body, ms: time.now() - x.startedAt, steps };
}

describe('the body of limit_rate', () => {
  it('comes whole, and no faster', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.record({ rate: fc.integer({ min: 1, max: 60 }), after: fc.integer({ min: 0, max: 100 }) }),
        fc.array(fc.nat(300), { maxLength: 8 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }),
        fc.tuple(fc.constantFrom('last' as const, 'finish' as const), fc.constantFrom(0, 1, 200)),
        (bytes, rate, places, waits, [how, headBytes]) => {
          const body = Buffer.from(bytes);
          const { body: out, steps } = run(rate, cutAt(body, places), waits, how, headBytes);
          expect(out.equals(body)).toBe(true);
          // One second is free, and the second that began when it asked may be nearly over.
          for (const [ms, taken] of steps)
            expect(taken).toBeLessThanOrEqual(rate.rate * (Math.floor(ms / 1000) + 2) + rate.after);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it.each([
    [{ rate: 1000, after: 0 }, 5000, 4000],
    [{ rate: 1000, after: 4500 }, 5000, 0],
    [{ rate: 1000, after: 2000 }, 5000, 2000],
    [{ rate: 100, after: 0 }, 50, 0],
  ])('%o: %d bytes take about %d ms', (rate, size, expected) => {
    const { ms } = run(rate, [Buffer.alloc(size)], [false], 'last');
    expect(ms).toBeGreaterThanOrEqual(expected - 1000);
    expect(ms).toBeLessThanOrEqual(expected + 1100);
  });

  it('ends once, whatever comes when', () => {
    const pieces = ['some', 'thing', 'more than a second of it', 'x'].map((text) => Buffer.from(text));
    breakEverywhere(
      (x, next) => new RateLink(x, next, { rate: 7, after: 3 }, new TestTime(x.startedAt)),
      pieces,
    );
  });
});
