// In the primary: a copy of all groups, kept by the deltas that pass through, so that an acceptor that joins starts with the present
// state and one that dies takes its active counts with it.
import { applySnapshot, type Group, type GroupDelta, takeSnapshot } from '../balance/group.ts';
import type { Model } from '../config/model.ts';
import { systemClock } from '../shared/clock.ts';
import type { Discovery } from '../upstream/discovery.ts';
import { UpstreamSet } from '../upstream/upstream-set.ts';
import type { GroupState } from './messages.ts';

export class GroupHub {
  #upstreams: UpstreamSet | null = null;
  /** Acceptor → group → peer → exchanges under way there. */
  readonly #active = new Map<number, Map<string, Map<string, number>>>();

  use(model: Model, found: Discovery): void {
    const next = new UpstreamSet(model, found, null, this.#upstreams);
    this.#upstreams?.retire(next);
    this.#upstreams = next;
  }

  discover(found: Discovery): void {
    this.#upstreams?.discover(found);
  }

  apply(acceptor: number, deltas: readonly GroupDelta[]): void {
    const now = systemClock.now();
    for (const delta of deltas) {
      this.#group(delta.id)?.apply(delta, now);
      for (const [peer, times] of delta.picks) this.#count(acceptor, delta.id, peer, times);
      for (const [peer, times] of delta.done) this.#count(acceptor, delta.id, peer, -times);
    }
  }

  #group(id: string): Group | undefined {
    return this.#upstreams?.byId(id)?.group;
  }

  #count(acceptor: number, group: string, peer: string, times: number): void {
    const groups = entry(this.#active, acceptor);
    const peers = entry(groups, group);
    const left = (peers.get(peer) ?? 0) + times;
    if (left === 0) peers.delete(peer);
    else peers.set(peer, left);
  }

  /** What the other acceptors must take back when one is gone. */
  forget(acceptor: number): GroupDelta[] {
    const groups = this.#active.get(acceptor);
    this.#active.delete(acceptor);
    const deltas = [...(groups ?? [])].map(([id, peers]) => ({
      id,
      picks: [],
      done: [...peers].filter(([, n]) => n > 0),
      failed: [],
      live: [],
      recovered: false,
    }));
    for (const delta of deltas) this.#group(delta.id)?.apply(delta, systemClock.now());
    return deltas;
  }

  snapshot(): GroupState[] {
    const now = systemClock.now();
    return [...(this.#upstreams?.all ?? [])].map(({ group }) => ({
      id: group.id,
      peers: takeSnapshot(group, now),
    }));
  }
}

/** The map under a key, made when there is none. */
function entry<K, K2, V>(maps: Map<K, Map<K2, V>>, key: K): Map<K2, V> {
  const present = maps.get(key);
  if (present !== undefined) return present;
  const made = new Map<K2, V>();
  maps.set(key, made);
  return made;
}

/** In an acceptor that joins. */
export function applyStates(upstreams: UpstreamSet, states: readonly GroupState[]): void {
  const now = systemClock.now();
  for (const { id, peers } of states) {
    const group = upstreams.byId(id)?.group;
    if (group !== undefined) applySnapshot(group, peers, now);
  }
}
