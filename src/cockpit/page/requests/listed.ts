// The requests that are listed: the newest ones that pass the filter, bounded in number, as they come.
import { computed, signal } from '@preact/signals';
import { readFilter } from '../../../inspect/filter.ts';
import type { Detail } from '../../../inspect/view.ts';
import type { RequestList, Versions } from '../../request-list.ts';
import { change } from '../api.ts';
import { mergedRows, type Row } from './merged-rows.ts';

/** With what is shown of it, where it does not stand in lbproxy. */
export type Shown = Omit<Detail, 'id'> & { readonly id: string };

const KEPT_ROWS = 2000;

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

/** Goes up when the list begins anew: with another filter, or as all was forgotten. */
export const listStarts = signal(0);

/** How far each acceptor was when it told last. */
let versions: Versions = {};

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
  forgetRows();
  listStarts.value++;
}

export function forgetRows(): void {
  versions = {};
  rows.value = [];
}

export async function clearRows(): Promise<void> {
  await change('clear', {});
  startAnew();
}

/** `1:205,2:190`: what need not come again. */
export function seenVersions(): string {
  return Object.entries(versions)
    .map((pair) => pair.join(':'))
    .join(',');
}

export function takeList(list: RequestList): void {
  isKept.value = Object.keys(list.versions).length > 0;
  // The inspector was off meanwhile, and counts from the beginning.
  if (Object.entries(list.versions).some(([id, version]) => version < (versions[Number(id)] ?? 0)))
    return startAnew();
  versions = list.versions;
  rows.value = mergedRows(rows.value, list).slice(0, KEPT_ROWS);
}
