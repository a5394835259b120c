// Where a metric has its samples from, and the words that the lists of them are written in.
import { BOUNDS_MS } from './buckets.ts';
import type { Family, Sample } from './family.ts';
import type { LatencySnapshot, TrafficSnapshot } from './snapshot.ts';

export interface Source extends Family {
  readonly samples: (snapshot: TrafficSnapshot) => readonly Sample[];
}

export type Labels = Sample['labels'];

/** Milliseconds that a histogram shows: bounds of its buckets all of them. */
const SHOWN_MS = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 60_000];
const SHOWN = SHOWN_MS.map((ms) => ({ bucket: BOUNDS_MS.indexOf(ms), le: ms / 1000 }));

/** A sample for each of the counts, its name as a label. */
export function byLabel(label: string, counts: Readonly<Record<string, number>>, labels: Labels): Sample[] {
  return Object.entries(counts).map(([name, value]) => ({ labels: [...labels, [label, name]], value }));
}

export function histogram({ buckets, count, sumMs }: LatencySnapshot, labels: Labels): Sample[] {
  const samples: Sample[] = [];
  let [seen, i] = [0, 0];
  for (const { bucket, le } of SHOWN) {
    for (; i < buckets.length && buckets[i] <= bucket; i += 2) seen += buckets[i + 1];
    samples.push({ end: '_bucket', labels: [...labels, ['le', leText(le)]], value: seen });
  }
  samples.push(
    { end: '_bucket', labels: [...labels, ['le', '+Inf']], value: count },
    { end: '_sum', labels, value: sumMs / 1000 },
    { end: '_count', labels, value: count },
  );
  return samples;
}

/** OpenMetrics wants it so, and to the older format it is all the same. */
function leText(le: number): string {
  return Number.isInteger(le) ? le.toFixed(1) : String(le);
}

export function one(number: (snapshot: TrafficSnapshot) => number): Source['samples'] {
  return (snapshot) => [{ labels: [], value: number(snapshot) }];
}

export function counter(name: string, help: string, samples: Source['samples']): Source {
  return { name: `lbproxy_${name}_total`, type: 'counter', help, samples };
}

export function gauge(name: string, help: string, samples: Source['samples']): Source {
  return { name: `lbproxy_${name}`, type: 'gauge', help, samples };
}
