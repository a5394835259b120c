// Plans of streams for tests.
import type { LogOwner } from '../../../src/supervise/logs/process-log.ts';
import type { StreamPlan } from '../../../src/supervise/plan.ts';

export const owner = (name: string): LogOwner => ({ group: 'web', program: 'web', name });

export const QUIET: StreamPlan = {
  target: { kind: 'none' },
  syslog: false,
  maxBytes: 0,
  backups: 0,
  daily: false,
  gzip: false,
  totalBytes: 0,
  captureMaxBytes: 0,
  events: false,
  stripAnsi: false,
};

export const fileplan = (path: string, rest: Partial<StreamPlan> = {}): StreamPlan => ({
  ...QUIET,
  target: { kind: 'file', path },
  ...rest,
});
