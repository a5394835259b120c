// What the primary finds out about peers while lbproxy runs: addresses of host names, ports of programs. Plain data; from it and the
// Model every process makes the same list of peers.
import { isIP } from 'node:net';
import type { PeerConfig } from '../balance/peer.ts';
import type { ServerEntry } from '../balance/rows.ts';
import type { Model, UpstreamModel } from '../config/model.ts';

export interface Discovery {
  /** Host name → its addresses; a name that does not resolve is absent. */
  readonly hosts: Readonly<Record<string, readonly string[]>>;
  /** Program → its ports in order, and whether each accepts. */
  readonly programs: Readonly<Record<string, readonly { readonly port: number; readonly up: boolean }[]>>;
}

export const NOTHING_DISCOVERED: Discovery = { hosts: {}, programs: {} };

/** An answer holds as long at least, whatever its time to live and `resolver valid=` are: nobody asks in a circle. */
export const MIN_TTL_MS = 1000;

/** Loopback names dial both families and keep the one that answers; everything else that is no address is looked up. */
export function needsLookup(host: string): boolean {
  return host !== '' && host !== 'localhost' && !host.startsWith('[') && isIP(host) === 0;
}

/** The peers of a group as far as they are known. */
export function peersOf(upstream: UpstreamModel, found: Discovery): PeerConfig[] {
  const { upstreamServers, upstreamProgram } = upstream.settings;
  const peers = upstreamServers.flatMap((entry) => peersOfEntry(entry, found));
  for (const { port, up } of ownOf(found.programs, upstreamProgram)) {
    peers.push({
      ...PROGRAM_PEER,
      name: `127.0.0.1:${port}`,
      address: { kind: 'tcp', host: 'localhost', port },
      down: !up,
    });
  }
  return peers;
}

/** A program or a host may be called `constructor`. */
function ownOf<T>(record: Readonly<Record<string, readonly T[]>>, name: string): readonly T[] {
  return Object.hasOwn(record, name) ? record[name] : [];
}

const PROGRAM_PEER = { weight: 1, maxFails: 1, failTimeoutMs: 10_000, backup: false, maxConns: 0 };

function peersOfEntry(entry: ServerEntry, found: Discovery): PeerConfig[] {
  const { host, port, path, at: _at, ...rest } = entry;
  if (path !== '') return [{ ...rest, name: `unix:${path}`, address: { kind: 'unix', path } }];
  if (!needsLookup(host)) return [peerAt(host.replace(/^\[|\]$/g, ''), port, rest)];
  return ownOf(found.hosts, host).map((address) => peerAt(address, port, rest));
}

function peerAt(host: string, port: number, rest: Omit<PeerConfig, 'name' | 'address'>): PeerConfig {
  const name = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return { ...rest, name, address: { kind: 'tcp', host, port } };
}

/** What a group is found by: names are hosts' names, which know no case; paths of Unix sockets do. */
export function groupKey(authority: string): string {
  return authority.startsWith('unix:') ? authority : authority.toLowerCase();
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
    weight: 1,
    maxFails: 1,
    failTimeoutMs: 10_000,
    maxConns: 0,
    backup: false,
    down: false,
    at,
  };
  return { name: authority, at, settings: { ...template, upstreamServers: [entry] } };
}

/** The host names that a Model's peers need looked up. */
export function hostNamesOf(model: Model, implicit: readonly UpstreamModel[]): string[] {
  const names = new Set<string>();
  for (const upstream of [...model.upstreams, ...implicit]) {
    for (const { host } of upstream.settings.upstreamServers) if (needsLookup(host)) names.add(host);
  }
  return [...names];
}
