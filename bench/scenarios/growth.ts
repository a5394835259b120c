// Scenarios of what grows without requests growing: open connections, programs that do nothing, reloads. http.ts has those of configurations.
import type { OpenLoad } from '../load/open.ts';
import type { PoolLoad } from '../load/pool.ts';
import type { ReloadsLoad } from '../load/reloads.ts';
import type { Scenario } from './scenario.ts';

const NGINX_AND_US = ['lbproxy', 'nginx (tuned)'];

const open = (connections: number): Scenario<OpenLoad> => ({
  name: `connections-${connections}`,
  about: `${connections} keep-alive connections, each asked in its turn, 5000 requests a second over all`,
  setup: { keepalive: 1024 },
  load: { kind: 'open', connections, rate: 5000 },
  contenders: NGINX_AND_US,
  family: 'open-connections',
});

const pool = (programs: number): Scenario<PoolLoad> => ({
  name: `pool-${programs}`,
  about: `${programs} programs that sleep: CPU of lbproxy while they do, and for a status; memory of lbproxy for each`,
  setup: { unpinned: true },
  load: { kind: 'pool', programs, told: 25_000, settleMs: 3000 },
  contenders: ['lbproxy'],
  family: 'pool',
  figure: 'statusUsPerProgram',
  leastSeconds: 3,
});

const RELOADS: Scenario<ReloadsLoad> = {
  name: 'reloads-100',
  about: '100 reloads with 500 requests a second: CPU per request, memory and descriptors before and after',
  setup: { generation: 1 },
  load: {
    ...{ kind: 'reloads', reloads: 100, everyMs: 100, perSecond: 500 },
    ...{ measuredPerSecond: 3000, warmSeconds: 2, settleMs: 1500 },
  },
  contenders: NGINX_AND_US,
  figure: 'cpuRatio',
  leastSeconds: 2,
};

export const GROWTH_SCENARIOS: readonly Scenario[] = [open(64), open(10_000), pool(50), pool(500), RELOADS];
