// Scenarios of everything that is not plain requests: tunnels, handshakes, idle connections, starts, reloads, pauses, programs.
import type { HandshakesLoad } from '../load/handshakes.ts';
import type { HttpLoad } from '../load/http-load.ts';
import type { IdleLoad } from '../load/idle.ts';
import { hasTornado, type ProgramsLoad } from '../load/programs.ts';
import type { ReloadLoad } from '../load/reload.ts';
import type { StartLoad } from '../load/start.ts';
import type { WebsocketLoad } from '../load/websocket.ts';
import type { Scenario } from './scenario.ts';

const NGINX_AND_US = ['lbproxy', 'nginx (tuned)'];

const WEBSOCKET: Scenario<WebsocketLoad> = {
  name: 'websocket',
  about: '64-byte messages and their echoes over 64 tunnels, one under way on each',
  setup: { upgrade: true },
  load: { kind: 'websocket', connections: 64, bytes: 64 },
  contenders: [...NGINX_AND_US, 'HAProxy', 'Caddy'],
};

function handshakes(version: HandshakesLoad['version'], resume: boolean): Scenario<HandshakesLoad> {
  const kind = resume ? 'resumed' : 'full';
  return {
    name: `handshakes-${kind}-${version === 'TLSv1.3' ? '1.3' : '1.2'}`,
    about: `${version}, ${kind} handshakes, one request on each connection, 16 at a time; CPU is of the whole connection`,
    setup: { tls: true },
    load: { kind: 'handshakes', version, resume, concurrency: 16 },
    contenders: [...NGINX_AND_US, 'HAProxy'],
  };
}

function idle(name: string, tls: boolean, connections: number): Scenario<IdleLoad> {
  return {
    name,
    about: `memory of ${connections} idle keep-alive connections${tls ? ' with TLS' : ''}, each after one request`,
    setup: { tls },
    load: { kind: 'idle', connections, settleMs: 4000 },
    // HAProxy reserves two files for each connection, which is more than many systems allow.
    contenders: tls ? [...NGINX_AND_US, 'HAProxy'] : NGINX_AND_US,
    figure: 'bytesPerConnection',
  };
}

const START: Scenario<StartLoad> = {
  name: 'start',
  about: 'from the command to the first answer through the proxy',
  setup: {},
  load: { kind: 'start' },
  figure: 'firstAnswerMs',
};

const RELOAD: Scenario<ReloadLoad> = {
  name: 'reload',
  about:
    'SIGHUP to the first answer of the new configuration, with 2000 requests a second, a tenth on new connections',
  setup: { generation: 1 },
  load: { kind: 'reload', perSecond: 2000, connections: 16, freshEvery: 10, everyMs: 500 },
  contenders: NGINX_AND_US,
  figure: 'reloadMs',
  leastSeconds: 2,
};

/** least_conn still keeps the slow peer as busy as the others, which is a percent or two of the requests: so p90, not p99. */
const slowPeer = (method: 'round_robin' | 'least_conn'): Scenario<HttpLoad> => ({
  name: `slow-peer-${method}`,
  about: `one peer of four takes 50 ms; ${method} at 4000 requests a second`,
  setup: { upstreams: 4, slowPeerMs: 50, method },
  load: { kind: 'http', connections: 256, path: '/48', answerBytes: 48, rate: 4000 },
  contenders: NGINX_AND_US,
  family: 'slow-peer',
  figure: 'p90Ms',
  leastSeconds: 3,
});

const PAUSES: Scenario<HttpLoad> = {
  name: 'pauses',
  about:
    'the slowest of 5000 requests a second over ten seconds and more: where garbage collection would show',
  setup: {},
  load: { kind: 'http', connections: 64, path: '/48', answerBytes: 48, rate: 5000 },
  contenders: NGINX_AND_US,
  figure: 'p999Ms',
  leastSeconds: 10,
};

function programs(app: ProgramsLoad['app'], perCore: number): Scenario<ProgramsLoad> {
  const what = app === 'node' ? 'a Node app of 1 ms CPU per request' : 'a Tornado hello';
  return {
    name: `programs-${app}-${perCore}`,
    about: `${what}, ${perCore} processes per core run by lbproxy; CPU and memory of all together`,
    setup: {},
    load: { kind: 'programs', app, perCore, connections: 64 },
    contenders: ['lbproxy'],
    family: `programs-${app}`,
    figure: 'requestsPerSecond',
  };
}

const PER_CORE = [1, 2, 4, 8];
const APPS: readonly ProgramsLoad['app'][] = hasTornado ? ['node', 'tornado'] : ['node'];

export const SPECIAL_SCENARIOS: readonly Scenario[] = [
  WEBSOCKET,
  handshakes('TLSv1.3', false),
  handshakes('TLSv1.3', true),
  handshakes('TLSv1.2', true),
  idle('idle', false, 10_000),
  idle('idle-tls', true, 2000),
  START,
  RELOAD,
  slowPeer('round_robin'),
  slowPeer('least_conn'),
  PAUSES,
  ...APPS.flatMap((app) => PER_CORE.map((perCore) => programs(app, perCore))),
];
