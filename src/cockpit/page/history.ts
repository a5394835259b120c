// What the charts draw: a point for each second of the last five minutes, of all traffic and of each acceptor.
import { type FlowRates, ratesBetween, type TrafficRates } from '../../observe/traffic/rates.ts';
import type { TrafficSnapshot } from '../../observe/traffic/snapshot.ts';

export const KEPT_POINTS = 300;

export const FIELDS = [
  '2xx',
  '3xx',
  '4xx',
  '5xx',
  'p50',
  'p95',
  'p99',
  'bytesIn',
  'bytesOut',
  'active',
  'waiting',
] as const;

export type Field = (typeof FIELDS)[number];

/** Rows of equal length: one per field, null where nothing is known. */
export interface Track {
  readonly rows: Readonly<Record<Field, readonly (number | null)[]>>;
}

type Row = Record<Field, number | null>;

export interface History {
  /** Seconds since the epoch. */
  readonly times: readonly number[];
  /** By acceptor; 0 is all of them. */
  readonly tracks: ReadonlyMap<number, Track>;
  readonly last: TrafficSnapshot | null;
  readonly rates: TrafficRates | null;
}

export const NO_HISTORY: History = { times: [], tracks: new Map(), last: null, rates: null };

/** `seen` joins. Of another run of lbproxy, or long after the last one, it begins anew behind a gap. */
export function withSnapshot(history: History, seen: TrafficSnapshot): History {
  const { last } = history;
  const follows = last !== null && last.startedAtMs === seen.startedAtMs && seen.atMs > last.atMs;
  if (!follows) return { ...history, last: seen, rates: null };
  const rates = ratesBetween(last, seen);
  const rows = new Map<number, Row>([[0, rowOf(rates.total, seen.connections)]]);
  for (const one of rates.acceptors) {
    const now = seen.acceptors.find(({ id }) => id === one.id);
    rows.set(one.id, rowOf(one, now ?? { active: 0, waiting: 0 }));
  }
  const gap = rates.seconds > 5 ? [last.atMs / 1000 + 1] : [];
  return {
    times: [...history.times, ...gap, seen.atMs / 1000].slice(-KEPT_POINTS),
    tracks: longer(history, rows, gap.length),
    last: seen,
    rates,
  };
}

/** Tracks of acceptors that are gone go. */
function longer(
  { times, tracks }: History,
  rows: ReadonlyMap<number, Row>,
  gaps: number,
): Map<number, Track> {
  const next = new Map<number, Track>();
  for (const [id, row] of rows) {
    const old = tracks.get(id);
    const made: Partial<Record<Field, (number | null)[]>> = {};
    for (const field of FIELDS) {
      const before = old?.rows[field] ?? times.map(() => null);
      made[field] = [...before, ...Array.from({ length: gaps }, () => null), row[field]].slice(-KEPT_POINTS);
    }
    next.set(id, { rows: made as Record<Field, (number | null)[]> });
  }
  return next;
}

function rowOf(
  flow: FlowRates,
  { active, waiting }: { readonly active: number; readonly waiting: number },
): Row {
  const { classes } = flow;
  return {
    '2xx': (classes['2xx'] ?? 0) + (classes['1xx'] ?? 0),
    '3xx': classes['3xx'] ?? 0,
    '4xx': classes['4xx'] ?? 0,
    '5xx': (classes['5xx'] ?? 0) + (classes.other ?? 0),
    p50: flow.p50Ms,
    p95: flow.p95Ms,
    p99: flow.p99Ms,
    bytesIn: flow.bytesIn,
    bytesOut: flow.bytesOut,
    active,
    waiting,
  };
}
