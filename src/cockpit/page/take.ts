// What the stream brought becomes what the views show.
import type { LiveEvent } from '../events.ts';
import type { TopologyView } from '../face.ts';
import type { StateView } from '../state-view.ts';
import type { StreamedLog } from '../stream.ts';
import { NO_HISTORY, withSnapshot } from './history.ts';
import { forgetRows } from './requests/listed.ts';
import { before, configurations, events, history, logs, shownLogs, state, topology } from './state.ts';

const KEPT_EVENTS = 500;
/** What comes at once, behind an action, makes no point of a chart: rates over so short a time say nothing. */
const LEAST_MS = 500;

/** Of the last point of the charts. */
let point: StateView | null = null;

export function takeState(seen: StateView): void {
  const { traffic } = seen;
  if (state.value !== null && state.value.traffic.startedAtMs !== traffic.startedAtMs) forget();
  state.value = seen;
  const { last } = history.value;
  if (last !== null && traffic.atMs - last.atMs < LEAST_MS) return;
  before.value = point;
  point = seen;
  history.value = withSnapshot(history.value, traffic);
}

/** lbproxy was started anew: its counts begin again. */
function forget(): void {
  events.value = [];
  before.value = null;
  point = null;
  history.value = { ...NO_HISTORY, times: history.value.times, tracks: history.value.tracks };
  forgetRows();
}

export function takeTopology(view: TopologyView): void {
  topology.value = view;
  configurations.value++;
}

export function takeEvents({ events: fresh }: { readonly events: readonly LiveEvent[] }): void {
  events.value = [...events.value, ...fresh].slice(-KEPT_EVENTS);
}

export function takeLog(sent: StreamedLog): void {
  if (shownLogs.value.includes(sent.log)) logs.value = new Map(logs.value).set(sent.log, sent);
}
