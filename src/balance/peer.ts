// One server of an upstream group: what is configured, what is counted, and the one predicate that says whether it may be
// picked. Touches no socket.

import { toMachineMs } from '../shared/clock.ts';
import type { ProcessPort } from './process-port.ts';

/** How to reach a peer. */
export type PeerAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

export interface PeerConfig {
  readonly address: PeerAddress;
  /** As logs show it and as it is known across processes: `127.0.0.1:8001`, `[::1]:80`, `unix:/run/app.sock`. */
  readonly name: string;
  /** As the configuration names its server: what `hash … consistent` hashes; `name` where it is missing. */
  readonly server?: string;
  readonly weight: number;
  /** 0 = failures are not counted. */
  readonly maxFails: number;
  readonly failTimeoutMs: number;
  readonly backup: boolean;
  readonly down: boolean;
  /** 0 = no limit. */
  readonly maxConns: number;
  /** The supervised process that serves it, as it was when this was made; it comes and goes while the peer stays the same. */
  readonly process?: ProcessPort;
}

export class Peer {
  readonly config: PeerConfig;
  readonly name: string;
  readonly weight: number;
  /** Position in the group; what travels between acceptors. */
  index = 0;
  /** Out by configuration or because its process is not ready. */
  down: boolean;
  currentWeight = 0;
  effectiveWeight: number;
  /** Exchanges under way on it: in all acceptors where a choice depends on that (`Group.countsMatter`), else in this one. */
  active = 0;
  /** Where acceptors share the count: how many of them each process has. */
  #held: Map<number, number> | null = null;
  fails = 0;
  /** Monotonic ms of the last failure, and of the last time it was given a chance after one. */
  accessedAt = 0;
  checkedAt = 0;
  /** The supervised process that serves it, as it was told last; null for a peer that nobody here supervises. */
  process: ProcessPort | null;
  /** Monotonic ms from which on its share grows. Until it has the whole of it, which part of its next turn it has saved up. */
  #freshSince = 0;
  savedTurns = 0;

  constructor(config: PeerConfig) {
    this.config = config;
    this.name = config.name;
    this.weight = config.weight;
    this.effectiveWeight = config.weight;
    this.down = config.down;
    this.process = config.process ?? null;
    this.#freshSince = freshSince(this.process);
  }

  /** What the primary tells of its process. True: another process serves it than before, and no connection to it is of use. */
  follow(process: ProcessPort | null): boolean {
    const before = this.process;
    this.process = process;
    this.#freshSince = freshSince(process);
    return before !== null && process !== null && before.upSinceMs !== process.upSinceMs && before.up;
  }

  /** Monotonic ms at which it has its whole share; 0 where it has. */
  get freshUntil(): number {
    return this.#freshSince === 0 ? 0 : this.#freshSince + (this.process?.slowStartMs ?? 0);
  }

  /** Its part of what its weight gives it: from a tenth to 1. */
  shareAt(now: number): number {
    const lengthMs = this.process?.slowStartMs ?? 0;
    if (lengthMs <= 0 || this.#freshSince === 0) return 1;
    return Math.min(1, LEAST_SHARE + (1 - LEAST_SHARE) * Math.max(0, (now - this.#freshSince) / lengthMs));
  }

  /** Whether it is out because of failures at this moment. */
  isFailing(now: number): boolean {
    return this.config.maxFails > 0 && this.fails >= this.config.maxFails && !this.#isPauseOver(now);
  }

  /**
   * nginx counts whole seconds, so that with fail_timeout=0 a peer is out for what is left of the present one. Processes share whole
   * milliseconds of the machine: half of one keeps rounding from deciding.
   */
  #isPauseOver(now: number): boolean {
    const pauseMs = this.config.failTimeoutMs;
    if (pauseMs > 0) return now - this.checkedAt > pauseMs + 0.5;
    return Math.floor(toMachineMs(now) / 1000) > Math.floor(toMachineMs(this.checkedAt) / 1000);
  }

  /** It has as many exchanges as max_conns lets it have. */
  get isFull(): boolean {
    const limit = this.config.maxConns;
    return limit > 0 && this.active >= limit;
  }

  /** The eligibility that every algorithm asks for (ngx_http_upstream_get_peer). */
  isEligible(tried: readonly Peer[], now: number): boolean {
    if (this.down || (this.fails > 0 && this.isFailing(now))) return false;
    if (this.isFull) return false;
    return tried.length === 0 || !tried.includes(this);
  }

  /** As many exchanges for its weight as the other has. */
  isAsBusyAs(other: Peer): boolean {
    return this.active * other.weight === other.active * this.weight;
  }

  /** It failed, and has not been tried since its pause ended. */
  isChanceDue(now: number): boolean {
    return this.fails > 0 && this.#isPauseOver(now);
  }

  /** A peer whose pause is over gets one request at a time: the chance is taken by whoever picks it first. */
  noteChance(now: number): void {
    if (this.isChanceDue(now)) this.checkedAt = now;
  }

  noteFailure(now: number): void {
    this.fails++;
    this.accessedAt = now;
    this.checkedAt = now;
    if (this.config.maxFails > 0) {
      this.effectiveWeight = Math.max(
        0,
        this.effectiveWeight - Math.floor(this.weight / this.config.maxFails),
      );
    }
  }

  /** A success now would end a time of failures: it was given a chance since the last of them. */
  get isOnProbation(): boolean {
    return this.fails > 0 && this.accessedAt < this.checkedAt;
  }

  noteSuccess(): void {
    if (this.isOnProbation) this.fails = 0;
  }

  /** Counts exchanges of a process, up or down; never below what it has. */
  hold(by: number, count: number): void {
    this.#held ??= new Map();
    const before = this.#held.get(by) ?? 0;
    const after = Math.max(0, before + count);
    if (after === 0) this.#held.delete(by);
    else this.#held.set(by, after);
    this.active += after - before;
  }

  /** A process is gone, and its exchanges with it. */
  drop(by: number): void {
    this.hold(by, -(this.#held?.get(by) ?? 0));
  }

  /** Process and number of its exchanges, as an acceptor that joins takes them over. */
  get holders(): readonly (readonly [process: number, exchanges: number])[] {
    return [...(this.#held ?? [])];
  }

  set holders(holders: readonly (readonly [process: number, exchanges: number])[]) {
    this.#held = new Map(holders);
    this.active = holders.reduce((sum, [, exchanges]) => sum + exchanges, 0);
  }

  /** From now on only the exchanges of this process are known. */
  holdAlone(by: number): void {
    if (this.#held === null) return;
    this.active = this.#held.get(by) ?? 0;
    this.#held = null;
  }
}

/** Of a process that has just come up. */
const LEAST_SHARE = 0.1;

/** All processes of the machine count from the same moment: it is told as time of the epoch. */
function freshSince(process: ProcessPort | null): number {
  if (process === null || !process.up || process.slowStartMs <= 0) return 0;
  return performance.now() - (Date.now() - process.upSinceMs);
}
