// What the page makes of its rows when a list of what changed comes.
import { describe, expect, it } from 'vitest';
import type { CockpitFace } from '../../src/cockpit/face.ts';
import { mergedRows, type Row } from '../../src/cockpit/page/requests/merged-rows.ts';
import { listRequests, type RequestList } from '../../src/cockpit/request-list.ts';
import type { Question } from '../../src/inspect/questions.ts';

const row = (id: string, ms: number, at = 0): Row => ({ id, ms, at }) as Row;
const list = (parts: Partial<RequestList>): RequestList => ({
  requests: [],
  left: [],
  running: {},
  versions: { 1: 9, 2: 9 },
  ...parts,
});
const merged = (present: readonly Row[], parts: Partial<RequestList>): string[] =>
  mergedRows(present, list(parts)).map(({ id, ms }) => (ms < 0 ? `${id} runs` : id));

const PRESENT = [row('1-3', -1), row('2-2', -1), row('1-1', 5)];

describe('rows', () => {
  it('stay as they are where nothing came', () => {
    expect(mergedRows(PRESENT, list({}))).toBe(PRESENT);
  });

  it('change in their places, new ones come in front', () => {
    const requests = [
      { ...row('1-3', 7), acceptor: 1 },
      { ...row('2-4', -1), acceptor: 2 },
    ];
    expect(merged(PRESENT, { requests })).toEqual(['2-4 runs', '1-3', '2-2 runs', '1-1']);
  });

  it('go where they do not pass the filter any more', () => {
    expect(merged(PRESENT, { left: ['1-3'] })).toEqual(['2-2 runs', '1-1']);
  });

  it('go where their acceptor cannot tell their end, and stay where it says that they last', () => {
    expect(merged(PRESENT, { running: { 1: [] } })).toEqual(['2-2 runs', '1-1']);
    expect(merged(PRESENT, { running: { 1: ['1-3'], 2: [] } })).toEqual(['1-3 runs', '1-1']);
    const requests = [{ ...row('1-3', 7), acceptor: 1 }];
    expect(merged(PRESENT, { requests, running: { 1: [] } })).toEqual(['1-3', '2-2 runs', '1-1']);
  });

  it('that last go with their acceptor', () => {
    expect(merged(PRESENT, { versions: { 2: 9 } })).toEqual(['2-2 runs', '1-1']);
    expect(merged(PRESENT, { versions: {} })).toEqual(['1-1']);
  });
});

it('of several acceptors one list is cut: what is over and has no room leaves', async () => {
  const lists: Record<number, readonly Row[]> = {
    1: [row('1', 5, 1), row('2', -1, 2), row('3', 5, 5)],
    2: [row('1', 5, 3), row('2', 5, 4)],
  };
  const face = {
    ask: async (_question: Question, acceptor = 0) =>
      new Map(
        [1, 2]
          .filter((id) => acceptor === 0 || acceptor === id)
          .map((id) => [
            id,
            { list: lists[id], left: [], running: id === 1 ? [2] : null, version: 9, bytes: 0 },
          ]),
      ),
  } as unknown as CockpitFace;
  const found = await listRequests(face, { filter: '', after: {}, limit: 2 });
  expect(found.requests.map(({ id }) => id)).toEqual(['2-2', '1-3']);
  expect(found.left).toEqual(['1-1', '2-1']);
  expect(found.running).toEqual({ 1: ['1-2'] });
});
