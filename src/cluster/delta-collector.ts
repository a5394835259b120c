// In an acceptor: counts what this process does with the groups and tells the others. At once while requests come one after the other,
// so that they see one rotation; in batches under load, where only the shares matter.
import type { Group, GroupDelta, GroupListener } from '../balance/group.ts';
import type { Peer } from '../balance/peer.ts';

/** Under load, how long changes may wait before the others hear of them. */
const BATCH_MS = 5;

class Changes {
  readonly picks = new Map<string, number>();
  readonly done = new Map<string, number>();
  readonly retries: (readonly [string, readonly string[]])[] = [];
  readonly failed: string[] = [];
  readonly live: string[] = [];
  recovered = false;

  take(id: string): GroupDelta {
    return {
      id,
      picks: [...this.picks],
      retries: this.retries,
      done: [...this.done],
      failed: this.failed,
      live: this.live,
      recovered: this.recovered,
    };
  }
}

export class DeltaCollector implements GroupListener {
  readonly #send: (deltas: GroupDelta[]) => void;
  readonly #changes = new Map<string, Changes>();
  #timer: NodeJS.Timeout | null = null;
  #active = 0;

  constructor(send: (deltas: GroupDelta[]) => void) {
    this.#send = send;
  }

  #of(group: Group): Changes {
    let changes = this.#changes.get(group.id);
    if (changes === undefined) {
      changes = new Changes();
      this.#changes.set(group.id, changes);
    }
    return changes;
  }

  onPick(group: Group, peer: Peer, tried: readonly Peer[]): void {
    const changes = this.#of(group);
    if (tried.length === 0) changes.picks.set(peer.name, (changes.picks.get(peer.name) ?? 0) + 1);
    else changes.retries.push([peer.name, tried.map((t) => t.name)]);
    this.#active++;
    // Alone: the next request may come to another acceptor as soon as this one is answered.
    if (this.#active <= 1) this.flush();
    else this.#later();
  }

  onDone(group: Group, peer: Peer): void {
    const { done } = this.#of(group);
    done.set(peer.name, (done.get(peer.name) ?? 0) + 1);
    this.#active--;
    this.#later();
  }

  onFailed(group: Group, peer: Peer): void {
    this.#of(group).failed.push(peer.name);
    this.flush();
  }

  onLive(group: Group, peer: Peer): void {
    this.#of(group).live.push(peer.name);
    this.#later();
  }

  onRecover(group: Group): void {
    this.#of(group).recovered = true;
    this.flush();
  }

  #later(): void {
    this.#timer ??= setTimeout(() => this.flush(), BATCH_MS);
  }

  flush(): void {
    if (this.#timer !== null) {
      clearTimeout(this.#timer);
      this.#timer = null;
    }
    if (this.#changes.size === 0) return;
    const deltas = [...this.#changes].map(([id, changes]) => changes.take(id));
    this.#changes.clear();
    this.#send(deltas);
  }
}
