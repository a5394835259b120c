// The ports of processes as the balancer has to know them.
import type { Slot } from './slot.ts';

/** A port of a process, and what the balancer has to know of it. */
export interface ProcessPort {
  readonly port: number;
  /** Requests may go there. */
  readonly up: boolean;
  /** Not up, but about to be: requests may wait for it. */
  readonly coming: boolean;
  /** Since when it is up, in milliseconds since the epoch; 0 while it is not. */
  readonly upSinceMs: number;
  readonly slowStartMs: number;
  /** `group:name`. */
  readonly process: string;
  /** Why it is not up, and what it said last; '' while it is. */
  readonly trouble: string;
}

export class PortBook {
  readonly #upSince = new Map<Slot, number>();

  /** The ports of these processes, in order. */
  of(slots: readonly Slot[]): readonly ProcessPort[] {
    return slots.flatMap((slot) => this.#portOf(slot)).sort((a, b) => a.port - b.port);
  }

  #portOf(slot: Slot): readonly ProcessPort[] {
    const { port, slowStartMs } = slot.spec.policy;
    const { up } = slot;
    if (!up) this.#upSince.delete(slot);
    else if (!this.#upSince.has(slot)) this.#upSince.set(slot, Date.now());
    if (port === null) return [];
    const upSinceMs = this.#upSince.get(slot) ?? 0;
    const trouble = up ? '' : slot.trouble();
    return [{ port, up, coming: slot.coming, upSinceMs, slowStartMs, process: slot.key, trouble }];
  }

  forget(slot: Slot): void {
    this.#upSince.delete(slot);
  }
}
