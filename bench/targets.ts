// What the figures have to reach, as data.

export interface Target {
  readonly scenario: string;
  readonly figure: string;
  /** lbproxy ÷ this contender, or ÷ lbproxy itself in another scenario, round by round; absent: the figure itself. */
  readonly against?: { readonly contender: string } | { readonly scenario: string };
  /** Greatest value that meets the target. */
  readonly atMost?: number;
  /** Least value that meets it. */
  readonly atLeast?: number;
  /** Fewer cores cannot show it. */
  readonly leastCores?: number;
}

const NGINX = 'nginx (tuned)';

const cpu = (scenario: string, atMost: number, contender = NGINX): Target => ({
  scenario,
  figure: 'cpuUs',
  against: { contender },
  atMost,
});

const scale = (large: string, small: string): Target => ({
  scenario: large,
  figure: 'cpuUs',
  against: { scenario: small },
  atMost: 1.1,
});

const absolute = (scenario: string, figure: string, atMost: number): Target => ({ scenario, figure, atMost });

export const TARGETS: readonly Target[] = [
  cpu('plain', 1.1),
  cpu('plain', 0.38, 'nginx (classic)'),
  cpu('plain', 1, 'HAProxy'),
  cpu('plain', 0.25, 'Caddy'),
  cpu('plain', 0.2, 'http-proxy-3'),
  cpu('headers', 1.15),
  cpu('tls', 1.2),
  cpu('handshakes-resumed-1.3', 1.3),
  cpu('handshakes-resumed-1.2', 1.3),
  cpu('close', 1.25),
  cpu('down-16k', 1.1),
  cpu('down-1m', 1.15),
  cpu('up-1m', 1.3),
  cpu('static-1k', 1.05),
  cpu('static-10k', 1.05),
  cpu('static-100m', 1.6),
  cpu('log', 1.15),
  cpu('websocket', 1.1),
  { scenario: 'p99-70', figure: 'p99Ms', against: { contender: NGINX }, atMost: 1.5 },
  absolute('idle', 'bytesPerConnection', 8192),
  absolute('idle-tls', 'bytesPerConnection', 25 * 1024),
  scale('peers-10000', 'peers-4'),
  scale('names-1000', 'names-1'),
  scale('prefixes-1000', 'prefixes-1'),
  scale('connections-10000', 'connections-64'),
  { ...scale('pool-500', 'pool-50'), figure: 'statusUsPerProgram' },
  absolute('pool-500', 'idleUsPerSecond', 5000),
  absolute('pool-500', 'kbPerProgram', 64),
  absolute('reloads-100', 'cpuRatio', 1.1),
  absolute('reloads-100', 'descriptorsPerReload', 0.2),
  absolute('reloads-100', 'lostRequests', 0),
  {
    scenario: 'cluster-2',
    figure: 'requestsPerSecond',
    against: { scenario: 'cluster-1' },
    atLeast: 1.8,
    // Two acceptors, and as much again for the load and the upstreams.
    leastCores: 4,
  },
  absolute('start', 'firstAnswerMs', 150),
  absolute('reload', 'reloadMs', 150),
  absolute('reload', 'lostRequests', 0),
];
