// What an acceptor tells the primary of its traffic: what was added since it told last, and how it is itself.
import { OUTCOMES } from './kinds.ts';
import { CELLS, NAME_CHARS, type SeriesKind } from './series.ts';

/** Two names and what was added to their cells (`sparse`). */
export type SeriesDelta = readonly [outer: string, inner: string, added: readonly number[]];

/** Also how the last attempt failed that did (a place in OUTCOMES), and when; 0 where none did. */
export type PeerDelta = readonly [
  ...SeriesDelta,
  failure: number,
  /** Milliseconds since the epoch. */
  failedAtMs: number,
];

/** How an acceptor is now; what came since the last time, where it says so. */
export interface AcceptorNumbers {
  readonly heapBytes: number;
  readonly rssBytes: number;
  /** CPU time since it started. */
  readonly cpuMs: number;
  /** The longest that its event loop was late, and what 99 of 100 waits stayed below, since the last time. */
  readonly loopMaxMs: number;
  readonly loopP99Ms: number;
  readonly active: number;
  readonly reading: number;
  readonly writing: number;
  readonly waiting: number;
  /** Connections since the last time. */
  readonly accepted: number;
  readonly handled: number;
  /** Spans of traces since the last time. */
  readonly spansSent: number;
  readonly spansDropped: number;
}

/** A peer as an acceptor sees it now: how many exchanges are under way, whether those of all acceptors; its state as a place in STATES. */
export type PeerNow = readonly [
  upstream: string,
  peer: string,
  weight: number,
  active: number,
  ofAll: 0 | 1,
  state: number,
];

/** Takes requests; out for a while as it failed; out by configuration, or as its process does not serve. */
export const STATES = ['up', 'failing', 'down'] as const;
export type PeerState = (typeof STATES)[number];

export interface TrafficDelta {
  /** A series of a location, by server and location. */
  readonly locations: readonly SeriesDelta[];
  /** A series of a peer, by upstream and peer. */
  readonly peers: readonly PeerDelta[];
  readonly own: AcceptorNumbers;
  /** All of them; null = as told last. */
  readonly now: readonly PeerNow[] | null;
}

export const NO_NUMBERS: AcceptorNumbers = {
  heapBytes: 0,
  rssBytes: 0,
  cpuMs: 0,
  loopMaxMs: 0,
  loopP99Ms: 0,
  active: 0,
  reading: 0,
  writing: 0,
  waiting: 0,
  accepted: 0,
  handled: 0,
  spansSent: 0,
  spansDropped: 0,
};

/** More than any acceptor has. */
const MOST_SERIES = 10_000;

/** Null for whatever is none: it was sent by a process that answers clients. Copied field by field. */
export function readDelta(sent: Readonly<Record<string, unknown>>): TrafficDelta | null {
  const { locations, peers, own, now } = sent;
  const present = now === null ? null : readNow(now);
  const numbers = readNumbers(own);
  const ofLocations = readSeries(locations, 'location');
  const ofPeers = readPeers(peers);
  if (numbers === null || ofLocations === null || ofPeers === null) return null;
  return present === undefined
    ? null
    : { locations: ofLocations, peers: ofPeers, own: numbers, now: present };
}

function readNumbers(sent: unknown): AcceptorNumbers | null {
  if (typeof sent !== 'object' || sent === null) return null;
  const fields = sent as Readonly<Record<string, unknown>>;
  const numbers: Record<string, number> = {};
  for (const name of Object.keys(NO_NUMBERS)) {
    const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (!isAmount(value)) return null;
    numbers[name] = value;
  }
  return numbers as unknown as AcceptorNumbers;
}

function readNow(sent: unknown): PeerNow[] | undefined {
  if (!Array.isArray(sent) || sent.length > MOST_SERIES) return undefined;
  const read: PeerNow[] = [];
  for (const each of sent as readonly unknown[]) {
    if (!Array.isArray(each) || each.length !== 6) return undefined;
    const [upstream, peer, weight, active, ofAll, state] = each as readonly unknown[];
    if (!isName(upstream) || !isName(peer) || !isAmount(weight) || !isAmount(active)) return undefined;
    if ((ofAll !== 0 && ofAll !== 1) || !isAmount(state) || STATES[state] === undefined) return undefined;
    read.push([upstream, peer, weight, active, ofAll, state]);
  }
  return read;
}

function readSeries(sent: unknown, kind: SeriesKind): SeriesDelta[] | null {
  if (!Array.isArray(sent) || sent.length > MOST_SERIES) return null;
  const read: SeriesDelta[] = [];
  for (const each of sent as readonly unknown[]) {
    const series = Array.isArray(each) && each.length === 3 ? readOne(each, kind) : null;
    if (series === null) return null;
    read.push(series);
  }
  return read;
}

function readOne([outer, inner, added]: readonly unknown[], kind: SeriesKind): SeriesDelta | null {
  if (!isName(outer) || !isName(inner) || !isAdded(added, CELLS[kind])) return null;
  return [outer, inner, [...added]];
}

function readPeers(sent: unknown): PeerDelta[] | null {
  if (!Array.isArray(sent) || sent.length > MOST_SERIES) return null;
  const read: PeerDelta[] = [];
  for (const each of sent as readonly unknown[]) {
    if (!Array.isArray(each) || each.length !== 5) return null;
    const series = readOne(each, 'peer');
    const [, , , failure, failedAtMs] = each as readonly unknown[];
    if (series === null || !isAmount(failure) || OUTCOMES[failure] === undefined) return null;
    if (!isAmount(failedAtMs)) return null;
    read.push([...series, failure, failedAtMs]);
  }
  return read;
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= NAME_CHARS;
}

function isAdded(value: unknown, cells: number): value is readonly number[] {
  if (!Array.isArray(value) || value.length % 2 !== 0 || value.length > 2 * cells) return false;
  return value.every((each: unknown, i) => {
    if (!isAmount(each)) return false;
    return i % 2 === 1 || (Number.isInteger(each) && each < cells);
  });
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}
