// Asks lbproxy once a second, one call after the other, for as long as the page is open.
import { signal } from '@preact/signals';
import type { LiveEvent } from '../events.ts';
import type { TopologyView } from '../face.ts';
import { CallProblem, isRefused, read, token, Unreachable } from './api.ts';
import { NO_HISTORY, withSnapshot } from './history.ts';
import { pollRequests } from './requests/listed.ts';
import {
  before,
  events,
  history,
  type LastCause,
  lastCauses,
  lost,
  peerKey,
  type State,
  state,
  tell,
  topology,
  view,
} from './state.ts';

const EVERY_MS = 1000;
const KEPT_EVENTS = 500;

/** Changes with each configuration that came. */
let generation = '';
let timer: ReturnType<typeof setTimeout> | undefined;
let isAsking = false;

/** Goes up with each configuration: what was read of one before is old. */
export const configurations = signal(0);

export function startPolling(): void {
  void turn();
}

/** Asks at once, to show what an action did. */
export function pollSoon(): void {
  if (isAsking) return;
  clearTimeout(timer);
  void turn();
}

async function turn(): Promise<void> {
  isAsking = true;
  try {
    if (token.value !== '' && !isRefused.value) await askAll();
    lost.value = '';
  } catch (error) {
    if (error instanceof Unreachable) lost.value = error.message;
    else if (!isRefused.value) tell((error as Error).message, true);
  }
  isAsking = false;
  timer = setTimeout(turn, EVERY_MS);
}

async function askAll(): Promise<void> {
  const seen = await read<State>('state');
  const last = state.value;
  const { traffic } = seen;
  if (last !== null && last.traffic.startedAtMs !== traffic.startedAtMs) forget();
  before.value = state.value;
  state.value = seen;
  lastCauses.value = causesSince(last, seen);
  history.value = withSnapshot(history.value, traffic);
  const present = `${traffic.startedAtMs} ${traffic.reloads.lastDoneAtMs}`;
  if (present !== generation) {
    topology.value = await read<TopologyView>('topology');
    generation = present;
    configurations.value++;
  }
  await askEvents();
  if (view.value === 'requests') await askRequests();
}

/** lbproxy was started anew: its counts begin again. */
function forget(): void {
  state.value = null;
  events.value = [];
  lastCauses.value = new Map();
  history.value = { ...NO_HISTORY, times: history.value.times, tracks: history.value.tracks };
}

async function askEvents(): Promise<void> {
  const after = events.value.at(-1)?.id ?? 0;
  const fresh = (await read<{ events: LiveEvent[] }>(`events?after=${after}`)).events;
  if (fresh.length > 0) events.value = [...events.value, ...fresh].slice(-KEPT_EVENTS);
}

/** The inspector may be off, or an acceptor busy: the rest goes on. */
async function askRequests(): Promise<void> {
  try {
    await pollRequests();
  } catch (error) {
    if (!(error instanceof CallProblem)) throw error;
    tell(error.message, true);
  }
}

/** A count of a cause that grew was the last one. */
function causesSince(last: State | null, { traffic }: State): Map<string, LastCause> {
  const found = new Map(lastCauses.value);
  const olds = new Map(
    (last?.traffic.upstreams ?? []).flatMap(({ upstream, peers }) =>
      peers.map((one) => [peerKey(upstream, one.peer), one.outcomes] as const),
    ),
  );
  for (const { upstream, peers } of traffic.upstreams) {
    for (const { peer, outcomes } of peers) {
      const key = peerKey(upstream, peer);
      const old = olds.get(key) ?? {};
      const grown = Object.keys(outcomes).find(
        (cause) => cause !== 'ok' && outcomes[cause] > (old[cause] ?? 0),
      );
      if (grown !== undefined) found.set(key, { cause: grown, at: last === null ? 0 : traffic.atMs });
    }
  }
  return found;
}
