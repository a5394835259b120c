// What the page knows, as signals: views draw themselves anew when what they read changes.
import { computed, signal } from '@preact/signals';
import type { TrafficRates } from '../../observe/traffic/rates.ts';
import type { TrafficSnapshot } from '../../observe/traffic/snapshot.ts';
import type { LiveEvent } from '../events.ts';
import type { PeerView, TopologyView } from '../face.ts';
import type { ProgramView } from '../program-calls.ts';
import { type History, NO_HISTORY } from './history.ts';

/** The answer to /api/state. */
export interface State {
  readonly version: string;
  readonly configuration: string;
  readonly traffic: TrafficSnapshot;
  readonly peers: readonly PeerView[];
  readonly programs: readonly ProgramView[];
}

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
export const state = signal<State | null>(null);
export const before = signal<State | null>(null);
export const history = signal<History>(NO_HISTORY);
export const topology = signal<TopologyView | null>(null);
export const events = signal<readonly LiveEvent[]>([]);
/** '' while lbproxy answers. */
export const lost = signal('');
export const rates = computed<TrafficRates | null>(() => history.value.rates);

/** How the last failure of a peer was called, and when it was seen; by group and peer. */
export interface LastCause {
  readonly cause: string;
  readonly at: number;
}
export const lastCauses = signal<ReadonlyMap<string, LastCause>>(new Map());

export function peerKey(upstream: string, peer: string): string {
  return `${upstream}\n${peer}`;
}

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
