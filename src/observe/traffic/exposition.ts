// A snapshot as Prometheus reads it: its text format 0.0.4, or OpenMetrics 1.0, which differ in a few words. Pure.
import { writeFamily } from './family.ts';
import { REQUESTS, UPSTREAMS } from './flow-sources.ts';
import { ACCEPTORS, CONNECTIONS, PRIMARY, PROGRAMS } from './process-sources.ts';
import type { TrafficSnapshot } from './snapshot.ts';
import type { Source } from './source.ts';

export function metricsText(snapshot: TrafficSnapshot, openMetrics: boolean): string {
  const lines: string[] = [];
  for (const source of SOURCES) writeFamily(source, source.samples(snapshot), openMetrics, lines);
  if (openMetrics) lines.push('# EOF');
  return `${lines.join('\n')}\n`;
}

/** All names that samples can have. */
export function metricNames(): string[] {
  return SOURCES.flatMap(({ name, type }) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  );
}

const SOURCES: readonly Source[] = [
  ...PRIMARY,
  ...CONNECTIONS,
  ...REQUESTS,
  ...UPSTREAMS,
  ...ACCEPTORS,
  ...PROGRAMS,
];
