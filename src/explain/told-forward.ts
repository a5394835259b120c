// What a forward that was reached comes to, as data.

import type { BodyFraming } from '../back/back.ts';
import type { Peer } from '../balance/peer.ts';
import type { Model, UpstreamModel } from '../config/model.ts';
import { groupKey } from '../upstream/discovery.ts';
import type { ExplainedForward, ExplainedPeer } from './explanation.ts';
import { explainSent } from './sent.ts';
import type { SetAt } from './set-at.ts';
import { shown } from './trail.ts';
import type { Reached } from './watching.ts';

export function explainForward(model: Model, setAt: SetAt, reached: Reached): ExplainedForward {
  const { level, pass, ready } = reached;
  const { x, options, target, upstream, order, framing, upgrade, head, retries, hashKey } = ready;
  const { family } = target;
  const group = model.upstreams.find(({ name }) => groupKey(name) === groupKey(upstream.name));
  const peerOf = (peer: Peer): ExplainedPeer => explainPeer(peer, group);
  const { method } = upstream.group;
  return {
    family,
    pass: shown(pass.url),
    at: pass.at,
    group: shown(x.proxyHost || options.authority || upstream.name),
    groupAt: group?.at ?? '',
    method,
    key: keyOf(method, x.remoteAddress, hashKey),
    order: order.map(peerOf),
    retries,
    out: upstream.group.peers.filter((peer) => !order.includes(peer)).map(peerOf),
    tls: options.isProxy && (x.proxySecure || options.secure),
    websocket: upgrade,
    body: sayBody(framing),
    sent: explainSent(x, head, family, { level: level.at, setAt }),
    cache: cacheOf(reached, setAt),
  };
}

function keyOf(method: string, address: string, hashKey: string | null): string {
  if (method === 'ip_hash') return address;
  return hashKey === null ? '' : shown(hashKey);
}

function explainPeer(peer: Peer, group: UpstreamModel | undefined): ExplainedPeer {
  const { config } = peer;
  const entry = group?.settings.upstreamServers.find(({ server }) => server === config.server);
  const notes = [
    config.weight === 1 ? '' : `weight=${config.weight}`,
    config.backup ? 'backup' : '',
    peer.down ? 'down' : '',
    config.maxConns > 0 ? `max_conns=${config.maxConns}` : '',
    config.maxFails === 1 ? '' : `max_fails=${config.maxFails}`,
  ];
  return { peer: peer.name, at: entry?.at ?? '', notes: notes.filter((note) => note !== '') };
}

function sayBody(framing: BodyFraming): string {
  if (framing.kind === 'none') return 'none';
  return framing.kind === 'chunked' ? 'chunked, as it comes' : `${framing.bytes} bytes`;
}

function cacheOf({ level, ready }: Reached, setAt: SetAt): ExplainedForward['cache'] {
  const { x, target } = ready;
  const key = `${target.family}Cache` as const;
  const cache = level.settings[key];
  if (cache === null) return null;
  return {
    zone: cache.zone,
    key: shown(ready.cacheKey),
    status: x.cached?.status ?? '',
    at: setAt.place(level.at, key),
  };
}
