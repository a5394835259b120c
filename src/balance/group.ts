// An upstream group at run time: its peers, its balancer, the backups behind it, and what other acceptors need to hear.
// Decides and counts; connects to nothing.
import { fromMachineMs, toMachineMs } from '../shared/clock.ts';
import type { BalanceKey, Balancer } from './balancer.ts';
import { Peer, type PeerConfig } from './peer.ts';
import type { ProcessPort } from './process-port.ts';
import { SlowStart } from './slow-start.ts';
import { applyStep, CHANCE, FAILED, GIVE, LIVED, RESET, type Step, TAKE } from './steps.ts';
import { BALANCERS, type BalanceMethod, COUNTING, KEEPING, KEYED } from './table.ts';

/**
 * How an attempt on a peer ended: `next` = its answer was passed over, which is no failure (403, 404); `abandoned` = the client left,
 * which says nothing about the peer.
 */
export type Outcome = 'ok' | 'next' | 'failed' | 'abandoned';

/**
 * What acceptors that serve the same group agree on before one of them decides; a process that acts alone has none. Called on the request
 * path.
 */
export interface GroupSharing {
  /** A choice is about to be made: takes over what the others did. */
  onPicking(group: Group): void;
  /** The choice stands, and its exchange counts: leaves where the rotation stands now. */
  onPicked(group: Group): void;
  /** An attempt that `pick` began has ended. */
  onReleased(): void;
  /** A failure took weight. */
  onWeights(group: Group): void;
  /**
   * Puts a step among those of all acceptors, in one order for all, and applies all up to it. False: others came first, and it was
   * refused.
   */
  agree(peer: Peer, step: Step): boolean;
  /** The group has other peers now. */
  onPeers(group: Group): void;
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
  /** A choice depends on how many exchanges are under way: least_conn, random two, max_conns. */
  countsMatter = false;
  /** Its method needs a key of the request. */
  readonly isKeyed: boolean;
  #primary: Peer[] = [];
  #backup: Peer[] = [];
  #plain: Balancer = BALANCERS.round_robin([]);
  /** `#plain`, or what stands in front of it for a while. */
  #balancer: Balancer = this.#plain;
  #backupBalancer: Balancer | null = null;
  sharing: GroupSharing | null = null;

  constructor(config: GroupConfig) {
    this.name = config.name;
    this.id = config.id;
    this.method = config.method;
    this.isKeyed = KEYED.has(config.method);
    this.setPeers(config.peers);
  }

  /** Replaces the list of peers; those with the same name and settings keep their state, up or down. */
  setPeers(configs: readonly PeerConfig[]): void {
    const before = new Map<string, Peer[]>();
    for (const peer of this.peers)
      before.set(peerKey(peer.config), [...(before.get(peerKey(peer.config)) ?? []), peer]);
    // A server that stands twice is two peers.
    this.peers = configs.map((config) => before.get(peerKey(config))?.shift() ?? new Peer(config));
    for (const [index, peer] of this.peers.entries()) {
      peer.index = index;
      this.follow(peer, configs[index]);
    }
    this.#primary = this.peers.filter((peer) => !peer.config.backup);
    this.#backup = this.peers.filter((peer) => peer.config.backup);
    this.countsMatter = COUNTING.has(this.method) || configs.some((config) => config.maxConns > 0);
    this.#plain = BALANCERS[this.method](this.#primary);
    // Backups are a second list, chosen from by the same method.
    this.#backupBalancer = this.#backup.length > 0 ? BALANCERS[this.method](this.#backup) : null;
    this.tendFresh();
    this.sharing?.onPeers(this);
  }

  /** Whether a peer is up, and what is known of its process. True: what was connected to it is of no use any more. */
  follow(peer: Peer, { down, process }: Pick<PeerConfig, 'down' | 'process'>): boolean {
    const another = peer.follow(process ?? null);
    if (another) this.setDown(peer, true);
    this.setDown(peer, down);
    return another;
  }

  /** Processes came up or went: while one is fresh its share is small. Its clients find the peer of ip_hash or hash whatever its share is. */
  tendFresh(now = performance.now()): void {
    const until = this.#primary.reduce((latest, peer) => Math.max(latest, peer.freshUntil), 0);
    this.#balancer =
      until <= now || KEEPING.has(this.method)
        ? this.#plain
        : new SlowStart(this.#primary, this.#plain, {
            method: this.method,
            ms: until,
            onOver: () => {
              this.#balancer = this.#plain;
            },
          });
  }

  /** The supervised processes behind its peers. */
  get processes(): ProcessPort[] {
    return this.peers.flatMap(({ process }) => (process === null ? [] : [process]));
  }

  /** Marks a peer ready or not (a supervised process, a health check). */
  setDown(peer: Peer, down: boolean): void {
    if (peer.down === down) return;
    peer.down = down;
    if (down) return;
    // It starts anew: what its predecessor failed is not held against it. Where failures are shared the primary says so to all at once.
    if (this.sharing === null) peer.fails = 0;
    peer.effectiveWeight = peer.weight;
    peer.currentWeight = 0;
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
  #single(): boolean {
    return this.peers.length === 1;
  }

  /**
   * A peer for the next attempt, counted as active, or undefined when all were tried or are out. When failures alone put every
   * peer out, all of them get one more chance.
   */
  pick(key: BalanceKey, tried: readonly Peer[], now: number): Peer | undefined {
    this.sharing?.onPicking(this);
    let peer = this.#choose(key, tried, now);
    // Whoever is refused knows why, and chooses another; no peer can refuse twice without a change that somebody else made.
    for (let refusals = 0; peer !== undefined && !this.#take(peer, now); refusals++)
      peer = refusals < 2 * this.peers.length ? this.#choose(key, tried, now) : undefined;
    return peer;
  }

  #choose(key: BalanceKey, tried: readonly Peer[], now: number): Peer | undefined {
    const peer = this.#chooseOnce(key, tried, now);
    return peer === undefined && this.#recover(tried, now) ? this.#chooseOnce(key, tried, now) : peer;
  }

  #chooseOnce(key: BalanceKey, tried: readonly Peer[], now: number): Peer | undefined {
    return this.#balancer.pick(key, tried, now) ?? this.#backupBalancer?.pick(key, tried, now);
  }

  /** Counts an exchange on a peer that was chosen; false when other acceptors took its last place or its one chance meanwhile. */
  #take(peer: Peer, now: number): boolean {
    const { sharing } = this;
    if (sharing === null) {
      peer.noteChance(now);
      peer.active++;
      return true;
    }
    if (this.countsMatter) {
      if (!sharing.agree(peer, TAKE)) return false;
    } else {
      if (peer.isChanceDue(now) && !sharing.agree(peer, CHANCE)) return false;
      peer.active++;
    }
    sharing.onPicked(this);
    return true;
  }

  /** Ends the time-out of failing peers; true when that makes an untried one eligible. */
  #recover(tried: readonly Peer[], now: number): boolean {
    let any = false;
    for (const peer of this.peers) {
      if (peer.down || !peer.isFailing(now) || tried.includes(peer)) continue;
      this.#agree(peer, RESET, now);
      any = true;
    }
    return any;
  }

  #agree(peer: Peer, step: Step, now: number): void {
    if (this.sharing === null) applyStep(peer, step, 0, now);
    else this.sharing.agree(peer, step);
  }

  /** Ends an attempt that `pick` began. */
  release(peer: Peer, outcome: Outcome, now: number): void {
    const { sharing } = this;
    if (sharing !== null && this.countsMatter) sharing.agree(peer, GIVE);
    else if (peer.active > 0) peer.active--;
    sharing?.onReleased();
    if (outcome === 'failed') {
      if (this.#single() || peer.config.maxFails === 0) return;
      this.#agree(peer, FAILED, now);
      sharing?.onWeights(this);
    } else if (outcome !== 'abandoned' && peer.isOnProbation) {
      this.#agree(peer, LIVED, now);
    }
  }

  /** From now on other acceptors serve the group too (`sharing`), or none does (null). `self` is how they know this process. */
  share(sharing: GroupSharing | null, self: number): void {
    if (this.sharing === sharing) return;
    this.sharing = sharing;
    if (sharing === null) for (const peer of this.peers) peer.holdAlone(self);
  }
}

/** A peer's state as another process can take it over; times in ms of the machine, 0 = never. Where the rotation stands is told elsewhere. */
export interface PeerState {
  readonly holders: readonly (readonly [process: number, exchanges: number])[];
  readonly fails: number;
  readonly accessedAtMs: number;
  readonly checkedAtMs: number;
}

/** The state of a whole group, for an acceptor that joins: one entry a peer, in their order. */
export function takeSnapshot(group: Group): PeerState[] {
  return group.peers.map((p) => ({
    holders: p.holders,
    fails: p.fails,
    accessedAtMs: p.accessedAt === 0 ? 0 : toMachineMs(p.accessedAt),
    checkedAtMs: p.checkedAt === 0 ? 0 : toMachineMs(p.checkedAt),
  }));
}

/** Nothing is taken over where the peers are others meanwhile: what was told of them is on its way. */
export function applySnapshot(group: Group, states: readonly PeerState[]): void {
  if (states.length !== group.peers.length) return;
  for (const [i, state] of states.entries()) {
    const peer = group.peers[i];
    peer.holders = state.holders;
    peer.fails = state.fails;
    peer.accessedAt = state.accessedAtMs === 0 ? 0 : fromMachineMs(state.accessedAtMs);
    peer.checkedAt = state.checkedAtMs === 0 ? 0 : fromMachineMs(state.checkedAtMs);
  }
}

/** Whether a peer is down, and which process serves it, may change while it stays the same peer. */
export function peerKey(config: PeerConfig): string {
  return JSON.stringify({ ...config, down: false, process: undefined });
}
