// What the primary finds out about peers while lbproxy runs: addresses of host names, ports of programs. Plain data; from it and the
// Model every process makes the same list of peers.
import { isIP } from 'node:net';
import type { PeerConfig } from '../balance/peer.ts';
import type { ProcessPort } from '../balance/process-port.ts';
import type { ServerEntry } from '../balance/rows.ts';
import type { Model, Settings, UpstreamModel } from '../config/model.ts';
import { settingsOver } from '../config/settings.ts';
import { FACES } from '../face/face.ts';
import type { ResolverModel } from '../route/rows.ts';

export interface Discovery {
  /** Host name → its addresses; a name that does not resolve is absent. */
  readonly hosts: Readonly<Record<string, readonly string[]>>;
  /** Program → the processes behind its ports, in their order. */
  readonly programs: Readonly<Record<string, readonly ProcessPort[]>>;
  /** Group → peer → what somebody wishes of it until the next reload. */
  readonly steered?: Readonly<Record<string, Readonly<Record<string, Steered>>>>;
}

export interface Steered {
  /** `drain` leaves what is under way; both get nothing new. */
  readonly state: 'up' | 'down' | 'drain';
  /** null = as configured. */
  readonly weight: number | null;
}

export type { ProcessPort };

export const NOTHING_DISCOVERED: Discovery = { hosts: {}, programs: {} };

/** An answer holds as long at least, whatever its time to live and `resolver valid=` are: nobody asks in a circle. */
export const MIN_TTL_MS = 1000;

/** How long an answer of the system's resolver, which tells no TTL, is good for. */
const SYSTEM_VALID_MS = 30_000;

/** The longest that what the system says holds. */
export function systemValidMs({ resolver }: Settings): number {
  return resolver === null || resolver.validMs === 0 ? SYSTEM_VALID_MS : resolver.validMs;
}

/** Loopback names dial both families and keep the one that answers; everything else that is no address is looked up. */
export function needsLookup(host: string): boolean {
  return host !== '' && host !== 'localhost' && !host.startsWith('[') && isIP(host) === 0;
}

/** The peers of a group as far as they are known. */
export function peersOf(upstream: UpstreamModel, found: Discovery): PeerConfig[] {
  const { upstreamServers, upstreamProgram } = upstream.settings;
  const peers = upstreamServers.flatMap((entry) => peersOfEntry(entry, found));
  for (const process of ownOf(found.programs, upstreamProgram)) {
    const { port } = process;
    peers.push({
      ...PROGRAM_PEER,
      name: `127.0.0.1:${port}`,
      address: { kind: 'tcp', host: 'localhost', port },
      down: !process.up,
      process,
    });
  }
  return steered(peers, upstream.name, found);
}

function steered(peers: PeerConfig[], group: string, { steered: all = {} }: Discovery): PeerConfig[] {
  const own = Object.hasOwn(all, group) ? all[group] : null;
  if (own === null) return peers;
  return peers.map((peer) => {
    if (!Object.hasOwn(own, peer.name)) return peer;
    const { state, weight } = own[peer.name];
    return { ...peer, down: peer.down || state !== 'up', weight: weight ?? peer.weight };
  });
}

/** Ways to write that a server listens on this machine. Another of its addresses may well be another program's. */
const HERE: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost', '::1', '0.0.0.0', '::']);

export function isHere(host: string): boolean {
  return HERE.has(host.replace(/^\[|\]$/g, ''));
}

const portsOfDiscovery = new WeakMap<Discovery, ReadonlyMap<number, ProcessPort>>();

/** Which supervised process a port of this machine is, whatever program it belongs to. */
function processOn(port: number, found: Discovery): ProcessPort | undefined {
  let ports = portsOfDiscovery.get(found);
  if (ports === undefined) {
    ports = portsOf(Object.values(found.programs).flat());
    portsOfDiscovery.set(found, ports);
  }
  return ports.get(port);
}

/** Of several that are to have one port (blue and green) it is the one that has it, or is about to. */
function portsOf(processes: readonly ProcessPort[]): ReadonlyMap<number, ProcessPort> {
  const rank = ({ up, coming }: ProcessPort): number => (up ? 2 : coming ? 1 : 0);
  const ports = new Map<number, ProcessPort>();
  for (const process of processes) {
    const other = ports.get(process.port);
    if (other === undefined || rank(process) > rank(other)) ports.set(process.port, process);
  }
  return ports;
}

/** A program or a host may be called `constructor`. */
function ownOf<T>(record: Readonly<Record<string, readonly T[]>>, name: string): readonly T[] {
  return Object.hasOwn(record, name) ? record[name] : [];
}

const PROGRAM_PEER = { weight: 1, maxFails: 1, failTimeoutMs: 10_000, backup: false, maxConns: 0 };

function peersOfEntry(entry: ServerEntry, found: Discovery): PeerConfig[] {
  const { host, port, path, at: _at, resolve: _resolve, ...rest } = entry;
  if (path !== '') return [{ ...rest, name: `unix:${path}`, address: { kind: 'unix', path } }];
  const addresses = ownOf(found.hosts, host);
  if (needsLookup(host)) return addresses.map((address) => peerAt(address, port, rest));
  const own = addresses.length > 0 ? addresses : [host.replace(/^\[|\]$/g, '')];
  return own.map((address) => linked(peerAt(address, port, rest), host, found));
}

/** nginx.conf names ports, supervisord.conf the processes that listen there: a server that is one of them is in only while that serves. */
function linked(peer: PeerConfig, host: string, found: Discovery): PeerConfig {
  if (peer.address.kind !== 'tcp' || peer.down || !isHere(host)) return peer;
  const process = processOn(peer.address.port, found);
  return process === undefined ? peer : { ...peer, down: !process.up, process };
}

function peerAt(host: string, port: number, rest: Omit<PeerConfig, 'name' | 'address'>): PeerConfig {
  const name = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return { ...rest, name, address: { kind: 'tcp', host, port } };
}

/** What a group is found by: names are hosts' names, whose letters of ASCII know no case (ngx_strcasecmp); paths of Unix sockets do. */
export function groupKey(authority: string): string {
  return authority.startsWith('unix:')
    ? authority
    : authority.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** A host, which is no group, with the port that TLS usually has. */
export function withPort(authority: string, secure: boolean): string {
  return secure && !authority.startsWith('unix:') && !/:\d*$/.test(authority)
    ? `${authority}:443`
    : authority;
}

/** Of a group of one server, without an `upstream` that could say how many connections are kept. */
export function settingsOfServer(template: UpstreamModel['settings'], server: ServerEntry): Settings {
  const kept = FACES[template.face].keepsToServers ? {} : { upstreamKeepalive: 0 };
  return settingsOver(template, { upstreamServers: [server], ...kept });
}

/** A group of one server for a proxy_pass that names no group. */
export function implicitUpstream(
  template: UpstreamModel['settings'],
  authority: string,
  at: string,
): UpstreamModel {
  const m = /^(\[[^\]]+\]|[^:]*)(?::(\d{1,5}))?$/.exec(authority);
  const unix = /^unix:(.*?):?$/.exec(authority);
  const entry: ServerEntry = {
    host: unix === null ? (m?.[1] ?? authority) : '',
    port: Number(m?.[2] ?? 80),
    path: unix?.[1] ?? '',
    server: authority,
    weight: 1,
    maxFails: 1,
    failTimeoutMs: 10_000,
    maxConns: 0,
    backup: false,
    down: false,
    resolve: false,
    at,
  };
  return { name: authority, at, settings: settingsOfServer(template, entry) };
}

/** A host name of peers, and who is asked for it. */
export interface FollowedHost {
  readonly name: string;
  /** null = the system. */
  readonly resolver: ResolverModel | null;
}

/** `localhost` is one peer, whose addresses are tried in turn; to nginx it is a name like any other, and a peer for each address. */
function isFollowed(host: string, { face }: Settings): boolean {
  return needsLookup(host) || (host === 'localhost' && FACES[face].localhostIsName);
}

/** The host names that a Model's peers need looked up, each once. */
export function hostNamesOf(model: Model, implicit: readonly UpstreamModel[]): FollowedHost[] {
  const hosts = new Map<string, FollowedHost>();
  for (const { settings } of [...model.upstreams, ...implicit]) {
    for (const { host: name, resolve } of settings.upstreamServers)
      if (isFollowed(name, settings) && !hosts.has(name))
        hosts.set(name, { name, resolver: resolve ? settings.resolver : null });
  }
  return [...hosts.values()];
}
