// nginx's smooth weighted round robin: each pick raises every eligible peer by its weight and lowers the highest by the total,
// so that weights 5,1,1 give a a b a c a a and not five in a row.
import type { Balancer } from './balancer.ts';
import type { Peer } from './peer.ts';

export const roundRobin = (peers: readonly Peer[]): Balancer => ({
  pick(_key, tried, now) {
    const best = smoothPick(peers, 0, (peer) => peer.isEligible(tried, now));
    best?.noteChance(now);
    return best;
  },
});

/** One step of the smooth algorithm over the peers from `from` on for which `take` is true. */
export function smoothPick(
  peers: readonly Peer[],
  from: number,
  take: (peer: Peer) => boolean,
): Peer | undefined {
  let best: Peer | undefined;
  let total = 0;
  for (let i = from; i < peers.length; i++) {
    const peer = peers[i];
    if (!take(peer)) continue;
    peer.currentWeight += peer.effectiveWeight;
    total += peer.effectiveWeight;
    if (peer.effectiveWeight < peer.weight) peer.effectiveWeight++;
    if (best === undefined || peer.currentWeight > best.currentWeight) best = peer;
  }
  if (best !== undefined) best.currentWeight -= total;
  return best;
}
