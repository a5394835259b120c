// Rows of the numbers for a Prometheus: where they are to be had, and what is counted for them.
import type { Settings } from '../../config/model.ts';
import { choice, HTTP_LEVELS, type Row, setting } from '../../config/row.ts';

declare module '../../config/model.ts' {
  interface Settings {
    readonly metrics: boolean;
    /** '' = where somebody asks for the numbers. */
    readonly countTraffic: 'on' | 'off' | '';
  }
}

export const metricsDefaults = { metrics: false, countTraffic: '' } as const satisfies Partial<Settings>;

export const metricsRows: readonly Row[] = [
  setting('metrics', {
    name: 'metrics',
    contexts: ['server', 'location'],
    args: [0, 0],
    syntax: '',
    inherit: false,
    doc:
      'Answers with what all acceptors have counted, for Prometheus: as text 0.0.4, or as OpenMetrics where the client takes that. ' +
      'All traffic is counted then, but where count_traffic is off.',
    read: () => true,
  }),
  choice('countTraffic', ['on', 'off'], {
    name: 'count_traffic',
    contexts: HTTP_LEVELS,
    default: 'on where some location has metrics',
    doc: 'Whether requests and attempts are counted, by server and location and by peer. Off costs nothing.',
  }),
];
