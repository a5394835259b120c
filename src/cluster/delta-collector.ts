// In an acceptor: what this process does with the groups, for the others. Turns of the rotation are shared at once through a file while
// requests come one after the other; counts and marks go out as messages, failures at once, the rest in batches.
import type { Group, GroupDelta, GroupListener } from '../balance/group.ts';
import type { Peer } from '../balance/peer.ts';
import type { SharedRotation } from './shared-rotation.ts';

/** How long changes may wait before the others hear of them, where a choice of theirs may depend on it. */
const BATCH_MS = 5;

/** Counts that no choice depends on wait for so many batches: each message costs all processes. */
const PATIENT_BATCHES = 20;

/**
 * So many more exchanges under way than there were at some time within the batch are a crowd: no client can tell in which order they
 * came, each acceptor turns by itself, and every peer has its share all the same. Exchanges that last (WebSockets, long polls) do not
 * make one.
 */
const CROWD = 4;

class Changes {
  readonly picks = new Map<string, number>();
  readonly done = new Map<string, number>();
  readonly failed: string[] = [];
  readonly live: string[] = [];
  recovered = false;

  take(id: string): GroupDelta {
    return {
      id,
      picks: [...this.picks],
      done: [...this.done],
      failed: this.failed,
      live: this.live,
      recovered: this.recovered,
    };
  }
}

export class DeltaCollector implements GroupListener {
  readonly #send: (deltas: GroupDelta[]) => void;
  readonly #rotation: SharedRotation;
  readonly #changes = new Map<string, Changes>();
  #timer: NodeJS.Timeout | null = null;
  /** Attempts under way, and the least and the most there were since the last batch. */
  #active = 0;
  #least = 0;
  #most = 0;
  #crowded = false;
  /** Something of this batch is needed by the others for their choices. */
  #needed = false;
  #batches = 0;

  constructor(send: (deltas: GroupDelta[]) => void, rotation: SharedRotation) {
    this.#send = send;
    this.#rotation = rotation;
  }

  #of(group: Group): Changes {
    let changes = this.#changes.get(group.id);
    if (changes === undefined) {
      changes = new Changes();
      this.#changes.set(group.id, changes);
    }
    return changes;
  }

  onPicking(group: Group): void {
    if (!this.#crowded) this.#rotation.load(group);
  }

  onPick(group: Group, peer: Peer): void {
    if (!this.#crowded) this.#rotation.store(group);
    const { picks } = this.#of(group);
    picks.set(peer.name, (picks.get(peer.name) ?? 0) + 1);
    if (group.countsMatter) this.#needed = true;
    this.#active++;
    if (this.#active > this.#most) this.#most = this.#active;
    if (this.#active - this.#least >= CROWD) this.#crowded = true;
    this.#later();
  }

  onDone(group: Group, peer: Peer): void {
    const { done } = this.#of(group);
    done.set(peer.name, (done.get(peer.name) ?? 0) + 1);
    if (group.countsMatter) this.#needed = true;
    this.#active--;
    if (this.#active < this.#least) this.#least = this.#active;
    if (this.#active === 0) this.#crowded = false;
    this.#later();
  }

  onFailed(group: Group, peer: Peer): void {
    // The failure took weight from the peer.
    if (!this.#crowded) this.#rotation.store(group);
    this.#of(group).failed.push(peer.name);
    this.flush();
  }

  onLive(group: Group, peer: Peer): void {
    this.#of(group).live.push(peer.name);
    this.#needed = true;
    this.#later();
  }

  onRecover(group: Group): void {
    this.#of(group).recovered = true;
    this.flush();
  }

  #later(): void {
    this.#timer ??= setTimeout(() => this.#endBatch(), BATCH_MS);
  }

  #endBatch(): void {
    this.#timer = null;
    this.#crowded = this.#active > 0 && this.#most - this.#least >= CROWD;
    this.#least = this.#active;
    this.#most = this.#active;
    if (this.#needed || ++this.#batches >= PATIENT_BATCHES) this.flush();
    else this.#later();
  }

  flush(): void {
    if (this.#changes.size === 0) return;
    const deltas = [...this.#changes].map(([id, changes]) => changes.take(id));
    this.#changes.clear();
    this.#needed = false;
    this.#batches = 0;
    this.#send(deltas);
  }
}
