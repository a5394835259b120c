// The listening sockets of [fcgi-program:x] groups, each with the processes that have it.
import type { SharedSocketPlan } from './plan.ts';
import { SharedSocket, type SocketShare } from './shared-socket.ts';
import type { Slot } from './slot.ts';

interface Known {
  readonly url: string;
  readonly socket: SharedSocket;
}

export class SharedSockets {
  readonly #byGroup = new Map<string, Known>();
  readonly #shares = new Map<Slot, SocketShare>();

  /** What a process of the group gets as stdin; null where its group has no socket. Rejects with the reason. */
  async stdinOf(slot: Slot, plan: SharedSocketPlan | null): Promise<number | null> {
    if (plan === null) return null;
    // From start to start it keeps its share: clients wait meanwhile.
    const kept = this.#shares.get(slot);
    if (kept !== undefined) return kept.fd;
    const share = await this.#socketOf(slot.spec.group, plan).acquire();
    this.#shares.set(slot, share);
    return share.fd;
  }

  #socketOf(group: string, plan: SharedSocketPlan): SharedSocket {
    const known = this.#byGroup.get(group);
    if (known?.url === plan.url) return known.socket;
    const socket = new SharedSocket(plan);
    this.#byGroup.set(group, { url: plan.url, socket });
    return socket;
  }

  /** The process stays down. */
  release(slot: Slot): void {
    this.#shares.get(slot)?.release();
    this.#shares.delete(slot);
  }

  close(): void {
    for (const slot of [...this.#shares.keys()]) this.release(slot);
  }
}
