// All upstreams of one configuration: the named groups, one made for each proxy_pass that names a server, and those that variables
// name at run time. What means the same as before a reload is carried over with its state and its connections.
import { isIP } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { Group, peerKey } from '../balance/group.ts';
import type { PeerConfig } from '../balance/peer.ts';
import type { ServerEntry } from '../balance/rows.ts';
import type { Model, Settings, UpstreamModel } from '../config/model.ts';
import { settingsOver } from '../config/settings.ts';
import { Deadline, wheel } from '../shared/timer-wheel.ts';
import {
  type Discovery,
  groupKey,
  implicitUpstream,
  MIN_TTL_MS,
  needsLookup,
  peersOf,
  settingsOfServer,
  systemValidMs,
  withPort,
} from './discovery.ts';
import type { DnsClient } from './dns/dns-client.ts';
import { NameLookups } from './name-lookups.ts';
import { Upstream } from './upstream.ts';

/** Upstreams made for variables are bounded: a client that chooses the host must not choose our memory. */
const MAX_DYNAMIC = 256;

interface Dynamic {
  readonly upstream: Upstream;
  model: UpstreamModel;
  /** Of what name servers said: the host, and its addresses. */
  server: ServerEntry | null;
  addresses: readonly string[];
  /** The addresses of its host, where that is a name. */
  readonly hosts: Discovery['hosts'];
  /** When its addresses are too old. */
  readonly expiry: Deadline;
}

/** A group of what name servers said is dropped when it was not used for so long. */
const UNUSED_MS = 60_000;

/** The group, or why there is none. */
export type OnUpstream = (upstream: Upstream | undefined, detail: string) => void;

/** How a host of a request is looked up. */
export interface Asking {
  readonly secure: boolean;
  /** null = the system is asked. */
  readonly dns: DnsClient | null;
  readonly timeoutMs: number;
}

export class UpstreamSet {
  readonly #model: Model;
  readonly #named = new Map<string, Upstream>();
  readonly #byId = new Map<string, Upstream>();
  readonly #models = new Map<string, UpstreamModel>();
  /** Keys of the groups that the configuration names; all others are hosts. */
  readonly #groups: ReadonlySet<string>;
  readonly #dynamic = new Map<string, Dynamic>();
  /** The same one in all configurations of a process: what is bounded is the process. */
  readonly #lookups: NameLookups;
  /** Until this set is in use: kept longer, each configuration would hold on to all before it. */
  #previous: UpstreamSet | null;
  #found: Discovery;

  constructor(model: Model, found: Discovery, previous: UpstreamSet | null, lookups?: NameLookups) {
    this.#model = model;
    this.#found = found;
    this.#previous = previous;
    this.#lookups = lookups ?? (previous === null ? new NameLookups() : previous.#lookups);
    this.#groups = new Set(model.upstreams.map(({ name }) => groupKey(name)));
    for (const upstream of model.upstreams) this.#add(upstream);
  }

  #add(model: UpstreamModel): Upstream {
    const id = identityOf(model);
    const upstream = this.#previous?.byId(id) ?? createUpstream(model, id, this.#found);
    const key = groupKey(model.name);
    this.#named.set(key, upstream);
    this.#byId.set(id, upstream);
    this.#models.set(key, model);
    return upstream;
  }

  byId(id: string): Upstream | undefined {
    return this.#byId.get(id);
  }

  /** The group of this name, or the server `host[:port]` as a group of its own. */
  of(authority: string, at: string, secure = false): Upstream {
    const name = secure ? this.#secureName(authority) : authority;
    return this.#known(name) ?? this.#add(implicitUpstream(this.#model.settings, name, at));
  }

  /** A host has another port over TLS, and so is another server; a group is the same one. */
  #secureName(authority: string): string {
    return this.#groups.has(groupKey(authority)) ? authority : withPort(authority, true);
  }

  /** Whether a group of this name, or what was made of it, is there already. */
  knows(authority: string): boolean {
    return this.#known(authority) !== undefined;
  }

  #known(authority: string): Upstream | undefined {
    // Most are written as they are kept.
    const kept = this.#named.get(authority) ?? this.#dynamic.get(authority)?.upstream;
    if (kept !== undefined) return kept;
    const key = groupKey(authority);
    return this.#named.get(key) ?? this.#dynamic.get(key)?.upstream;
  }

  /** As `of`, for a name that a request brought: hosts are looked up, nothing stays for ever. */
  ofRequest(given: string, ready: OnUpstream, { secure, dns, timeoutMs }: Asking): void {
    const authority = secure ? this.#secureName(given) : given;
    if (dns !== null) return this.#ofDns(authority, ready, dns, timeoutMs);
    const known = this.#known(authority);
    if (known !== undefined) return ready(known, '');
    const model = implicitUpstream(this.#model.settings, authority, '');
    const { host, port, path } = model.settings.upstreamServers[0];
    if ((host === '' && path === '') || port < 1 || port > 65_535)
      return ready(undefined, `"${authority}" is no host and port`);
    if (!needsLookup(host)) return ready(this.#addDynamic(model, this.#found).upstream, '');
    this.#lookups.find(host, timeoutMs, (addresses, why) => {
      if (addresses.length === 0) return ready(undefined, why);
      // Another one who waited for the answer may have made it.
      const hosts = { [host]: addresses };
      ready(this.#known(authority) ?? this.#addDynamic(model, { ...this.#found, hosts }).upstream, '');
    });
  }

  /** The name servers of a location say where a host is; how long that holds is theirs to know. */
  #ofDns(authority: string, ready: OnUpstream, dns: DnsClient, timeoutMs: number): void {
    const named = this.#named.get(authority) ?? this.#named.get(groupKey(authority));
    if (named !== undefined) return ready(named, '');
    const key = `${dns.id} ${groupKey(authority)}`;
    const server = this.#dynamic.get(key)?.server ?? serverOf(this.#model.settings, authority);
    const { host, port } = server;
    if (host === '' || host.startsWith('[') || isIP(host) !== 0 || port < 1 || port > 65_535)
      return this.ofRequest(authority, ready, { secure: false, dns: null, timeoutMs });
    dns.resolve(host, timeoutMs, (addresses, why) => {
      if (addresses.length === 0) return ready(undefined, why);
      let dynamic = this.#dynamic.get(key);
      if (dynamic === undefined || dynamic.addresses !== addresses) {
        const model = hostUpstream(this.#model.settings, server, addresses);
        if (dynamic === undefined) dynamic = this.#addDynamic(model, this.#found, key);
        else updatePeers(dynamic.upstream, peersOf(model, this.#found));
        dynamic.model = model;
        dynamic.server = server;
        dynamic.addresses = addresses;
      }
      wheel.arm(dynamic.expiry, UNUSED_MS);
      ready(dynamic.upstream, '');
    });
  }

  #addDynamic(model: UpstreamModel, found: Discovery, key = groupKey(model.name)): Dynamic {
    if (this.#dynamic.size >= MAX_DYNAMIC) {
      const [[oldKey, oldest]] = this.#dynamic;
      this.#dropDynamic(oldKey, oldest);
    }
    const upstream = createUpstream(model, `dynamic ${model.name}`, found);
    const expiry = new Deadline(() => this.#dropDynamic(key, dynamic));
    const dynamic: Dynamic = { upstream, model, server: null, addresses: [], hosts: found.hosts, expiry };
    this.#dynamic.set(key, dynamic);
    const ttlMs = needsLookup(model.settings.upstreamServers[0].host)
      ? Math.max(MIN_TTL_MS, systemValidMs(this.#model.settings))
      : 0;
    if (ttlMs > 0) wheel.arm(dynamic.expiry, ttlMs);
    return dynamic;
  }

  #dropDynamic(key: string, { upstream, expiry }: Dynamic): void {
    wheel.remove(expiry);
    this.#dynamic.delete(key);
    upstream.retire(null);
  }

  /** New addresses or ports became known. */
  discover(found: Discovery): void {
    this.#found = found;
    for (const [name, model] of this.#models) {
      const upstream = this.#named.get(name);
      if (upstream !== undefined) updatePeers(upstream, peersOf(model, found));
    }
    for (const { upstream, model, hosts } of this.#dynamic.values())
      updatePeers(upstream, peersOf(model, { ...found, hosts }));
  }

  /** This set is replaced: what the next one did not take over is closed once it is idle. */
  retire(next: UpstreamSet | null): void {
    if (next !== null) next.#previous = null;
    const heirs = next === null ? new Map<string, Upstream>() : next.#named;
    const kept = new Set(heirs.values());
    for (const [name, upstream] of this.#named)
      if (!kept.has(upstream)) upstream.retire(heirs.get(name) ?? null);
    for (const [name, dynamic] of this.#dynamic) this.#dropDynamic(name, dynamic);
  }

  /** How long requests wait for a process of this group, where the group says so. */
  holdOf(authority: string): number | null {
    return this.#models.get(groupKey(authority))?.settings.upstreamHoldMs ?? null;
  }

  /** Template of the key by which a group chooses. */
  hashKeyOf(name: string): string {
    return this.#models.get(groupKey(name))?.settings.upstreamMethod.key ?? '';
  }

  /** Directory that relative paths start from. */
  get prefix(): string {
    return this.#model.prefix;
  }

  get all(): Iterable<Upstream> {
    return this.#named.values();
  }
}

function serverOf(settings: Settings, authority: string): ServerEntry {
  return implicitUpstream(settings, authority, '').settings.upstreamServers[0];
}

/** A host as name servers know it: what failed is nothing that later requests are to know, as in nginx. */
function hostUpstream(settings: Settings, server: ServerEntry, addresses: readonly string[]): UpstreamModel {
  const upstreamServers = addresses.map((address) => {
    const host = isIP(address) === 6 ? `[${address}]` : address;
    return { ...server, host, maxFails: 0 };
  });
  const one = settingsOfServer(settings, server);
  return { name: server.server, at: '', settings: settingsOver(one, { upstreamServers }) };
}

/** Peers that go down lose their idle connections; peers that stay keep their counts. */
function updatePeers(upstream: Upstream, configs: readonly PeerConfig[]): void {
  const { group } = upstream;
  const before = group.peers;
  const processes = group.processes;
  const same =
    before.length === configs.length &&
    configs.every((config, i) => peerKey(config) === peerKey(before[i].config));
  if (!same) group.setPeers(configs);
  for (const [i, config] of configs.entries())
    if (group.follow(group.peers[i], config)) upstream.closeIdle(group.peers[i]);
  group.tendFresh();
  for (const peer of before) if (peer.down || !group.peers.includes(peer)) upstream.closeIdle(peer);
  if (!same || !isDeepStrictEqual(processes, group.processes)) upstream.waiting?.onNews();
}

function createUpstream(model: UpstreamModel, id: string, found: Discovery): Upstream {
  const s = model.settings;
  const group = new Group({
    name: model.name,
    id,
    method: s.upstreamMethod.method,
    peers: peersOf(model, found),
  });
  return new Upstream(group, {
    max: s.upstreamKeepalive,
    timeoutMs: s.upstreamKeepaliveTimeoutMs,
    requests: s.upstreamKeepaliveRequests,
    timeMs: s.upstreamKeepaliveTimeMs,
  });
}

/** Equal for two models whose groups may share state. */
function identityOf({ name, settings: s }: UpstreamModel): string {
  const servers = s.upstreamServers.map(({ at: _at, ...entry }) => entry);
  const keepalive = [
    s.upstreamKeepalive,
    s.upstreamKeepaliveTimeoutMs,
    s.upstreamKeepaliveRequests,
    s.upstreamKeepaliveTimeMs,
  ];
  return JSON.stringify([name, s.upstreamMethod, s.upstreamProgram, servers, keepalive]);
}
