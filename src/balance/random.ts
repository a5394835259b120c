// random: any peer, by weight; with `two` the less busy one of two for its weight.
import type { Balancer } from './balancer.ts';
import type { Peer } from './peer.ts';
import { roundRobin } from './round-robin.ts';

/** After so many misses nginx leaves the choice to round robin. */
const MAX_MISSES = 20;

export const random = (peers: readonly Peer[]): Balancer => {
  const fallback = roundRobin(peers);
  const draw = drawFrom(peers);
  return {
    pick(key, tried, now) {
      if (peers.length < 2) return fallback.pick(key, tried, now);
      for (let miss = 0; miss <= MAX_MISSES; miss++) {
        const peer = draw();
        if (peer.isEligible(tried, now)) return peer;
      }
      return fallback.pick(key, tried, now);
    },
  };
};

export const randomTwo = (peers: readonly Peer[]): Balancer => {
  const fallback = roundRobin(peers);
  const draw = drawFrom(peers);
  return {
    pick(key, tried, now) {
      if (peers.length < 2) return fallback.pick(key, tried, now);
      let first: Peer | undefined;
      for (let miss = 0; miss <= MAX_MISSES; ) {
        const peer = draw();
        if (peer === first || !peer.isEligible(tried, now)) {
          miss++;
        } else if (first === undefined) {
          first = peer;
        } else {
          return peer.active * first.weight > first.active * peer.weight ? first : peer;
        }
      }
      return fallback.pick(key, tried, now);
    },
  };
};

/** A peer by its weight among all. */
function drawFrom(peers: readonly Peer[]): () => Peer {
  const totalWeight = peers.reduce((sum, peer) => sum + peer.weight, 0);
  return () => {
    let left = Math.floor(Math.random() * totalWeight);
    let i = 0;
    while (left >= peers[i].weight) left -= peers[i++].weight;
    return peers[i];
  };
}
