// Random records for the folds of zones, the same in every run of a seed.
import type { ZoneKind, ZoneRecord } from '../../src/zones/zone-kind.ts';

export type Random = (below: number) => number;

export function numbers(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 4_294_967_296) * below);
  };
}

/** Whole states are compared as what a joiner would get. */
export function sameStates<S>(kind: ZoneKind<S>, states: readonly S[]): boolean {
  const [first, ...others] = states.map((state) => kind.dump(state).toString());
  return others.every((other) => other === first);
}

/** A state that is folded at once, one that is dumped and loaded on the way, and one that joins late: what each answers. */
export function foldThreeTimes<S>(
  kind: ZoneKind<S>,
  start: S,
  records: readonly ZoneRecord[],
  random: Random,
): { readonly states: readonly S[]; readonly answers: readonly (readonly number[])[] } {
  const joinsAt = random(records.length);
  let [plain, moved, late] = [start, kind.load(kind.dump(start)), null as S | null];
  const answers: number[][] = [[], [], []];
  for (const [i, record] of records.entries()) {
    if (i === joinsAt) late = kind.load(kind.dump(moved));
    if (random(50) === 0) moved = kind.load(kind.dump(moved));
    answers[0].push(kind.apply(plain, record));
    answers[1].push(kind.apply(moved, record));
    if (late !== null) answers[2].push(kind.apply(late, record));
  }
  plain = kind.load(kind.dump(plain));
  return { states: late === null ? [plain, moved] : [plain, moved, late], answers };
}
