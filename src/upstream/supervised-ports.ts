// Which servers of a configuration may be processes that run here: those on the machine's own addresses, by their ports.
import type { Model } from '../config/model.ts';
import { groupKey, implicitUpstream, isHere, withPort } from './discovery.ts';
import { passesOf } from './passes.ts';

/** Ports of all servers on this machine, in groups and in proxy_pass. */
export function followedPorts(model: Model): ReadonlySet<number> {
  const groups = new Set(model.upstreams.map((upstream) => groupKey(upstream.name)));
  const implicit = passesOf(model)
    .targets.filter(({ authority }) => !groups.has(groupKey(authority)))
    .map(({ authority, secure, at }) => implicitUpstream(model.settings, withPort(authority, secure), at));
  const servers = [...model.upstreams, ...implicit].flatMap(({ settings }) => settings.upstreamServers);
  return new Set(servers.filter(({ host }) => isHere(host)).map(({ port }) => port));
}
