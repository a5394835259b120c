// The attempts of one request on the peers of a group: picking, counting, blaming. The rules are the data plane's own
// (balance/group, forward/next-upstream); this only keeps what they ask for. Touches no socket.
import type { BalanceKey } from '../balance/balancer.ts';
import type { Group, Outcome } from '../balance/group.ts';
import type { Peer } from '../balance/peer.ts';
import { blamesPeer, decideRetry, type NextPolicy, type Progress, wordOf } from '../forward/next-upstream.ts';
import { systemClock } from '../shared/clock.ts';
import type { Failure } from '../shared/failure.ts';
import { BalancerError, type FailedAttempt } from './balancer-error.ts';

/** What the exchange knows of its progress; the rest is counted here. */
export type ExchangeProgress = Omit<Progress, 'tries' | 'elapsedMs'>;

export class Attempts {
  readonly #group: Group;
  readonly #policy: NextPolicy;
  readonly #key: BalanceKey;
  readonly #startedAt = systemClock.now();
  #tried: Peer[] = [];
  #tries = 0;
  #failed: FailedAttempt[] = [];

  /** `remoteAddress` = the client's, as Node gives it. */
  constructor(group: Group, policy: NextPolicy, remoteAddress: string | undefined) {
    this.#group = group;
    this.#policy = policy;
    // A dual-stack socket shows IPv4 clients as mapped ones; ip_hash is to see what nginx sees.
    this.#key = { remoteAddress: (remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/i, '') };
  }

  /** The peer of the next attempt, counted as active; undefined when there is none. */
  pick(): Peer | undefined {
    const peer = this.#group.pick(this.#key, this.#tried, systemClock.now());
    if (peer !== undefined) this.#tries++;
    return peer;
  }

  /** As the rules want to see it. */
  progress(known: ExchangeProgress): Progress {
    return { ...known, tries: this.#tries, elapsedMs: systemClock.now() - this.#startedAt };
  }

  /** Ends the attempt on `peer`; the peer of the next one, or undefined when there is to be none. */
  failed(peer: Peer, failure: Failure, known: ExchangeProgress): Peer | undefined {
    const again = decideRetry(this.#policy, failure, this.progress(known)) === '';
    this.#note(peer, failure);
    return again ? this.pick() : undefined;
  }

  /**
   * The peer that takes over when `peer` answered with a status that the policy passes over. It is picked before the answer is
   * given up: while nobody else can take the request, the peer's own answer is the one to pass through.
   */
  passOver(peer: Peer, failure: Failure, known: ExchangeProgress): Peer | undefined {
    if (wordOf(failure) === undefined) return undefined;
    if (decideRetry(this.#policy, failure, this.progress(known)) !== '') return undefined;
    const next = this.#group.pick(this.#key, [...this.#tried, peer], systemClock.now());
    if (next === undefined) return undefined;
    this.#note(peer, failure);
    this.#tries++;
    return next;
  }

  /** Ends the attempt on `peer`, whose answer had begun: there is no other. */
  broken(peer: Peer, failure: Failure): void {
    this.#note(peer, failure);
  }

  #note(peer: Peer, failure: Failure): void {
    this.#failed.push({ peer: peer.name, failure });
    this.#tried.push(peer);
    this.release(peer, outcomeOf(failure));
  }

  release(peer: Peer, outcome: Outcome): void {
    this.#group.release(peer, outcome, systemClock.now());
  }

  /** What to report when no attempt is left. */
  error(cause?: NodeJS.ErrnoException): BalancerError {
    return new BalancerError(this.#failed.at(-1)?.failure ?? 'no_live_peer', this.#failed, cause);
  }
}

/** What a failure says of the peer: nothing, where it is the client's or our own. */
function outcomeOf(failure: Failure): Outcome {
  if (failure.startsWith('client_') || failure === 'local_exhausted' || failure === 'internal_error')
    return 'abandoned';
  return blamesPeer(failure) ? 'failed' : 'next';
}
