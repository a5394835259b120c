// In an acceptor that has company: what it does with the groups, agreed with the others. Marks and counts go through one log, read before
// every choice that may depend on them; turns of the rotation through a file, as long as requests come one after the other.
import type { Group, GroupSharing } from '../balance/group.ts';
import type { Peer } from '../balance/peer.ts';
import { applyStep, HOLD, type Step } from '../balance/steps.ts';
import { applyRecord, DEAD, type Followed, NO_KEY } from './group-record.ts';
import { PeerIndex } from './peer-index.ts';
import { type LogPosition, type LogReader, type LogRecord, SharedLog } from './shared-log.ts';
import type { SharedRotation } from './shared-rotation.ts';
import { AcceptorZones } from './zone-sharing.ts';

/** A crowd is looked for once in so many ms. */
const BATCH_MS = 5;

/**
 * So many more exchanges under way than there were at some time within the batch are a crowd: no client can tell in which order they
 * came, each acceptor turns by itself, and every peer has its share all the same. Exchanges that last (WebSockets, long polls) do not
 * make one.
 */
const CROWD = 4;

export class AcceptorSharing implements GroupSharing, LogReader {
  readonly #rotation: SharedRotation;
  readonly #log: SharedLog;
  readonly #self: number;
  readonly #index = new PeerIndex();
  readonly zones: AcceptorZones;
  readonly #followed: Followed;
  readonly #said: Pick<LogReader, 'onFull' | 'onSwitched'>;
  /** The groups of the running configuration. */
  #inUse: ReadonlySet<Group> = new Set();
  /** Reads the log: until then it is about groups that this process does not have. */
  #joined = false;
  #timer: NodeJS.Timeout | null = null;
  /** Attempts under way, and the least and the most there were since the last batch. */
  #active = 0;
  #least = 0;
  #most = 0;
  #crowded = false;

  /** `said` hears of full and left segments of the log. */
  constructor(
    self: number,
    rotation: SharedRotation,
    logFds: readonly [number, number],
    said: Pick<LogReader, 'onFull' | 'onSwitched'>,
  ) {
    this.#self = self;
    this.#rotation = rotation;
    this.#said = said;
    this.#log = new SharedLog(logFds, self, this);
    this.zones = new AcceptorZones(self, this.#log, () => this.catchUp());
    this.#followed = { peers: this.#index, zones: this.zones.index };
  }

  /** Hears of these groups from now on; before anybody chooses from them. */
  prepare(groups: Iterable<Group>): void {
    this.#readOld();
    for (const group of groups) this.#index.add(group);
  }

  /** As `use`, for a process that was given the state that the others had at a place of the log. */
  join(groups: readonly Group[], shared: boolean, position: LogPosition): void {
    this.#log.seek(position);
    this.#joined = true;
    this.use(groups, shared);
  }

  /** These groups are in use now, shared with others or not; what was prepared or in use besides them is forgotten. */
  use(groups: readonly Group[], shared: boolean): void {
    this.#readOld();
    const inUse = new Set(groups);
    for (const group of [...this.#index.groups]) {
      if (inUse.has(group) && shared) continue;
      group.share(null, this.#self);
      this.#index.remove(group);
    }
    for (const group of groups) {
      if (!shared || group.sharing === this) continue;
      group.share(this, this.#self);
      // A new group may have come to be used by others already; one that was in use here was used here alone.
      if (this.#inUse.has(group)) for (const peer of group.peers) this.#publish(group, peer);
    }
    this.#inUse = inUse;
    // Those under way in groups that are gone will not be heard of again.
    this.#active = 0;
    this.#least = 0;
    this.#most = 0;
    this.#rotation.use(groups);
  }

  /** What a process did while it was alone is news to the others: its exchanges are told, its failures forgotten. */
  #publish({ countsMatter }: Group, peer: Peer): void {
    peer.fails = 0;
    if (!countsMatter || peer.active === 0) return;
    const count = peer.active;
    peer.active = 0;
    this.#log.append(HOLD, this.#index.keyOf(peer), count);
  }

  /** Forgets groups that were prepared in vain. */
  discard(groups: Iterable<Group>): void {
    this.#readOld();
    for (const group of groups) if (group.sharing === null) this.#index.remove(group);
  }

  catchUp(): void {
    this.#readOld();
    if (this.#log.lost) this.#tellAnew();
  }

  /** What was written so far is about the groups and peers that are known now, not about later ones of the same names. */
  #readOld(): void {
    if (this.#joined) this.#log.catchUp();
  }

  // The group asks.

  onPeers(group: Group): void {
    this.#readOld();
    this.#index.add(group);
  }

  onPicking(group: Group): void {
    if (!this.#crowded || group.countsMatter) this.#log.catchUp();
    if (this.#crowded) this.#rotation.turnAlone(group);
    else this.#rotation.load(group);
  }

  onPicked(group: Group): void {
    if (!this.#crowded) this.#rotation.store(group);
    this.#active++;
    if (this.#active > this.#most) this.#most = this.#active;
    if (this.#active - this.#least >= CROWD) this.#crowded = true;
    this.#timer ??= setTimeout(() => this.#endBatch(), BATCH_MS);
  }

  onWeights(group: Group): void {
    if (!this.#crowded) this.#rotation.store(group);
  }

  onReleased(): void {
    // One that began before others joined was not counted.
    if (this.#active > 0) this.#active--;
    if (this.#active < this.#least) this.#least = this.#active;
    if (this.#active === 0) this.#crowded = false;
    this.#timer ??= setTimeout(() => this.#endBatch(), BATCH_MS);
  }

  #endBatch(): void {
    this.#timer = null;
    // In a crowd nobody looks before each choice.
    this.catchUp();
    this.#crowded = this.#active > 0 && this.#most - this.#least >= CROWD;
    this.#least = this.#active;
    this.#most = this.#active;
    // It may be over, without another exchange to show it.
    if (this.#crowded) this.#timer = setTimeout(() => this.#endBatch(), BATCH_MS);
  }

  /** Records were lost while there was no memory: what this process has under way is told once more, from nothing. */
  #tellAnew(): void {
    const own = new Map<Peer, number>();
    for (const peer of this.#index.peers) {
      const mine = peer.holders.find(([process]) => process === this.#self);
      if (mine !== undefined) own.set(peer, mine[1]);
    }
    const ofZones = this.zones.heldEntries();
    this.#log.lost = false;
    this.#log.append(DEAD, NO_KEY, this.#self);
    for (const [peer, count] of own) this.#log.append(HOLD, this.#index.keyOf(peer), count);
    for (const entry of ofZones) this.#log.put(entry);
  }

  agree(peer: Peer, step: Step): boolean {
    const key = this.#index.keyOf(peer);
    // A peer that left its group ends its exchanges alone.
    return key === ''
      ? applyStep(peer, step, this.#self, performance.now())
      : this.#log.append(step, key) !== 0;
  }

  // The log tells.

  apply(record: LogRecord): number {
    return applyRecord(this.#followed, record);
  }

  onFull(segment: number): void {
    this.#said.onFull(segment);
  }

  onSwitched(segment: number): void {
    this.#said.onSwitched(segment);
  }
}
