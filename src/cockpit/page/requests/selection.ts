// Which request is looked at, and which one it is to be compared with.
import { signal } from '@preact/signals';
import { read } from '../api.ts';
import { imported, type Shown } from './listed.ts';

export const selected = signal<string | null>(null);
export const compared = signal<string | null>(null);
export const detail = signal<Shown | null>(null);
export const other = signal<Shown | null>(null);
/** Why there is nothing to show. */
export const detailProblem = signal('');
export const showsHidden = signal(false);

export function select(id: string | null): void {
  if (id === selected.value) return;
  selected.value = id;
  detail.value = null;
  detailProblem.value = '';
  showsHidden.value = false;
  if (id !== null) void refreshDetail();
}

export function compareWith(id: string | null): void {
  compared.value = id;
  other.value = null;
  if (id !== null)
    void fetchDetail(id, false).then((found) => {
      if (compared.value === id) other.value = found;
    }, tellProblem);
}

/** Asked again while it is under way. */
export async function refreshDetail(): Promise<void> {
  const id = selected.value;
  if (id === null) return;
  const unmasked = showsHidden.value;
  try {
    const found = await fetchDetail(id, unmasked);
    if (selected.value === id && showsHidden.value === unmasked) detail.value = found;
  } catch (error) {
    if (selected.value === id && detail.value === null) tellProblem(error as Error);
  }
}

export function setShowsHidden(on: boolean): void {
  showsHidden.value = on;
  void refreshDetail();
}

async function fetchDetail(id: string, unmasked: boolean): Promise<Shown> {
  const own = imported.value?.requests.find((one) => one.id === id);
  if (own !== undefined) return own;
  const found = await read<Shown>(`requests/${id}${unmasked ? '?unmasked=1' : ''}`);
  return { ...found, id };
}

function tellProblem(error: Error): void {
  detailProblem.value = error.message;
}
