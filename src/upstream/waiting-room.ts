// Requests of one group that wait for a process of it to come up. Exists only while one waits: a group whose processes serve has none.
// First come, first served; while more processes are on their way the first one up does not get all of them.
import type { Group } from '../balance/group.ts';
import { Deadline, wheel } from '../shared/timer-wheel.ts';

export interface Waiter {
  /** False while it waits for news and nothing else. */
  readonly eager: boolean;
  /** Goes on with a peer and leaves the room; false when there is none for it. */
  goOn(): boolean;
  /** What it waits for does not come any more: it ends, and leaves the room. */
  giveUp(): void;
  /** Some process of the group changed its state. */
  onNews(): void;
  /** Its group is no more: from now on it waits for the one that took its place (`Upstream.present`). */
  moveOn(): void;
}

/** Whose processes are waited for: an upstream. */
export interface Awaited {
  readonly group: Group;
  /** Null while nobody waits. */
  waiting: WaitingRoom | null;
}

/** Peers that are up may have refused: they are asked again after so long. Also the pace at which the rest is let go. */
const PACE_MS = 100;

/** Of all groups of this process. */
let total = 0;

/** How many requests wait in this process. */
export function waitingRequests(): number {
  return total;
}

export class WaitingRoom {
  readonly #upstream: Awaited;
  /** In the order in which they came. */
  readonly #waiters = new Set<Waiter>();
  readonly #pace: Deadline;
  #letting = false;

  constructor(upstream: Awaited) {
    this.#upstream = upstream;
    this.#pace = new Deadline(() => this.#onPace());
  }

  #group(): Group {
    return this.#upstream.group;
  }

  enter(waiter: Waiter): void {
    this.#waiters.add(waiter);
    total++;
    if (this.#pace.at === 0) wheel.arm(this.#pace, PACE_MS);
  }

  leave(waiter: Waiter): void {
    if (!this.#waiters.delete(waiter)) return;
    total--;
    if (this.#waiters.size > 0) return;
    wheel.remove(this.#pace);
    if (this.#upstream.waiting === this) this.#upstream.waiting = null;
  }

  /** A process came up, went, or is given up. */
  onNews(): void {
    for (const waiter of this.#waiters) waiter.onNews();
    this.#letShare();
  }

  /** A peer has room for one more: one that had max_conns. */
  onRoom(): void {
    this.#let(1);
  }

  /** Its group is no more; what is now called so takes them over. */
  moveTo(heir: Awaited | null): void {
    const waiters = [...this.#waiters];
    for (const waiter of waiters) {
      this.leave(waiter);
      if (heir === null) waiter.giveUp();
      else waiter.moveOn();
    }
    heir?.waiting?.onNews();
  }

  #onPace(): void {
    const { up, coming } = this.#counts();
    if (up + coming === 0) for (const waiter of [...this.#waiters]) waiter.giveUp();
    else this.#letShare();
    if (this.#waiters.size > 0) wheel.arm(this.#pace, PACE_MS);
  }

  /** As many as there are processes up among those that will be. */
  #letShare(): void {
    const { up, coming } = this.#counts();
    if (up > 0) this.#let(Math.ceil((this.#waiters.size * up) / (up + coming)));
  }

  #let(count: number): void {
    // One that goes on may free or fill a place, and call here again.
    if (this.#letting) return;
    this.#letting = true;
    let left = count;
    try {
      for (const waiter of this.#waiters) {
        if (left <= 0) break;
        if (!waiter.eager) continue;
        if (!waiter.goOn()) break;
        left--;
      }
    } finally {
      this.#letting = false;
    }
  }

  #counts(): { readonly up: number; readonly coming: number } {
    let [up, coming] = [0, 0];
    for (const peer of this.#group().peers) {
      if (!peer.down) up++;
      else if (peer.process?.coming === true) coming++;
    }
    return { up, coming };
  }
}
