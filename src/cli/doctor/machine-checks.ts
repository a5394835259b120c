// Checks of the machine: Node, descriptors, the clock, names, variables, a container around.
import { isIP } from 'node:net';
import { setsItself } from '../../config/settings.ts';
import { groupKey } from '../../upstream/discovery.ts';
import { passesOf } from '../../upstream/passes.ts';
import { type Check, finder, type ReadSite, type Surroundings } from './check.ts';

const node: Check = {
  name: 'node',
  about: 'the version of Node',
  run({ nodeVersion }) {
    const { problem, advice } = finder('node');
    const [major, minor] = nodeVersion.split('.').map(Number);
    if (major < 22 || (major === 22 && minor < 12))
      return [problem(`this is Node ${nodeVersion}`, 'install Node 22.12 or newer')];
    if (major % 2 === 1)
      return [
        advice(
          `Node ${nodeVersion} is of a line that gets fixes for half a year only`,
          `take Node ${major + 1}, or ${major - 1}`,
        ),
      ];
    return [];
  },
};

/** Descriptors that a process has besides its connections. */
const SPARE = 100;
const FEW = 4096;

const descriptors: Check = {
  name: 'ulimit',
  about: 'how many descriptors a process may have',
  run({ descriptors: limit, platform }, site) {
    if (limit === null || platform === 'win32') return [];
    const settings = site?.model.settings;
    const wanted =
      settings !== undefined && setsItself(settings, 'workerConnections')
        ? settings.workerConnections * 2
        : FEW;
    if (limit >= Math.min(wanted, 1 << 20)) return [];
    const clients = Math.max(0, Math.floor((limit - SPARE) / 2));
    return [
      finder('ulimit').problem(
        `a process may have ${limit} descriptors: enough for some ${clients} clients, as each needs one and its peer another`,
        `ulimit -n ${Math.max(wanted, 65_536)} before the start, or LimitNOFILE= in the unit of systemd`,
      ),
    ];
  },
};

const DAY_MS = 24 * 3600_000;
/** Nothing of lbproxy is older. */
const FIRST_DAY = Date.UTC(2026, 0, 1);

const clock: Check = {
  name: 'clock',
  about: 'whether the clock can be right',
  run({ nowMs, changedAtMs }, site) {
    const { problem } = finder('clock');
    const fix = 'set the clock: timedatectl set-ntp true, or ntpdate; certificates and caches go by it';
    if (nowMs < FIRST_DAY)
      return [problem(`the clock says ${new Date(nowMs).toISOString()}, which has passed`, fix)];
    const changed = site === null ? undefined : changedAtMs(site.file);
    if (changed !== undefined && changed > nowMs + DAY_MS)
      return [
        problem(
          `the clock says ${new Date(nowMs).toISOString()}, but ${site?.file} was changed later, on ${new Date(changed).toISOString()}`,
          fix,
        ),
      ];
    return [];
  },
};

const VARIABLES = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'];

const proxyVariables: Check = {
  name: 'proxy-variables',
  about: 'variables that send requests elsewhere',
  run({ env }) {
    const set = VARIABLES.filter((name) => (env[name] ?? '') !== '');
    const without = `${env.no_proxy ?? ''},${env.NO_PROXY ?? ''}`.split(',').map((word) => word.trim());
    const covers = without.includes('*') || (without.includes('localhost') && without.includes('127.0.0.1'));
    if (set.length === 0 || covers) return [];
    return [
      finder('proxy-variables').advice(
        `${set.join(', ')} ${set.length === 1 ? 'is' : 'are'} set: curl and many programs ask that proxy for http://localhost, too; lbproxy itself does not`,
        'export NO_PROXY=localhost,127.0.0.1,::1',
      ),
    ];
  },
};

const container: Check = {
  name: 'container',
  about: 'what a container around means for addresses',
  run(here, site) {
    if (site === null || !isContainer(here)) return [];
    const { advice } = finder('container');
    const listens = site.model.servers
      .flatMap(({ settings }) => settings.listens)
      .filter(({ path }) => path === '');
    const found = [];
    if (listens.length > 0 && listens.every(({ host }) => isLoopback(host)))
      found.push(
        advice(
          'this is a container, and all addresses are loopback ones: a published port does not lead there',
          `listen ${listens[0].port} instead of ${listens[0].host}:${listens[0].port}`,
          listens[0].at,
        ),
      );
    const peer = plainPeers(site).find(({ host }) => isLoopback(host));
    if (peer !== undefined)
      found.push(
        advice(
          `this is a container, and ${peer.host}:${peer.port} is a port inside of it`,
          'if the app runs elsewhere, name its service, or host.docker.internal for the machine around',
          peer.at,
        ),
      );
    return found;
  },
};

function isContainer({ readFile, env }: Surroundings): boolean {
  if (readFile('/.dockerenv') !== undefined || readFile('/run/.containerenv') !== undefined) return true;
  return (env.KUBERNETES_SERVICE_HOST ?? '') !== '' || (env.container ?? '') !== '';
}

export const isLoopback = (host: string): boolean => /^(?:localhost|127\.[\d.]+|\[?::1\]?)$/.test(host);

/** A server that requests go to, by its port. */
interface PlainPeer {
  readonly host: string;
  readonly port: number;
  readonly at: string;
}

/** Servers of upstreams, and those that proxy_pass names, that no program of this configuration is known to be. */
export function plainPeers({ model, pool }: ReadSite): readonly PlainPeer[] {
  const own = new Set(pool.groups.flatMap(({ processes }) => processes.map(({ launch }) => launch.port)));
  const groups = new Set(model.upstreams.map(({ name }) => groupKey(name)));
  const servers = model.upstreams
    .flatMap(({ settings }) => settings.upstreamServers)
    .filter(({ path, down }) => path === '' && !down);
  const named = passesOf(model)
    .targets.filter(
      ({ authority, hasPort, byRequest }) => hasPort && !byRequest && !groups.has(groupKey(authority)),
    )
    .map(({ authority, host, at }) => ({ host, port: Number(/:(\d+)$/.exec(authority)?.[1]), at }));
  return [...servers, ...named].filter(({ port }) => !own.has(port));
}

const names: Check = {
  name: 'dns',
  about: 'names that have no address, and the two of localhost',
  async run({ addressesOf, accepts }, site) {
    const { problem, advice } = finder('dns');
    const found = [];
    const local = await addressesOf('localhost');
    if (local.length === 0)
      found.push(problem('"localhost" has no address', 'add "127.0.0.1 localhost" to /etc/hosts'));
    const asked = new Set<string>();
    for (const { host, port, at } of site === null ? [] : plainPeers(site)) {
      if (isIP(host.replace(/^\[|\]$/g, '')) !== 0 || asked.has(`${host}:${port}`)) continue;
      asked.add(`${host}:${port}`);
      if (host !== 'localhost') {
        if ((await addressesOf(host)).length === 0)
          found.push(
            problem(
              `the host name "${host}" has no address`,
              'correct the name, or see /etc/resolv.conf',
              at,
            ),
          );
        continue;
      }
      if (local.length < 2) continue;
      const open = await Promise.all(local.map((address) => accepts(address, port)));
      const one = local[open.indexOf(true)];
      if (one !== undefined && open.includes(false))
        found.push(
          advice(
            `localhost:${port} is ${local.join(' and ')}, and the app listens on ${one} alone: some requests try the other first`,
            `write ${one.includes(':') ? `[${one}]` : one}:${port}`,
            at,
          ),
        );
    }
    return found;
  },
};

export const MACHINE_CHECKS: readonly Check[] = [node, descriptors, clock, names, proxyVariables, container];
