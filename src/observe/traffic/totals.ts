// In the primary: what all acceptors have told of their traffic, added up. Totals never go down, whatever becomes of acceptors and
// configurations, and have a bound.
import {
  type AcceptorNumbers,
  NO_NUMBERS,
  type PeerDelta,
  type PeerNow,
  type SeriesDelta,
  type TrafficDelta,
} from './delta.ts';
import { attemptsOf, flowOf } from './flows.ts';
import { OUTCOMES } from './kinds.ts';
import { presentPeers } from './present-peers.ts';
import {
  CELLS,
  LOCATION_CELLS,
  MAX_SERIES,
  OTHER,
  PEER_CELLS,
  type SeriesKind,
  seriesKey,
} from './series.ts';
import type {
  AcceptorSnapshot,
  ConnectionsSnapshot,
  FailureSnapshot,
  ServerSnapshot,
  Surroundings,
  TrafficSnapshot,
  UpstreamSnapshot,
} from './snapshot.ts';

interface Series {
  readonly outer: string;
  readonly inner: string;
  readonly cells: Float64Array;
  /** Milliseconds since the epoch. */
  changedAtMs: number;
  /** Of a peer. */
  lastFailure: FailureSnapshot | null;
}

interface AcceptorTotals {
  readonly pid: number;
  readonly startedAtMs: number;
  readonly cells: Float64Array;
  own: AcceptorNumbers;
  now: readonly PeerNow[];
}

/** Of peers that come and go: one that had nothing to do for so long may give its place to another. */
const IDLE_MS = 600_000;

const NO_ATTEMPTS = new Float64Array(PEER_CELLS);

export class TrafficTotals {
  readonly #locations = new Map<string, Series>();
  readonly #peers = new Map<string, Series>();
  readonly #acceptors = new Map<number, AcceptorTotals>();
  readonly #surroundings: () => Surroundings;
  #current: ReadonlySet<string> = new Set();
  #counting = false;
  #accepted = 0;
  #handled = 0;
  #spansSent = 0;
  #spansDropped = 0;

  constructor(surroundings: () => Surroundings) {
    this.#surroundings = surroundings;
  }

  /** Whether traffic is counted now, and the keys of the locations that have a place of their own (series-names.ts). */
  use(counting: boolean, keys: ReadonlySet<string>): void {
    this.#counting = counting;
    this.#current = keys;
    const gone = [...this.#locations].filter(([key, { outer }]) => !keys.has(key) && outer !== OTHER);
    const tooMany = gone.length - MAX_SERIES;
    if (tooMany <= 0) return;
    gone.sort(([, a], [, b]) => a.changedAtMs - b.changedAtMs);
    for (const [key] of gone.slice(0, tooMany)) this.#locations.delete(key);
  }

  /** An acceptor serves. */
  join(acceptor: number, pid: number, startedAtMs: number): void {
    this.#acceptors.set(acceptor, {
      pid,
      startedAtMs,
      cells: new Float64Array(LOCATION_CELLS),
      own: NO_NUMBERS,
      now: [],
    });
  }

  /** Its process is gone; what it told stays, and what it had told before is taken also after this. */
  forget(acceptor: number): void {
    this.#acceptors.delete(acceptor);
  }

  add(acceptor: number, { locations, peers, own, now }: TrafficDelta, nowMs = Date.now()): void {
    const from = this.#acceptors.get(acceptor);
    for (const delta of locations) {
      addTo(this.#location(delta, nowMs).cells, delta);
      if (from !== undefined) addTo(from.cells, delta);
    }
    for (const delta of peers) {
      const series = this.#peer(delta, nowMs);
      addTo(series.cells, delta);
      fail(series, delta);
    }
    if (from !== undefined) {
      from.own = own;
      from.now = now ?? from.now;
    }
    this.#accepted += own.accepted;
    this.#handled += own.handled;
    this.#spansSent += own.spansSent;
    this.#spansDropped += own.spansDropped;
  }

  /** What is of no present configuration has as much room as what is. */
  #location([outer, inner]: SeriesDelta, nowMs: number): Series {
    const key = seriesKey(outer, inner);
    const known = this.#locations.get(key);
    const hasRoom = this.#current.has(key) || this.#locations.size < 2 * MAX_SERIES;
    return touched(
      known ??
        (hasRoom ? insert(this.#locations, 'location', outer, inner) : other(this.#locations, 'location')),
      nowMs,
    );
  }

  #peer([outer, inner]: PeerDelta, nowMs: number): Series {
    const key = seriesKey(outer, inner);
    const known = this.#peers.get(key);
    if (known !== undefined) return touched(known, nowMs);
    if (this.#peers.size >= MAX_SERIES) dropIdle(this.#peers, nowMs - IDLE_MS);
    const hasRoom = this.#peers.size < MAX_SERIES;
    return touched(hasRoom ? insert(this.#peers, 'peer', outer, inner) : other(this.#peers, 'peer'), nowMs);
  }

  /** All of it as plain data, sorted by name. */
  snapshot(nowMs = Date.now()): TrafficSnapshot {
    const all = new Float64Array(LOCATION_CELLS);
    const servers = this.#servers(all);
    return {
      ...this.#surroundings(),
      atMs: nowMs,
      counting: this.#counting,
      total: flowOf(all),
      servers,
      upstreams: this.#upstreams(),
      acceptors: [...this.#acceptors].map(([id, acceptor]) => acceptorOf(id, acceptor)),
      connections: this.#connections(),
      spans: { sent: this.#spansSent, dropped: this.#spansDropped },
    };
  }

  #servers(all: Float64Array): ServerSnapshot[] {
    return grouped(this.#locations).map(([server, series]) => {
      const sum = new Float64Array(LOCATION_CELLS);
      for (const { cells } of series) plus(sum, cells);
      plus(all, sum);
      const locations = series.map(({ inner, cells }) => ({ location: inner, ...flowOf(cells) }));
      return { server, ...flowOf(sum), locations };
    });
  }

  #upstreams(): UpstreamSnapshot[] {
    const present = presentPeers([...this.#acceptors.values()].map(({ now }) => now));
    const named = new Map<string, Omit<Series, 'changedAtMs'>>(this.#peers);
    for (const [key, { outer, inner }] of present)
      if (!named.has(key)) named.set(key, { outer, inner, cells: NO_ATTEMPTS, lastFailure: null });
    return grouped(named).map(([upstream, series]) => {
      const sum = new Float64Array(PEER_CELLS);
      for (const { cells } of series) plus(sum, cells);
      const peers = series.map(({ inner, cells, lastFailure }) => ({
        peer: inner,
        now: present.get(seriesKey(upstream, inner))?.now ?? null,
        lastFailure,
        ...attemptsOf(cells),
      }));
      return { upstream, ...attemptsOf(sum), peers };
    });
  }

  #connections(): ConnectionsSnapshot {
    let [active, reading, writing, waiting] = [0, 0, 0, 0];
    for (const { own } of this.#acceptors.values()) {
      active += own.active;
      reading += own.reading;
      writing += own.writing;
      waiting += own.waiting;
    }
    return { accepted: this.#accepted, handled: this.#handled, active, reading, writing, waiting };
  }
}

function acceptorOf(id: number, { pid, startedAtMs, cells, own }: AcceptorTotals): AcceptorSnapshot {
  const { heapBytes, rssBytes, cpuMs, loopMaxMs, loopP99Ms, active, reading, writing, waiting } = own;
  const process = { heapBytes, rssBytes, cpuMs, loopMaxMs, loopP99Ms };
  return { id, pid, startedAtMs, ...process, active, reading, writing, waiting, ...flowOf(cells) };
}

function addTo(cells: Float64Array, [, , added]: SeriesDelta | PeerDelta): void {
  for (let i = 0; i < added.length; i += 2) cells[added[i]] += added[i + 1];
}

/** What several acceptors tell of comes in no order. */
function fail(series: Series, [, , , failure, atMs]: PeerDelta): void {
  if (failure === 0 || atMs < (series.lastFailure?.atMs ?? 0)) return;
  series.lastFailure = { cause: OUTCOMES[failure], atMs };
}

function plus(sum: Float64Array, cells: Float64Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] += cells[i];
}

function insert(all: Map<string, Series>, kind: SeriesKind, outer: string, inner: string): Series {
  const series = { outer, inner, cells: new Float64Array(CELLS[kind]), changedAtMs: 0, lastFailure: null };
  all.set(seriesKey(outer, inner), series);
  return series;
}

/** Has a place however many there are. */
function other(all: Map<string, Series>, kind: SeriesKind): Series {
  return all.get(seriesKey(OTHER, OTHER)) ?? insert(all, kind, OTHER, OTHER);
}

function touched(series: Series, nowMs: number): Series {
  series.changedAtMs = nowMs;
  return series;
}

function dropIdle(all: Map<string, Series>, beforeMs: number): void {
  for (const [key, { changedAtMs, outer }] of all)
    if (changedAtMs < beforeMs && outer !== OTHER) all.delete(key);
}

/** By their first name, both in order. */
function grouped<T extends Pick<Series, 'outer' | 'inner'>>(all: ReadonlyMap<string, T>): [string, T[]][] {
  const groups = Map.groupBy(all.values(), ({ outer }) => outer);
  for (const series of groups.values()) series.sort((a, b) => (a.inner < b.inner ? -1 : 1));
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
}
