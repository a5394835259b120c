// An upstream group at run time: its peers, its balancer, the backups behind it, and what other acceptors need to hear.
// Decides and counts; connects to nothing.
import type { BalanceKey, Balancer } from './balancer.ts';
import { Peer, type PeerConfig } from './peer.ts';
import { BALANCERS, type BalanceMethod } from './table.ts';

/**
 * How an attempt on a peer ended: `next` = its answer was passed over, which is no failure (403, 404); `abandoned` = the client left,
 * which says nothing about the peer.
 */
export type Outcome = 'ok' | 'next' | 'failed' | 'abandoned';

/** Hears of everything that other acceptors have to know; called on the request path, so it only counts. */
export interface GroupListener {
  /** A choice is about to be made: the last moment to take over where the rotation stands. */
  onPicking(group: Group): void;
  onPick(group: Group, peer: Peer): void;
  onDone(group: Group, peer: Peer): void;
  onFailed(group: Group, peer: Peer): void;
  onLive(group: Group, peer: Peer): void;
  onRecover(group: Group): void;
}

/** What one acceptor did with a group since it last told, peers by name so that lists may change meanwhile. */
export interface GroupDelta {
  /** `GroupConfig.id`. */
  readonly id: string;
  readonly picks: readonly (readonly [peer: string, times: number])[];
  readonly done: readonly (readonly [peer: string, times: number])[];
  readonly failed: readonly string[];
  readonly live: readonly string[];
  readonly recovered: boolean;
}

export interface GroupConfig {
  readonly name: string;
  /** Equal for groups that mean the same; state is kept over a reload while it is equal. */
  readonly id: string;
  readonly method: BalanceMethod;
  readonly peers: readonly PeerConfig[];
}

export class Group {
  readonly name: string;
  readonly id: string;
  readonly method: BalanceMethod;
  peers: Peer[] = [];
  /** A choice depends on how many exchanges are under way: least_conn, max_conns. */
  countsMatter = false;
  #primary: Peer[] = [];
  #backup: Peer[] = [];
  #balancer: Balancer = BALANCERS.round_robin([]);
  #backupBalancer: Balancer | null = null;
  readonly #byName = new Map<string, Peer>();
  listener: GroupListener | null = null;

  constructor(config: GroupConfig) {
    this.name = config.name;
    this.id = config.id;
    this.method = config.method;
    this.setPeers(config.peers);
  }

  /** Replaces the list of peers; those with the same name and settings keep their state, up or down. */
  setPeers(configs: readonly PeerConfig[]): void {
    const before = new Map(this.peers.map((peer) => [peerKey(peer.config), peer]));
    this.peers = configs.map((config) => before.get(peerKey(config)) ?? new Peer(config));
    this.#byName.clear();
    for (const [index, peer] of this.peers.entries()) {
      peer.index = index;
      this.#byName.set(peer.name, peer);
      this.setDown(peer.name, configs[index].down);
    }
    this.#primary = this.peers.filter((peer) => !peer.config.backup);
    this.#backup = this.peers.filter((peer) => peer.config.backup);
    this.countsMatter = this.method === 'least_conn' || configs.some((config) => config.maxConns > 0);
    this.#balancer = BALANCERS[this.method](this.#primary);
    // Backups are a second list, chosen from by the same method.
    this.#backupBalancer = this.#backup.length > 0 ? BALANCERS[this.method](this.#backup) : null;
  }

  /** Marks a peer ready or not, by name (a supervised process, a health check). */
  setDown(name: string, down: boolean): void {
    const peer = this.#byName.get(name);
    if (peer === undefined || peer.down === down) return;
    peer.down = down;
    if (down) return;
    // It starts anew: what its predecessor failed is not held against it.
    peer.fails = 0;
    peer.effectiveWeight = peer.weight;
    peer.currentWeight = 0;
  }

  peerNamed(name: string): Peer | undefined {
    return this.#byName.get(name);
  }

  /** Whose turn is next where peers simply take turns (many of equal weight); -1 where their weights tell. */
  get turn(): number {
    return this.#balancer.turn ?? -1;
  }

  /** Goes on from where another process is. */
  set turn(turn: number) {
    if (this.#balancer.turn !== undefined && turn >= 0) this.#balancer.turn = turn;
  }

  /** nginx never takes the only server of a group out. */
  get #single(): boolean {
    return this.peers.length === 1;
  }

  /**
   * A peer for the next attempt, counted as active, or undefined when all were tried or are out. When failures alone put every
   * peer out, all of them get one more chance.
   */
  pick(key: BalanceKey, tried: readonly Peer[], now: number): Peer | undefined {
    this.listener?.onPicking(this);
    let peer = this.#choose(key, tried, now);
    if (peer === undefined && this.#recover(tried, now)) {
      this.listener?.onRecover(this);
      peer = this.#choose(key, tried, now);
    }
    if (peer === undefined) return undefined;
    peer.active++;
    this.listener?.onPick(this, peer);
    return peer;
  }

  #choose(key: BalanceKey, tried: readonly Peer[], now: number): Peer | undefined {
    return this.#balancer.pick(key, tried, now) ?? this.#backupBalancer?.pick(key, tried, now);
  }

  /** Ends the time-out of failing peers; true when that makes an untried one eligible. */
  #recover(tried: readonly Peer[], now: number): boolean {
    let any = false;
    for (const peer of this.peers) {
      if (peer.down || !peer.isFailing(now) || tried.includes(peer)) continue;
      peer.fails = 0;
      any = true;
    }
    return any;
  }

  /** Ends an attempt that `pick` began. */
  release(peer: Peer, outcome: Outcome, now: number): void {
    if (peer.active > 0) peer.active--;
    this.listener?.onDone(this, peer);
    if (outcome === 'failed' && !this.#single) {
      peer.noteFailure(now);
      this.listener?.onFailed(this, peer);
    } else if ((outcome === 'ok' || outcome === 'next') && peer.noteSuccess()) {
      this.listener?.onLive(this, peer);
    }
  }

  /** Applies what another acceptor did, so that all see one count and one set of failures. */
  apply(delta: GroupDelta, now: number): void {
    if (delta.recovered) this.#recover([], now);
    for (const [name, times] of delta.picks) {
      const peer = this.#byName.get(name);
      if (peer === undefined) continue;
      peer.active += times;
      peer.noteChance(now);
    }
    for (const [name, times] of delta.done) {
      const peer = this.#byName.get(name);
      if (peer !== undefined) peer.active = Math.max(0, peer.active - times);
    }
    for (const name of delta.failed) this.#byName.get(name)?.noteFailure(now);
    for (const name of delta.live) {
      const peer = this.#byName.get(name);
      if (peer !== undefined) peer.fails = 0;
    }
  }
}

/** A peer's state as another process can take it over; ages in ms, -1 = never. */
export interface PeerState {
  readonly name: string;
  readonly currentWeight: number;
  readonly effectiveWeight: number;
  readonly active: number;
  readonly fails: number;
  readonly accessedAgoMs: number;
  readonly checkedAgoMs: number;
}

/** The state of a whole group, for an acceptor that joins. */
export function takeSnapshot(group: Group, now: number): PeerState[] {
  const ago = (at: number): number => (at === 0 ? -1 : now - at);
  return group.peers.map((p) => ({
    name: p.name,
    currentWeight: p.currentWeight,
    effectiveWeight: p.effectiveWeight,
    active: p.active,
    fails: p.fails,
    accessedAgoMs: ago(p.accessedAt),
    checkedAgoMs: ago(p.checkedAt),
  }));
}

export function applySnapshot(group: Group, states: readonly PeerState[], now: number): void {
  for (const state of states) {
    const peer = group.peerNamed(state.name);
    if (peer === undefined) continue;
    peer.currentWeight = state.currentWeight;
    peer.effectiveWeight = state.effectiveWeight;
    peer.active = state.active;
    peer.fails = state.fails;
    peer.accessedAt = state.accessedAgoMs < 0 ? 0 : now - state.accessedAgoMs;
    peer.checkedAt = state.checkedAgoMs < 0 ? 0 : now - state.checkedAgoMs;
  }
}

/** Whether a peer is down may change while it stays the same peer. */
function peerKey(config: PeerConfig): string {
  return JSON.stringify({ ...config, down: false });
}
