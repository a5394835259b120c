// Peers as all acceptors see them now, put together: each tells of its own exchanges, or of those of all where a choice depends on them.
import { type PeerNow, STATES } from './delta.ts';
import { MAX_SERIES, seriesKey } from './series.ts';
import type { PeerPresent } from './snapshot.ts';

export interface NamedPeer {
  readonly outer: string;
  readonly inner: string;
  readonly now: PeerPresent;
}

/** By `seriesKey`. At most as many as there may be series. */
export function presentPeers(told: readonly (readonly PeerNow[])[]): Map<string, NamedPeer> {
  const peers = new Map<string, NamedPeer>();
  for (const [upstream, peer, weight, active, ofAll, state] of told.flat()) {
    const key = seriesKey(upstream, peer);
    const before = peers.get(key)?.now;
    if (before === undefined && peers.size >= MAX_SERIES) continue;
    const known = before ?? { state: STATES[0], weight, active: 0 };
    const now = {
      // The worst that anybody sees.
      state: STATES[Math.max(state, STATES.indexOf(known.state))],
      weight,
      active: ofAll === 1 ? Math.max(known.active, active) : known.active + active,
    };
    peers.set(key, { outer: upstream, inner: peer, now });
  }
  return peers;
}
