// The fold of limit_conn against a count of what is under way.
import { describe, expect, it } from 'vitest';
import { FULL, GIVE, HOLD, limitConnKind, NO_PLACE, TAKE, TAKEN } from '../../src/zones/limit-conn-zone.ts';
import type { ZoneRecord, ZoneSpec } from '../../src/zones/zone-kind.ts';
import { foldThreeTimes, numbers, sameStates } from './records.ts';

const SPEC: ZoneSpec = { kind: 'limit_conn', name: 'z', bytes: 32_768, key: '$arg_k', rate: 0 };
const record = { by: 1, atMs: 0, amount: 1, size: 4, key: 'k' };

/** Random takes, and gives of what was taken; who died says nothing any more. */
function randomRecords(seed: number, count: number): ZoneRecord[] {
  const random = numbers(seed);
  return Array.from({ length: count }, () => ({
    op: random(20) === 0 ? HOLD : random(2) === 0 ? TAKE : GIVE,
    by: 1 + random(4),
    atMs: 0,
    amount: 1 + random(4),
    size: 4,
    key: `k${random(20)}`,
  }));
}

describe('the zone of limit_conn', () => {
  it.each([1, 2, 3, 4, 5, 6])(
    'counts what is under way in each process, for 4,000 records (seed %i)',
    (seed) => {
      const state = limitConnKind.empty(SPEC);
      const counts = new Map<string, number>();
      const of = (by: number, key: string): number => counts.get(`${by} ${key}`) ?? 0;
      const total = (key: string): number => [1, 2, 3, 4].reduce((sum, by) => sum + of(by, key), 0);
      const random = numbers(seed + 100);
      for (const one of randomRecords(seed, 4000)) {
        const { op, by, amount, key } = one;
        const before = total(key);
        const answer = limitConnKind.apply(state, one);
        if (op === TAKE && answer !== (before < amount ? TAKEN : FULL))
          expect.unreachable(`${key}: ${answer}`);
        const change =
          op === HOLD ? amount : op === GIVE ? (of(by, key) > 0 ? -1 : 0) : answer === TAKEN ? 1 : 0;
        counts.set(`${by} ${key}`, of(by, key) + change);
        if (random(40) === 0) {
          const dead = 1 + random(4);
          limitConnKind.drop(state, (process) => process === dead);
          for (const name of [...counts.keys()]) if (name.startsWith(`${dead} `)) counts.delete(name);
        }
        if ((state.entries.get(key)?.count ?? 0) !== total(key)) expect.unreachable(`${key} is miscounted`);
      }
      limitConnKind.drop(state, () => true);
      expect(state.entries.size).toBe(0);
    },
  );

  it.each([1, 2, 3, 4])('is the same in all who fold it, also in those who join (seed %i)', (seed) => {
    const start = limitConnKind.empty(SPEC);
    const { states, answers } = foldThreeTimes(
      limitConnKind,
      start,
      randomRecords(seed, 3000),
      numbers(seed),
    );
    expect(sameStates(limitConnKind, states)).toBe(true);
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0].slice(answers[0].length - answers[2].length));
  });

  it('has room for as many keys as a zone of nginx: 64 a page and 63 beside its head, less a page for its text', () => {
    const state = limitConnKind.empty(SPEC);
    // The text has 24 bytes, in a page of small pieces: six pages of seven are left.
    const room = 6 * 64 - 1;
    const answers = Array.from({ length: room + 1 }, (_, i) =>
      limitConnKind.apply(state, { ...record, op: TAKE, key: `k${i}` }),
    );
    expect(answers).toEqual([...Array(room).fill(TAKEN), NO_PLACE]);
    limitConnKind.apply(state, { ...record, op: GIVE, key: 'k7' });
    expect(limitConnKind.apply(state, { ...record, op: TAKE, key: 'another' })).toBe(TAKEN);
  });

  it('is told to those who join one that was alone, and once more by one whose records were lost', () => {
    const state = limitConnKind.empty(SPEC);
    for (const by of [1, 1, 2]) limitConnKind.apply(state, { ...record, op: TAKE, by, amount: 9 });
    const joined = limitConnKind.empty(SPEC);
    for (const told of limitConnKind.tell(state, 5, 0)) limitConnKind.apply(joined, told);
    expect([...(joined.entries.get('k')?.holders ?? [])]).toEqual([[5, 3]]);
    limitConnKind.drop(state, (process) => process === 1);
    const lost = limitConnKind.empty(SPEC);
    for (const told of limitConnKind.tellHeld(state, 2)) limitConnKind.apply(lost, told);
    expect([...(lost.entries.get('k')?.holders ?? [])]).toEqual([[2, 1]]);
    expect(limitConnKind.tellHeld(state, 1)).toEqual([]);
  });
});
