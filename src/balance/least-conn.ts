// least_conn: the fewest active exchanges for its weight; among equals the smooth round robin decides (nginx's order).
import type { Balancer } from './balancer.ts';
import type { Peer } from './peer.ts';
import { smoothPick } from './round-robin.ts';

export const leastConn = (peers: readonly Peer[]): Balancer => ({
  pick(_key, tried, now) {
    let best: Peer | undefined;
    let first = 0;
    let several = false;
    for (let i = 0; i < peers.length; i++) {
      const peer = peers[i];
      if (!peer.isEligible(tried, now)) continue;
      const difference = best === undefined ? -1 : peer.active * best.weight - best.active * peer.weight;
      if (difference < 0) {
        best = peer;
        first = i;
        several = false;
      } else if (difference === 0) {
        several = true;
      }
    }
    if (best !== undefined && several) best = smoothPick(peers, first, tried, now, best);
    return best;
  },
});
