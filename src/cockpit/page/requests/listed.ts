// The requests that are listed: the newest ones that pass the filter, bounded in number, as they come.
import { computed, signal } from '@preact/signals';
import { readFilter } from '../../../inspect/filter.ts';
import type { Detail, Summary } from '../../../inspect/view.ts';
import { change, read } from '../api.ts';

/** As /api/requests has them: the number tells the acceptor, too. */
export type Row = Omit<Summary, 'id'> & { readonly id: string };

/** With what is shown of it, where it does not stand in lbproxy. */
export type Shown = Omit<Detail, 'id'> & { readonly id: string };

const KEPT_ROWS = 2000;
/** No more are fetched in a second than anybody could read. */
const PER_TURN = 500;

export const filterText = signal('');
/** What is wrong with the filter; '' = nothing. */
export const filterProblem = signal('');
export const isPaused = signal(false);
/** The newest first. */
export const rows = signal<readonly Row[]>([]);
/** Requests of a HAR file that somebody opened: shown in place of the live ones. */
export const imported = signal<{ readonly name: string; readonly requests: readonly Shown[] } | null>(null);

/** Whether any acceptor keeps requests; null = not asked yet. */
export const isKept = signal<boolean | null>(null);

let versions: Readonly<Record<string, number>> = {};
/** An answer to a question from before a change of the filter is dropped. */
let turn = 0;

export const listed = computed<readonly Row[]>(() => {
  const file = imported.value;
  if (file === null) return rows.value;
  const passes = readFilter(filterText.value);
  if (typeof passes !== 'function') return file.requests;
  return file.requests.filter((one) => passes({ ...one, id: 0 }));
});

/** A wrong filter is told, and the one before holds. */
export function setFilter(text: string): void {
  const made = readFilter(text);
  filterProblem.value = typeof made === 'function' ? '' : made.problem;
  if (typeof made !== 'function' || text === filterText.value) return;
  filterText.value = text;
  startAnew();
}

function startAnew(): void {
  turn++;
  versions = {};
  rows.value = [];
}

export async function clearRows(): Promise<void> {
  await change('clear', {});
  startAnew();
}

interface Answer {
  readonly requests: readonly Row[];
  /** Those that changed so that they do not pass the filter any more. */
  readonly left: readonly string[];
  readonly versions: Readonly<Record<string, number>>;
}

export async function pollRequests(): Promise<void> {
  if (isPaused.value || imported.value !== null) return;
  const mine = turn;
  const after = Object.entries(versions)
    .map((pair) => pair.join(':'))
    .join(',');
  const query = new URLSearchParams({ filter: filterText.value, after, limit: String(PER_TURN) });
  const answer = await read<Answer>(`requests?${query}`);
  if (mine !== turn) return;
  isKept.value = Object.keys(answer.versions).length > 0;
  // Acceptors of another run of lbproxy count from the beginning.
  const isAnew = Object.entries(answer.versions).some(([id, version]) => version < (versions[id] ?? 0));
  if (isAnew) return startAnew();
  versions = { ...versions, ...answer.versions };
  const { requests, left } = answer;
  if (requests.length + left.length > 0) rows.value = merged(rows.value, requests, new Set(left));
}

/** `fresh` has the oldest first. A row that is there already changes in its place. */
function merged(present: readonly Row[], fresh: readonly Row[], left: ReadonlySet<string>): readonly Row[] {
  const changed = new Map(fresh.map((row) => [row.id, row]));
  const staying = left.size === 0 ? present : present.filter(({ id }) => !left.has(id));
  const kept = staying.map((row) => {
    const now = changed.get(row.id);
    if (now === undefined) return row;
    changed.delete(row.id);
    return now;
  });
  return [...[...changed.values()].reverse(), ...kept].slice(0, KEPT_ROWS);
}
