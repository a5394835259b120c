// The cells of a series → what they say, as plain data.
import { quantile, type SparseCounts } from './buckets.ts';
import { CLASSES, OUTCOMES, STATUSES } from './kinds.ts';
import { IN, KINDS, LOCATION_BUCKETS, OUT, PEER_BUCKETS, PEER_CLASSES, SUM_MS, sparse } from './series.ts';
import type { AttemptsSnapshot, FlowSnapshot, LatencySnapshot } from './snapshot.ts';

export function flowOf(cells: Float64Array): FlowSnapshot {
  const statuses = named(cells, KINDS, STATUSES);
  return {
    requests: sumOf(statuses),
    bytesIn: cells[IN],
    bytesOut: cells[OUT],
    statuses,
    latency: latencyOf(sparse(cells, LOCATION_BUCKETS), cells[SUM_MS]),
  };
}

export function attemptsOf(cells: Float64Array): AttemptsSnapshot {
  const outcomes = named(cells, KINDS, OUTCOMES);
  return {
    attempts: sumOf(outcomes),
    outcomes,
    classes: named(cells, PEER_CLASSES, CLASSES),
    bytesSent: cells[IN],
    bytesReceived: cells[OUT],
    latency: latencyOf(sparse(cells, PEER_BUCKETS), cells[SUM_MS]),
  };
}

export function latencyOf(buckets: SparseCounts, sumMs: number): LatencySnapshot {
  let count = 0;
  for (let i = 1; i < buckets.length; i += 2) count += buckets[i];
  const [p50Ms, p95Ms, p99Ms] = [0.5, 0.95, 0.99].map((part) => quantile(buckets, part));
  return { count, sumMs, p50Ms, p95Ms, p99Ms, buckets };
}

function named(cells: Float64Array, from: number, names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [i, name] of names.entries()) if (cells[from + i] !== 0) counts[name] = cells[from + i];
  return counts;
}

export function sumOf(counts: Readonly<Record<string, number>>): number {
  let sum = 0;
  for (const count of Object.values(counts)) sum += count;
  return sum;
}
