// The share of fresh processes: it grows from a tenth to the whole. Stands in front of a group's balancer while one of its peers is fresh,
// and leaves when none is, so that a group without fresh peers pays nothing. Where the rotation stands stays in whole numbers, which
// acceptors share: a fresh peer has its turns like all others, and passes most of them over. ip_hash keeps its clients where they belong.
import type { BalanceKey, Balancer } from './balancer.ts';
import type { Peer } from './peer.ts';
import { smoothPick } from './round-robin.ts';
import { type BalanceMethod, COUNTING } from './table.ts';

export class SlowStart implements Balancer {
  readonly #peers: readonly Peer[];
  readonly #plain: Balancer;
  readonly #byLoad: boolean;
  readonly #untilMs: number;
  readonly #onOver: () => void;

  constructor(
    peers: readonly Peer[],
    plain: Balancer,
    until: { readonly method: BalanceMethod; readonly ms: number; readonly onOver: () => void },
  ) {
    this.#peers = peers;
    this.#plain = plain;
    this.#byLoad = COUNTING.has(until.method);
    this.#untilMs = until.ms;
    this.#onOver = until.onOver;
  }

  get turn(): number | undefined {
    return this.#plain.turn;
  }

  set turn(turn: number) {
    if (this.#plain.turn !== undefined) this.#plain.turn = turn;
  }

  pick(key: BalanceKey, tried: readonly Peer[], now: number): Peer | undefined {
    if (now >= this.#untilMs) {
      this.#onOver();
      return this.#plain.pick(key, tried, now);
    }
    // Where all are equally fresh each has its whole share.
    let whole = 0;
    for (const peer of this.#peers)
      if (peer.isEligible(tried, now)) whole = Math.max(whole, peer.shareAt(now));
    const out: Peer[] = [...tried];
    if (this.#byLoad) this.#leaveLeastLoaded(out, now);
    return this.#inTurn(key, out, now, whole);
  }

  /** Adds all to `out` that have more exchanges for their present share than another. */
  #leaveLeastLoaded(out: Peer[], now: number): void {
    const load = (peer: Peer): number => peer.active / (peer.weight * peer.shareAt(now));
    const eligible = this.#peers.filter((peer) => peer.isEligible(out, now));
    const least = Math.min(...eligible.map(load));
    out.push(...eligible.filter((peer) => load(peer) > least));
  }

  /** Whose turn it is, those passed over that have not saved up a whole turn yet; one of them if nobody else is left. */
  #inTurn(key: BalanceKey, out: Peer[], now: number, whole: number): Peer | undefined {
    let first: Peer | undefined;
    for (;;) {
      const peer = this.#byLoad ? smoothPick(this.#peers, 0, out, now) : this.#plain.pick(key, out, now);
      if (peer === undefined) return first;
      peer.savedTurns += peer.shareAt(now) / whole;
      // A little less than one: ten tenths are not quite that.
      if (peer.savedTurns >= 1 - 1e-9) {
        peer.savedTurns -= 1;
        return peer;
      }
      first ??= peer;
      out.push(peer);
    }
  }
}
