// One series: two names and the numbers that belong to them, in one array. Acceptors and the primary have the same layout.
import { BUCKETS, type SparseCounts } from './buckets.ts';
import { CLASSES, OUTCOMES, STATUSES } from './kinds.ts';

/** Bytes from the client, or to the peer. */
export const IN = 0;
/** Bytes to the client, or from the peer. */
export const OUT = 1;
/** Milliseconds of all that the histogram has. */
export const SUM_MS = 2;
/** Here the kinds begin, then the buckets. */
export const KINDS = 3;

/** Of a location: kinds are statuses. */
export const LOCATION_BUCKETS: number = KINDS + STATUSES.length;
export const LOCATION_CELLS: number = LOCATION_BUCKETS + BUCKETS;

/** Of a peer: kinds are outcomes, then classes of statuses. */
export const PEER_CLASSES: number = KINDS + OUTCOMES.length;
export const PEER_BUCKETS: number = PEER_CLASSES + CLASSES.length;
export const PEER_CELLS: number = PEER_BUCKETS + BUCKETS;

/** Location, or peer. */
export type SeriesKind = 'location' | 'peer';

export const CELLS: Readonly<Record<SeriesKind, number>> = { location: LOCATION_CELLS, peer: PEER_CELLS };

/** Most series of a kind that a process keeps; whatever else there is is counted under OTHER. */
export const MAX_SERIES = 1000;
/** Stands for all names that have no place of their own. */
export const OTHER = 'other';
/** No location matched, or no peer was picked. */
export const NONE = '-';
/** Names are cut here. */
export const NAME_CHARS = 300;

/** A key of two names. */
export function seriesKey(outer: string, inner: string): string {
  return `${outer}\n${inner}`;
}

/** Cells that are not zero, as pairs in a row: place, number, place, number … */
export function sparse(cells: Float64Array, from = 0, to = cells.length): SparseCounts {
  const pairs: number[] = [];
  for (let i = from; i < to; i++) if (cells[i] !== 0) pairs.push(i - from, cells[i]);
  return pairs;
}
