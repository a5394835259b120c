// What the page knows, as signals: views draw themselves anew when what they read changes.
import { computed, signal } from '@preact/signals';
import type { TrafficRates } from '../../observe/traffic/rates.ts';
import type { LiveEvent } from '../events.ts';
import type { TopologyView } from '../face.ts';
import type { StateView } from '../state-view.ts';
import type { StreamedLog } from '../stream.ts';
import { type History, NO_HISTORY } from './history.ts';

export const VIEWS = [
  ['overview', 'Overview'],
  ['topology', 'Topology'],
  ['peers', 'Peers'],
  ['programs', 'Programs'],
  ['requests', 'Requests'],
  ['configuration', 'Configuration'],
  ['events', 'Events'],
] as const;

export type ViewName = (typeof VIEWS)[number][0];

export const view = signal<ViewName>('overview');
export const state = signal<StateView | null>(null);
/** A moment before, to compare with. */
export const before = signal<StateView | null>(null);
export const history = signal<History>(NO_HISTORY);
export const topology = signal<TopologyView | null>(null);
/** Goes up with each configuration: what was read of one before is old. */
export const configurations = signal(0);
export const events = signal<readonly LiveEvent[]>([]);
/** Logs that are looked at (`stdout:app_00`), and what they hold at their ends. */
export const shownLogs = signal<readonly string[]>([]);
export const logs = signal<ReadonlyMap<string, StreamedLog>>(new Map());
/** Why nothing new comes; '' while it does. */
export const lost = signal('');
export const rates = computed<TrafficRates | null>(() => history.value.rates);

/** What came of the last thing that was asked for. */
export interface Notice {
  readonly text: string;
  readonly isProblem: boolean;
}
export const notice = signal<Notice | null>(null);

const SHOWN_MS = 10_000;

/** A problem stays until somebody closes it. */
export function tell(text: string, isProblem = false): void {
  const told = { text, isProblem };
  notice.value = told;
  if (isProblem) return;
  setTimeout(() => {
    if (notice.value === told) notice.value = null;
  }, SHOWN_MS);
}
