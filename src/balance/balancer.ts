// The balancer contract: pick a peer of a list. Releasing is the group's, the same for all.
import type { Peer } from './peer.ts';

/** What a choice may depend on. */
export interface BalanceKey {
  /** Address of the client as text; ip_hash reads its bytes. */
  readonly remoteAddress: string;
  /** What `hash` asks for, bytes as latin1; '' or missing: the peers take turns. */
  readonly hashKey?: string;
}

export interface Balancer {
  /** A peer that is eligible and not in `tried`, or undefined. `now` is monotonic ms. */
  pick(key: BalanceKey, tried: readonly Peer[], now: number): Peer | undefined;
  /** Whose turn is next, as an index; undefined where the peers' weights tell. Another process may go on from it. */
  turn?: number;
}

export type BalancerFactory = (peers: readonly Peer[]) => Balancer;
