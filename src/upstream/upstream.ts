// A group with its connections: the idle pool (last in, first out) that every attempt draws from and returns to.
// RFC 9112 §9.3: a connection is used again only after a complete request and a complete answer.
import type { Group } from '../balance/group.ts';
import type { Peer } from '../balance/peer.ts';
import { wheel } from '../shared/timer-wheel.ts';
import { type ConnectionOwner, PeerConnection } from './connection.ts';
import type { WaitingRoom } from './waiting-room.ts';

/** Bounds of the pool. Times in ms. */
export interface KeepalivePolicy {
  /** Idle connections kept per peer. */
  readonly max: number;
  readonly timeoutMs: number;
  readonly requests: number;
  readonly timeMs: number;
}

export class Upstream {
  readonly group: Group;
  readonly keepalive: KeepalivePolicy;
  readonly #idle = new Map<Peer, PeerConnection[]>();
  #retired = false;
  /** Requests that wait for one of its processes; null while none does. */
  waiting: WaitingRoom | null = null;
  /** The group that took its name in a later configuration. */
  #heir: Upstream | null = null;

  constructor(group: Group, keepalive: KeepalivePolicy) {
    this.group = group;
    this.keepalive = keepalive;
  }

  get name(): string {
    return this.group.name;
  }

  /** A connection to the peer: a kept one unless `fresh`, otherwise one that is being made. */
  acquire(peer: Peer, owner: ConnectionOwner, fresh: boolean): PeerConnection {
    const stack = fresh ? undefined : this.#idle.get(peer);
    while (stack !== undefined) {
      const kept = stack.pop();
      if (kept === undefined) break;
      if (!kept.usable) continue;
      kept.reused = true;
      kept.owner = owner;
      kept.setTimeout(0);
      return kept;
    }
    return new PeerConnection(peer, owner);
  }

  /**
   * Takes a connection back after a complete exchange. `peerTimeoutMs` is what its `Keep-Alive: timeout` leaves, 0 when it said
   * nothing.
   */
  release(connection: PeerConnection, peerTimeoutMs: number): void {
    const { max, timeoutMs, requests, timeMs } = this.keepalive;
    const idleMs = peerTimeoutMs > 0 ? Math.min(peerTimeoutMs, timeoutMs) : timeoutMs;
    const { peer } = connection;
    const gone = peer.down || this.group.peers[peer.index] !== peer;
    const stack = gone ? [] : this.#stackOf(peer);
    if (
      this.#retired ||
      connection.closed ||
      gone ||
      stack.length >= max ||
      idleMs <= 0 ||
      connection.requests >= requests ||
      wheel.nowMs - connection.openedAt >= timeMs
    ) {
      connection.destroy();
      return;
    }
    connection.giveHeadBack();
    connection.idleOwner ??= new IdleOwner(connection, stack);
    connection.owner = connection.idleOwner;
    connection.resume();
    connection.setTimeout(idleMs);
    stack.push(connection);
  }

  /** Closes what is kept of a peer that went down. */
  closeIdle(peer: Peer): void {
    for (const connection of this.#idle.get(peer)?.splice(0) ?? []) connection.destroy();
    // A peer that left the group does not come back: the same address later is another one.
    if (this.group.peers[peer.index] !== peer) this.#idle.delete(peer);
  }

  /** Closes the pool for good: what comes back is closed too. Whoever has not chosen a peer yet chooses one of the heir's. */
  retire(heir: Upstream | null): void {
    this.#retired = true;
    this.#heir = heir;
    for (const peer of this.#idle.keys()) this.closeIdle(peer);
    this.#idle.clear();
    this.waiting?.moveTo(heir);
  }

  /** Itself, or what took its place: it alone knows which peers are up now. */
  get present(): Upstream {
    return this.#heir === null ? this : this.#heir.present;
  }

  #stackOf(peer: Peer): PeerConnection[] {
    let stack = this.#idle.get(peer);
    if (stack === undefined) {
      stack = [];
      this.#idle.set(peer, stack);
    }
    return stack;
  }
}

/** While idle, any byte, FIN or reset means that the connection is of no more use. */
class IdleOwner implements ConnectionOwner {
  readonly #connection: PeerConnection;
  readonly #stack: PeerConnection[];

  constructor(connection: PeerConnection, stack: PeerConnection[]) {
    this.#connection = connection;
    this.#stack = stack;
  }

  #discard(): void {
    const i = this.#stack.indexOf(this.#connection);
    if (i >= 0) this.#stack.splice(i, 1);
    this.#connection.destroy();
  }

  onPeerConnect(): void {}
  onPeerDrain(): void {}
  onPeerData(): void {
    this.#discard();
  }
  onPeerEnd(): void {
    this.#discard();
  }
  onPeerClosed(): void {
    this.#discard();
  }
  onPeerTimeout(): void {
    this.#discard();
  }
  onBug(): void {
    this.#discard();
  }
}
