// A group with its connections: the idle pool (last in, first out) that every attempt draws from and returns to.
// RFC 9112 §9.3: a connection is used again only after a complete request and a complete answer.
import type { Group } from '../balance/group.ts';
import type { Peer } from '../balance/peer.ts';
import { wheel } from '../shared/timer-wheel.ts';
import { type ConnectionOwner, PeerConnection } from './connection.ts';
import type { Transport } from './transport.ts';
import type { Awaited, WaitingRoom } from './waiting-room.ts';

/** Nothing but the end of TLS is under way when an idle connection is closed. */
const CLOSE_MS = 1000;

/** Bounds of the pool. Times in ms. */
export interface KeepalivePolicy {
  /** Idle connections kept per peer. */
  readonly max: number;
  readonly timeoutMs: number;
  readonly requests: number;
  readonly timeMs: number;
}

export class Upstream implements Awaited {
  readonly group: Group;
  readonly keepalive: KeepalivePolicy;
  readonly #idle = new Map<Peer, PeerConnection[]>();
  /** Those over a transport, each usable by its own key only. */
  readonly #carried = new Map<Peer, PeerConnection[]>();
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
      return again(kept, owner);
    }
    return new PeerConnection(peer, owner, this.#idle, null);
  }

  /** The same over a transport. */
  acquireOver(transport: Transport, peer: Peer, owner: ConnectionOwner, fresh: boolean): PeerConnection {
    const stack = fresh ? undefined : this.#carried.get(peer);
    if (stack !== undefined) {
      for (let i = stack.length - 1; i >= 0; i--) {
        if (stack[i].transport?.key !== transport.key) continue;
        const [kept] = stack.splice(i, 1);
        if (kept.usable) return again(kept, owner);
      }
    }
    return new PeerConnection(peer, owner, this.#carried, transport);
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
    const stack = gone ? [] : stackOf(connection.stacks, peer);
    if (
      this.#retired ||
      connection.closed ||
      gone ||
      idleMs <= 0 ||
      connection.requests >= requests ||
      wheel.nowMs - connection.openedAt >= timeMs ||
      (stack.length >= max && !makesRoom(connection, stack))
    ) {
      connection.finish(CLOSE_MS);
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
    for (const stacks of [this.#idle, this.#carried]) {
      for (const connection of stacks.get(peer)?.splice(0) ?? []) connection.finish(CLOSE_MS);
      // A peer that left the group does not come back: the same address later is another one.
      if (this.group.peers[peer.index] !== peer) stacks.delete(peer);
    }
  }

  /** Closes the pool for good: what comes back is closed too. Whoever has not chosen a peer yet chooses one of the heir's. */
  retire(heir: Upstream | null): void {
    this.#retired = true;
    this.#heir = heir;
    for (const stacks of [this.#idle, this.#carried]) {
      for (const peer of stacks.keys()) this.closeIdle(peer);
      stacks.clear();
    }
    this.waiting?.moveTo(heir);
  }

  /** Itself, or what took its place: it alone knows which peers are up now. */
  get present(): Upstream {
    return this.#heir === null ? this : this.#heir.present;
  }
}

function again(kept: PeerConnection, owner: ConnectionOwner): PeerConnection {
  kept.reused = true;
  kept.owner = owner;
  kept.setTimeout(0);
  return kept;
}

/** Those of a name or certificate that nobody asks for any more give way to what is in use; over plain TCP all are of one kind. */
function makesRoom({ transport }: PeerConnection, stack: PeerConnection[]): boolean {
  if (transport === null) return false;
  const oldest = stack.shift();
  oldest?.finish(CLOSE_MS);
  return oldest !== undefined;
}

function stackOf(stacks: Map<Peer, PeerConnection[]>, peer: Peer): PeerConnection[] {
  let stack = stacks.get(peer);
  if (stack === undefined) {
    stack = [];
    stacks.set(peer, stack);
  }
  return stack;
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
    this.#leave();
    this.#connection.destroy();
  }

  #leave(): void {
    const i = this.#stack.indexOf(this.#connection);
    if (i >= 0) this.#stack.splice(i, 1);
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
    this.#leave();
    this.#connection.finish(CLOSE_MS);
  }
  onBug(): void {
    this.#discard();
  }
}
