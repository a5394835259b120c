import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Listed, Roster } from '../../src/shared/roster.ts';

class Member implements Listed {
  rosterPlace = -1;
}

test('a roster holds whom a Set would hold, whoever comes and leaves', () => {
  const steps = fc.array(fc.tuple(fc.boolean(), fc.nat(15)), { maxLength: 200 });
  fc.assert(
    fc.property(steps, (all) => {
      const members = Array.from({ length: 16 }, () => new Member());
      const [roster, set] = [new Roster<Member>(), new Set<Member>()];
      for (const [comes, who] of all) {
        const member = members[who];
        if (comes) {
          roster.add(member);
          set.add(member);
        } else {
          roster.delete(member);
          set.delete(member);
        }
        expect(roster.size).toBe(set.size);
        expect(new Set(roster)).toEqual(set);
      }
    }),
  );
});

test('who leaves while all are told is told nevertheless, and nobody is passed over', () => {
  const roster = new Roster<Member>();
  const members = Array.from({ length: 5 }, () => new Member());
  for (const member of members) roster.add(member);
  const told: Member[] = [];
  for (const member of roster) {
    told.push(member);
    roster.delete(member);
  }
  expect(told).toEqual(members);
  expect(roster.size).toBe(0);
});
