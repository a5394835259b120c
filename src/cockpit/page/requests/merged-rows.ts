// The rows of requests after a list of what changed. Pure.
import type { ListedRequest, RequestList } from '../../request-list.ts';

/** One of a file has no acceptor. */
export type Row = Omit<ListedRequest, 'acceptor'>;

/** The newest first; the list has the oldest first. A row that is there already changes in its place; one of whose end nobody will tell goes. */
export function mergedRows(present: readonly Row[], list: RequestList): readonly Row[] {
  const changed = new Map<string, Row>(list.requests.map((row) => [row.id, row]));
  const left = new Set(list.left);
  const running = new Map(Object.entries(list.running).map(([id, ids]) => [id, new Set(ids)]));
  const isForgotten = ({ id, ms }: Row): boolean => {
    if (ms >= 0 || changed.has(id)) return false;
    const acceptor = id.slice(0, id.indexOf('-'));
    return !(acceptor in list.versions) || running.get(acceptor)?.has(id) === false;
  };
  const isSame = changed.size === 0 && left.size === 0 && !present.some(isForgotten);
  if (isSame) return present;
  const kept = present
    .filter((row) => !left.has(row.id) && !isForgotten(row))
    .map((row) => {
      const now = changed.get(row.id);
      if (now === undefined) return row;
      changed.delete(row.id);
      return now;
    });
  return [...[...changed.values()].reverse(), ...kept];
}
