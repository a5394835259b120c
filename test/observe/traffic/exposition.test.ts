// The text of the metrics, both forms of it, and the dashboard that is made of their names.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { metricNames, metricsText } from '../../../src/observe/traffic/exposition.ts';
import { latencyOf } from '../../../src/observe/traffic/flows.ts';
import type { TrafficSnapshot } from '../../../src/observe/traffic/snapshot.ts';
import { type ReadFamily, readExposition } from '../../support/exposition-format.ts';

const DASHBOARD = fileURLToPath(new URL('../../../docs/examples/grafana-dashboard.json', import.meta.url));

const LATENCY = latencyOf([0, 2, 30, 5, 60, 1, 99, 1], 1234.5);
const FLOW = {
  requests: 9,
  bytesIn: 900,
  bytesOut: 9000,
  statuses: { '200': 8, '502': 1 },
  latency: LATENCY,
};
const ATTEMPTS = {
  attempts: 9,
  outcomes: { ok: 8, connect_refused: 1 },
  classes: { '2xx': 8 },
  bytesSent: 1,
  bytesReceived: 2,
  latency: LATENCY,
};
const CONNECTIONS = { active: 6, reading: 1, writing: 2, waiting: 3 };

const FAILURE = { cause: 'connect_refused', atMs: 1_700_000_000_700 };

/** One of everything, with names that have to be escaped. */
const SNAPSHOT: TrafficSnapshot = {
  version: '1.2.3',
  startedAtMs: 1_700_000_000_000,
  acceptorDeaths: 1,
  reloads: { done: 2, refused: 1, lastDoneAtMs: 1_700_000_000_500, lastOk: false },
  processes: [],
  programs: [{ program: 'app', states: { RUNNING: 2, FATAL: 0 }, ready: 1, restarts: 4 }],
  certificates: [{ file: '/etc/x.pem', name: 'a.test', notAfterMs: 1_800_000_000_000 }],
  atMs: 0,
  counting: true,
  total: FLOW,
  servers: [
    { server: 'a.test', ...FLOW, locations: [{ location: '~ "\\d\n"', ...FLOW }] },
    { server: 'b.test', ...FLOW, locations: [] },
  ],
  upstreams: [
    {
      upstream: 'app',
      ...ATTEMPTS,
      peers: [
        { peer: '10.0.0.1:80', now: { state: 'up', weight: 1, active: 2 }, lastFailure: null, ...ATTEMPTS },
        {
          peer: '10.0.0.2:80',
          now: { state: 'failing', weight: 1, active: 0 },
          lastFailure: FAILURE,
          ...ATTEMPTS,
        },
      ],
    },
  ],
  acceptors: [
    {
      id: 3,
      pid: 33,
      startedAtMs: 0,
      heapBytes: 1,
      rssBytes: 2,
      cpuMs: 1500,
      loopMaxMs: 12,
      loopP99Ms: 3,
      ...CONNECTIONS,
      ...FLOW,
    },
  ],
  connections: { accepted: 10, handled: 9, ...CONNECTIONS },
  spans: { sent: 5, dropped: 6 },
};

const namesOf = (families: readonly ReadFamily[]): string[] => [
  ...new Set(families.flatMap(({ samples }) => samples.map(({ name }) => name))),
];

describe('the text of metrics', () => {
  it.each([false, true])('is well formed, and has all that there is (OpenMetrics: %s)', (openMetrics) => {
    const families = readExposition(metricsText(SNAPSHOT, openMetrics), openMetrics);
    expect(namesOf(families).toSorted()).toEqual(metricNames().toSorted());
    const [one] = families.find(({ name }) => /^lbproxy_requests/.test(name))?.samples ?? [];
    expect(one.labels).toEqual({ server: 'a.test', location: '~ "\\d\n"', code: '200' });
  });

  it('counts each bucket with those below', () => {
    const families = readExposition(metricsText(SNAPSHOT, false), false);
    const histogram = families.find(({ name }) => name === 'lbproxy_request_duration_seconds');
    const buckets = (histogram?.samples ?? []).filter(({ name }) => name.endsWith('_bucket'));
    const at = (le: string): number | undefined => buckets.find(({ labels }) => labels.le === le)?.value;
    expect([at('0.001'), at('0.01'), at('0.025'), at('2.5'), at('60.0'), at('+Inf')]).toEqual([
      2, 2, 7, 8, 8, 9,
    ]);
    expect(histogram?.samples.find(({ name }) => name.endsWith('_sum'))?.value).toBe(1.2345);
  });
});

describe('docs/METRICS.md', () => {
  it('names every metric, and no other', () => {
    const page = readFileSync(fileURLToPath(new URL('../../../docs/METRICS.md', import.meta.url)), 'utf8');
    const full = page.replace('`…_p99_seconds`', '`lbproxy_acceptor_event_loop_delay_p99_seconds`');
    const named = [...full.matchAll(/`(lbproxy_[a-z0-9_]+)`/g)].map(([, name]) => name);
    const families = new Set(metricNames().map((name) => name.replace(/_(?:bucket|sum|count)$/, '')));
    expect([...new Set(named)].toSorted()).toEqual([...families].toSorted());
  });
});

describe('the dashboard', () => {
  const text = readFileSync(DASHBOARD, 'utf8');

  it('is JSON with panels that stand beside each other, each with a query', () => {
    const { panels, templating } = JSON.parse(text) as {
      panels: {
        id: number;
        type: string;
        gridPos: { x: number; y: number; w: number; h: number };
        targets?: { expr: string }[];
      }[];
      templating: { list: { name: string }[] };
    };
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const taken = new Set<string>();
    for (const {
      type,
      gridPos: { x, y, w, h },
      targets,
    } of panels) {
      if (type !== 'row') expect(targets?.length).toBeGreaterThan(0);
      for (let dx = 0; dx < w; dx++)
        for (let dy = 0; dy < h; dy++) {
          const cell = `${x + dx} ${y + dy}`;
          expect(taken.has(cell)).toBe(false);
          taken.add(cell);
        }
      expect(x + w).toBeLessThanOrEqual(24);
    }
    const names = templating.list.map(({ name }) => name);
    for (const [, name] of text.matchAll(/\$(?!__)\{?([a-z]+)/g)) expect(names).toContain(name);
  });

  it('names metrics that there are, and labels that they have', () => {
    const families = readExposition(metricsText(SNAPSHOT, false), false);
    const labels = new Map(
      families.flatMap(({ samples }) =>
        samples.map((each) => [each.name, Object.keys(each.labels)] as const),
      ),
    );
    const used = [...text.matchAll(/\b(lbproxy_[a-z0-9_]+)(?:\{([^}]*)\})?/g)];
    expect(used.length).toBeGreaterThan(30);
    for (const [, name, matchers = ''] of used) {
      expect(metricNames()).toContain(name);
      for (const [, label] of matchers.matchAll(/([a-z]+)(?:=~|!=|!~|=)/g))
        if (label !== 'instance') expect(labels.get(name), name).toContain(label);
    }
  });
});
