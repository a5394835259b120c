import { describe, expect, it } from 'vitest';
import { replacementBatch } from '../../src/supervise/update-order.ts';

type Placed = { spec: { launch: { port: number | null } } };

function ports(...moves: [number | null, number | null][]): (number | null)[] {
  const placed = (port: number | null): Placed => ({ spec: { launch: { port } } });
  const changed = new Map(moves.map(([from, to]) => [placed(from), placed(to).spec]));
  return replacementBatch(changed).map((p) => p.spec.launch.port);
}

describe('replacementBatch', () => {
  it('takes one process where nothing is in the way', () => {
    expect(ports([1, 1], [2, 2])).toEqual([1]);
    expect(ports([null, null], [null, null])).toEqual([null]);
    expect(ports([1, 11], [2, 12])).toEqual([1]);
  });

  it('begins at the free end of a row', () => {
    expect(ports([1, 2], [2, 3], [3, 4])).toEqual([3]);
    expect(ports([3, 2], [2, 1], [1, 0])).toEqual([1]);
  });

  it('takes a ring as a whole, and the smaller of two', () => {
    expect(ports([1, 2], [2, 1])).toEqual([1, 2]);
    expect(ports([1, 2], [2, 3], [3, 1], [8, 9], [9, 8])).toEqual([8, 9]);
  });
});
