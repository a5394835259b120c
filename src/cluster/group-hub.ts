// In the primary: a copy of all groups, kept by following the log that the acceptors write, so that an acceptor that joins starts with the
// present state. It also says what only the primary knows (a process died, a peer starts anew), and seals full segments of the log.
import { applySnapshot, type Group, takeSnapshot } from '../balance/group.ts';
import type { Peer } from '../balance/peer.ts';
import { RESET } from '../balance/steps.ts';
import type { Model } from '../config/model.ts';
import { zoneSpecs } from '../features/zone-specs.ts';
import type { Discovery } from '../upstream/discovery.ts';
import { UpstreamSet } from '../upstream/upstream-set.ts';
import { ZoneSet } from '../zones/zone.ts';
import { applyRecord, DEAD, NO_KEY } from './group-record.ts';
import type { GroupState, SharedState } from './messages.ts';
import { PeerIndex } from './peer-index.ts';
import { type LogRecord, SharedLog } from './shared-log.ts';
import { entryOf, ZoneIndex } from './zone-index.ts';

/** When what could not be written, for want of memory, is tried again. */
const RETRY_MS = 1000;

/** The primary's number among those that write to the log; acceptors count from 1. */
const PRIMARY = 0;

export interface HubEvents {
  /** Acceptors that have joined and live. */
  joined(): number[];
  /** All of them are to read the log, so that they leave a sealed segment. */
  onSealed(): void;
}

export class GroupHub {
  #upstreams: UpstreamSet | null = null;
  readonly #index = new PeerIndex();
  readonly #zoneIndex = new ZoneIndex();
  #zones: ZoneSet | null = null;
  readonly #log: SharedLog;
  readonly #events: HubEvents;
  /** Acceptors that may still read the segment before the present one. */
  #behind = new Set<number>();
  #sealWanted = false;
  /** Acceptors whose end is not in the log yet. */
  readonly #dead = new Set<number>();
  #shared = false;

  constructor(logFds: readonly [number, number], events: HubEvents) {
    this.#events = events;
    const followed = { peers: this.#index, zones: this.#zoneIndex };
    this.#log = new SharedLog(logFds, PRIMARY, {
      apply: (record: LogRecord) => applyRecord(followed, record),
      onFull: (segment) => setImmediate(() => this.seal(segment)),
      onSwitched: () => {},
    });
  }

  /** As far as the acceptors have told: where there is one alone, it keeps what happens to itself. */
  groups(): readonly Group[] {
    this.#log.catchUp();
    return [...(this.#upstreams?.all ?? [])].map(({ group }) => group);
  }

  /** A Model is about to be served; `shared` says whether by several acceptors. */
  use(model: Model, found: Discovery, shared: boolean): void {
    // Until now the log was about the groups of before.
    this.#log.catchUp();
    // One acceptor alone tells nothing, and begins anew when others join it.
    if (!this.#shared) {
      for (const peer of this.#index.peers) forgetState(peer);
      for (const zone of this.#zoneIndex.all) zone.unfollow();
    }
    this.#shared = shared;
    const next = new UpstreamSet(model, found, this.#upstreams);
    this.#upstreams?.retire(next);
    this.#upstreams = next;
    const groups = new Set([...next.all].map(({ group }) => group));
    for (const group of [...this.#index.groups]) if (!groups.has(group)) this.#index.remove(group);
    for (const group of groups) this.#index.add(group);
    this.#useZones(new ZoneSet(zoneSpecs(model), this.#zones));
  }

  #useZones(zones: ZoneSet): void {
    const inUse = new Set(zones.all);
    for (const zone of [...this.#zoneIndex.all]) {
      if (inUse.has(zone)) continue;
      zone.unfollow();
      this.#zoneIndex.remove(zone);
    }
    for (const zone of zones.all) {
      this.#zoneIndex.add(zone);
      zone.follow();
      const spec = zones.specOf(zone);
      const change = zone.tune(spec);
      if (change !== null) this.#log.put(entryOf(zone, change));
      zone.spec = spec;
    }
    this.#zones = zones;
  }

  /** Peers came and went. Those that come back start anew, in all acceptors at once. */
  discover(found: Discovery): void {
    if (this.#upstreams === null) return;
    this.#log.catchUp();
    const groups = [...this.#upstreams.all].map(({ group }) => group);
    const down = new Set(groups.flatMap((group) => group.peers.filter((peer) => peer.down)));
    this.#upstreams.discover(found);
    for (const group of groups) this.#index.add(group);
    for (const peer of down) {
      const key = this.#index.keyOf(peer);
      if (!peer.down && key !== '') this.#log.append(RESET, key);
    }
  }

  /** An acceptor is gone: what it had under way no longer counts. */
  forget(acceptor: number): void {
    this.#dead.add(acceptor);
    this.#tellDead();
    this.left(acceptor);
  }

  /** Until it is written: without memory it cannot be, and nobody else knows. */
  #tellDead(): void {
    for (const acceptor of this.#dead) {
      this.#log.lost = false;
      this.#log.append(DEAD, NO_KEY, acceptor);
      if (this.#log.lost) {
        setTimeout(() => this.#tellDead(), RETRY_MS).unref();
        return;
      }
      this.#dead.delete(acceptor);
    }
  }

  /** What an acceptor that joins now goes on from. */
  state(): SharedState {
    this.#log.catchUp();
    const zones = this.#shared ? [...this.#zoneIndex.all] : [];
    // What the log said is over when an acceptor is alone.
    const groups = [...((this.#shared ? this.#upstreams?.all : null) ?? [])].map(({ group }) => ({
      id: group.id,
      peers: takeSnapshot(group),
    }));
    return {
      groups,
      zones: zones.map((zone) => ({ id: zone.id, state: zone.dump().toString('base64') })),
      log: this.#log.position,
    };
  }

  /** The place of the log alone, for acceptors that have followed it so far. */
  get place(): SharedState {
    this.#log.catchUp();
    return { groups: [], zones: [], log: this.#log.position };
  }

  /** Somebody found this segment of the log full. */
  seal(segment: number): void {
    this.#log.catchUp();
    if (segment !== this.#log.segment) return;
    this.#sealWanted = true;
    this.#sealNow();
  }

  #sealNow(): void {
    if (!this.#sealWanted || this.#behind.size > 0) return;
    // No memory left for the last record: once more later.
    if (!this.#log.seal()) {
      setTimeout(() => this.#sealNow(), RETRY_MS).unref();
      return;
    }
    this.#sealWanted = false;
    this.#behind = new Set(this.#events.joined());
    this.#events.onSealed();
    this.#tidy();
  }

  /** An acceptor is gone, or reads the segments before `segment` no more. */
  left(acceptor: number, segment = this.#log.segment): void {
    if (segment === this.#log.segment && this.#behind.delete(acceptor)) this.#tidy();
  }

  #tidy(): void {
    if (this.#behind.size > 0) return;
    this.#log.clearLast();
    this.#sealNow();
  }
}

function forgetState(peer: Peer): void {
  peer.fails = 0;
  peer.holders = [];
}

/** In an acceptor that joins. */
export function applyStates(upstreams: UpstreamSet, states: readonly GroupState[]): void {
  const groups = new Map<string, Group>([...upstreams.all].map(({ group }) => [group.id, group]));
  for (const { id, peers } of states) {
    const group = groups.get(id);
    if (group !== undefined) applySnapshot(group, peers);
  }
}
