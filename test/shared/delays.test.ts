// Delays to the millisecond: in order, never early, out of the heap when they are given up.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Delay, Delays } from '../../src/shared/delays.ts';

let nowMs = 0;
let delays: Delays;
let seen: string[];

/** Time goes on for the clock and for Node's timers together. */
function pass(ms: number): void {
  for (let i = 0; i < ms; i++) {
    nowMs++;
    vi.advanceTimersByTime(1);
  }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate'] });
  nowMs = 1000;
  delays = new Delays({ now: () => nowMs });
  seen = [];
});
afterEach(() => vi.useRealTimers());

const note = (name: string): Delay => new Delay(() => seen.push(`${name}@${nowMs - 1000}`));

describe('delays', () => {
  it('come in their order, each at its time; of two at once the first that was added', () => {
    for (const [name, ms] of [
      ['c', 30],
      ['a', 10],
      ['b', 20],
      ['b2', 20],
      ['z', 0],
    ] as const)
      delays.add(note(name), ms);
    pass(50);
    expect(seen).toEqual(['z@1', 'a@10', 'b@20', 'b2@20', 'c@30']);
    expect([delays.size, vi.getTimerCount()]).toEqual([0, 0]);
  });

  it('are out when they are given up, and added again hold from then on', () => {
    const [a, b, c] = ['a', 'b', 'c'].map(note);
    for (const one of [a, b, c]) delays.add(one, 10);
    delays.remove(a);
    delays.remove(a);
    pass(5);
    delays.add(b, 10);
    pass(20);
    expect(seen).toEqual(['c@10', 'b@15']);
    delays.add(a, 5);
    delays.remove(a);
    expect([delays.size, vi.getTimerCount()]).toEqual([0, 0]);
  });

  it('have one timer, however many there are', () => {
    let state = 7;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 4_294_967_296) * below);
    };
    const wanted: { name: string; at: number }[] = [];
    const all: Delay[] = [];
    for (let i = 0; i < 2000; i++) {
      const ms = 1 + random(300);
      const one = note(`${i}`);
      delays.add(one, ms);
      all.push(one);
      wanted.push({ name: `${i}`, at: ms });
    }
    expect(vi.getTimerCount()).toBe(1);
    const gone = new Set(Array.from({ length: 700 }, () => random(2000)));
    for (const i of gone) delays.remove(all[i]);
    pass(301);
    const order = wanted.filter(({ name }) => !gone.has(Number(name))).sort((a, b) => a.at - b.at);
    expect(seen).toEqual(order.map(({ name, at }) => `${name}@${at}`));
  });

  it('go on when one throws, and when one adds another', () => {
    delays.add(
      new Delay(() => {
        delays.add(note('later'), 0);
        throw new Error('of the first');
      }),
      5,
    );
    delays.add(note('second'), 5);
    expect(() => pass(10)).toThrow('of the first');
    pass(10);
    expect(seen[0]).toBe('second@5');
    expect(seen[1]).toMatch(/^later@/);
  });
});
