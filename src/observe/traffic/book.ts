// In an acceptor: counts what passes. Where nothing is to be counted there is no book, and nobody asks for one. A request that is counted
// costs some additions; what came together is taken out a few times a second (`take`), and told to the primary.
import type { Attempt } from '../../exchange/attempt.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import { systemClock } from '../../shared/clock.ts';
import { bucketOf } from './buckets.ts';
import type { PeerDelta, SeriesDelta } from './delta.ts';
import { isFailure, placeOfClass, placeOfOutcome, placeOfStatus } from './kinds.ts';
import {
  IN,
  KINDS,
  LOCATION_BUCKETS,
  LOCATION_CELLS,
  MAX_SERIES,
  NAME_CHARS,
  NONE,
  OTHER,
  OUT,
  PEER_BUCKETS,
  PEER_CELLS,
  PEER_CLASSES,
  SUM_MS,
  seriesKey,
  sparse,
} from './series.ts';

/** Numbers of one series since they were taken last. */
class Counts {
  readonly outer: string;
  readonly inner: string;
  readonly cells: Float64Array;
  readonly #changed: Counts[];
  #isChanged = false;

  constructor(names: readonly [outer: string, inner: string], size: number, changed: Counts[]) {
    this.outer = names[0].slice(0, NAME_CHARS);
    this.inner = names[1].slice(0, NAME_CHARS);
    this.cells = new Float64Array(size);
    this.#changed = changed;
  }

  /** Whoever writes to `cells` says so. */
  touch(): void {
    if (this.#isChanged) return;
    this.#isChanged = true;
    this.#changed.push(this);
  }

  take(): SeriesDelta {
    const added = sparse(this.cells);
    this.cells.fill(0);
    this.#isChanged = false;
    return [this.outer, this.inner, added];
  }
}

/** Of a location. */
export class LocationCounts extends Counts {
  readonly #book: TrafficBook;

  constructor(names: readonly [server: string, location: string], changed: Counts[], book: TrafficBook) {
    super(names, LOCATION_CELLS, changed);
    this.#book = book;
  }

  /** The exchange is over; called while its request still is that request's. */
  count(x: Exchange): void {
    const { attempts } = x;
    if (!x.isSub) this.#countRequest(x);
    for (let i = 0; i < attempts.length; i++) this.#book.countAttempt(attempts[i]);
  }

  #countRequest(x: Exchange): void {
    const { cells } = this;
    const status = x.errorStatus === 0 ? x.status : x.errorStatus;
    const ms = Math.max(0, status === 101 ? switchedAfterMs(x) : systemClock.now() - x.startedAt);
    this.touch();
    cells[IN] += x.request.size + x.bodyBytesReceived;
    cells[OUT] += x.headBytesSent + x.bodyBytesSent;
    cells[SUM_MS] += ms;
    cells[KINDS + placeOfStatus(status)]++;
    cells[LOCATION_BUCKETS + bucketOf(ms)]++;
  }
}

/** How long a tunnel lives says nothing of how fast it was opened. */
function switchedAfterMs({ attempts, startedAt }: Exchange): number {
  const last = attempts.at(-1);
  return last === undefined ? 0 : last.startedAt - startedAt + last.headMs;
}

class PeerCounts extends Counts {
  /** The last one since they were taken. */
  #failure = 0;
  #failedAtMs = 0;

  constructor(names: readonly [upstream: string, peer: string], changed: PeerCounts[]) {
    super(names, PEER_CELLS, changed);
  }

  count(attempt: Attempt): void {
    const { cells } = this;
    const { status } = attempt;
    const took = status === 101 ? attempt.headMs : attempt.totalMs;
    const ms = took < 0 ? systemClock.now() - attempt.startedAt : took;
    this.touch();
    cells[IN] += attempt.bytesSent;
    cells[OUT] += attempt.bytesReceived;
    cells[SUM_MS] += ms;
    const outcome = placeOfOutcome(attempt.outcome);
    cells[KINDS + outcome]++;
    if (isFailure(outcome)) this.#fail(outcome, attempt.startedAt + ms);
    const place = placeOfClass(status);
    if (place >= 0) cells[PEER_CLASSES + place]++;
    cells[PEER_BUCKETS + bucketOf(ms)]++;
  }

  /** `failedAt`: of this process's clock. Others may have been counted earlier that failed later. */
  #fail(outcome: number, failedAt: number): void {
    const failedAtMs = Math.round(Date.now() - Math.max(0, systemClock.now() - failedAt));
    if (failedAtMs < this.#failedAtMs) return;
    this.#failure = outcome;
    this.#failedAtMs = failedAtMs;
  }

  takeWithFailure(): PeerDelta {
    const delta: PeerDelta = [...this.take(), this.#failure, this.#failedAtMs];
    this.#failure = 0;
    this.#failedAtMs = 0;
    return delta;
  }
}

export interface TakenTraffic {
  readonly locations: readonly SeriesDelta[];
  readonly peers: readonly PeerDelta[];
}

/** All that an acceptor counts, over all its configurations. */
export class TrafficBook {
  readonly #locations = new Map<string, LocationCounts>();
  /** By upstream, then by peer: no key is made for a request. */
  readonly #peers = new Map<string, Map<string, PeerCounts>>();
  #peerCount = 0;
  readonly #changedLocations: Counts[] = [];
  readonly #changedPeers: PeerCounts[] = [];

  /** Those of a location: the same over reloads. Which locations have a place of their own, the caller knows (series-names.ts). */
  location(server: string, location: string): LocationCounts {
    const key = seriesKey(server, location);
    let counts = this.#locations.get(key);
    if (counts === undefined) {
      counts = new LocationCounts([server, location], this.#changedLocations, this);
      this.#locations.set(key, counts);
    }
    return counts;
  }

  /** Forgets all others: they are made anew should they come back, and what they still count is told all the same. */
  keepLocations(keys: ReadonlySet<string>): void {
    for (const key of this.#locations.keys()) if (!keys.has(key)) this.#locations.delete(key);
  }

  countAttempt(attempt: Attempt): void {
    const { outcome } = attempt;
    const isNone = outcome === 'no_live_peer' || outcome === 'hold_timeout' || outcome === 'unresolved';
    this.#peer(attempt.upstream, isNone ? NONE : attempt.peer).count(attempt);
  }

  #peer(upstream: string, peer: string): PeerCounts {
    const counts = this.#peers.get(upstream)?.get(peer);
    if (counts !== undefined) return counts;
    return this.#peerCount < MAX_SERIES ? this.#addPeer(upstream, peer) : this.#otherPeer();
  }

  #addPeer(upstream: string, peer: string): PeerCounts {
    const counts = new PeerCounts([upstream, peer], this.#changedPeers);
    const group = this.#peers.get(upstream) ?? new Map<string, PeerCounts>();
    this.#peers.set(upstream, group.set(peer, counts));
    this.#peerCount++;
    return counts;
  }

  #otherPeer(): PeerCounts {
    return this.#peers.get(OTHER)?.get(OTHER) ?? this.#addPeer(OTHER, OTHER);
  }

  get hasNews(): boolean {
    return this.#changedLocations.length > 0 || this.#changedPeers.length > 0;
  }

  /** What was counted since the last call. */
  take(): TakenTraffic {
    const locations = this.#changedLocations.splice(0).map((counts) => counts.take());
    const peers = this.#changedPeers.splice(0).map((counts) => counts.takeWithFailure());
    // Peers come and go, and hosts that requests name: room for others. All was told, so nothing is lost.
    if (this.#peerCount >= MAX_SERIES) {
      this.#peers.clear();
      this.#peerCount = 0;
    }
    return { locations, peers };
  }
}
