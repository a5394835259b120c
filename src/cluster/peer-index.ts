// Peers as the shared log names them: a key that is the same in all processes, whatever order their lists came to be in.

import type { Group } from '../balance/group.ts';
import type { Peer } from '../balance/peer.ts';
import { sha256 } from '../shared/sha256.ts';

/** Of a digest so many bytes are enough. */
const PEER_KEY_BYTES = 16;

export class PeerIndex {
  readonly #peers = new Map<string, Peer>();
  readonly #keys = new Map<Peer, string>();
  readonly #groups = new Map<Group, readonly Peer[]>();

  get groups(): Iterable<Group> {
    return this.#groups.keys();
  }

  get peers(): Iterable<Peer> {
    return this.#keys.keys();
  }

  /** Knows the peers that the group has now, and forgets those it had. */
  add(group: Group): void {
    this.remove(group);
    this.#groups.set(group, group.peers);
    const seen = new Map<string, number>();
    // It tells of all the peers: with it whole in each key, 10,000 peers took minutes.
    const groupId = sha256(group.id).toString('base64');
    for (const peer of group.peers) {
      // A server may stand twice.
      const nth = seen.get(peer.name) ?? 0;
      seen.set(peer.name, nth + 1);
      const identity = JSON.stringify([groupId, peer.name, nth]);
      const key = sha256(identity).latin1Slice(0, PEER_KEY_BYTES);
      this.#keys.set(peer, key);
      this.#peers.set(key, peer);
    }
  }

  remove(group: Group): void {
    for (const peer of this.#groups.get(group) ?? []) {
      const key = this.#keys.get(peer);
      // A group that follows on one of the same name has its key.
      if (key !== undefined && this.#peers.get(key) === peer) this.#peers.delete(key);
      this.#keys.delete(peer);
    }
    this.#groups.delete(group);
  }

  peerOf(key: string): Peer | undefined {
    return this.#peers.get(key);
  }

  /** '' for a peer that is not known. */
  keyOf(peer: Peer): string {
    return this.#keys.get(peer) ?? '';
  }
}
