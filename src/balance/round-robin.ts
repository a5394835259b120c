// nginx's smooth weighted round robin: each pick raises every eligible peer by its weight and lowers the highest by the total,
// so that weights 5,1,1 give a a b a c a a and not five in a row.
import type { Balancer } from './balancer.ts';
import type { Peer } from './peer.ts';

export const roundRobin = (peers: readonly Peer[]): Balancer => ({
  pick(_key, tried, now) {
    const best = smoothPick(peers, 0, tried, now);
    best?.noteChance(now);
    return best;
  },
});

/** One step of the smooth algorithm over the eligible peers from `from` on; with `like`, over those that are as busy as it is. */
export function smoothPick(
  peers: readonly Peer[],
  from: number,
  tried: readonly Peer[],
  now: number,
  like?: Peer,
): Peer | undefined {
  let best: Peer | undefined;
  let total = 0;
  for (let i = from; i < peers.length; i++) {
    const peer = peers[i];
    if (!peer.isEligible(tried, now) || (like !== undefined && !peer.isAsBusyAs(like))) continue;
    peer.currentWeight += peer.effectiveWeight;
    total += peer.effectiveWeight;
    if (peer.effectiveWeight < peer.weight) peer.effectiveWeight++;
    if (best === undefined || peer.currentWeight > best.currentWeight) best = peer;
  }
  if (best !== undefined) best.currentWeight -= total;
  return best;
}
