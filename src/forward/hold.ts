// Waiting instead of a 502: a request for a group none of whose processes serves, while one of them is on its way. Also the second thought
// of a request that lost its process under way: the primary may not have told yet that it crashed.
import type { Peer } from '../balance/peer.ts';
import { sayProcesses } from '../balance/process-port.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { systemClock } from '../shared/clock.ts';
import { type AttemptFailure, CAUSE_OF, type Failure } from '../shared/failure.ts';
import { Deadline, wheel } from '../shared/timer-wheel.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { type Waiter, WaitingRoom, waitingRequests } from '../upstream/waiting-room.ts';

export interface HoldOptions {
  /** 0 = nobody waits. */
  readonly holdMs: number;
  /** How many requests may wait in this process. */
  readonly holdRequests: number;
  /** Answers with a page that asks again, and says what is waited for. */
  readonly waitPage: (exchange: Exchange, what: string) => void;
}

/** The exchange that waits. */
export interface Held {
  readonly exchange: Exchange;
  readonly options: HoldOptions;
  upstream: Upstream | null;
  /** A choice anew, with nobody tried; undefined when there is no peer. */
  pickAnew(now: number): Peer | undefined;
  attempt(peer: Peer, fresh: boolean, now: number): void;
  /** The waiting was in vain. */
  failHeld(failure: AttemptFailure, detail: string): void;
  /** An answer that is no failure was given in its place. */
  endHeld(): void;
}

/** A browser shows nothing while it waits: after so long it gets a page that says why. */
const PAGE_MS = 2000;
/** How long the word of a crash may take from the primary. */
const NEWS_MS = 1000;
/** A request that ended so many processes, one after the other, is likely to be why. */
const MAX_SENT = 3;

export class Hold implements Waiter {
  readonly #held: Held;
  readonly #since = systemClock.now();
  readonly #deadline: Deadline;
  #room: WaitingRoom | null = null;
  /** How often it was sent to a process that then went. */
  #sent = 0;
  /** It was sent once more to a process that had broken off and yet, as far as anybody knows, goes on. */
  #sentOnceMore = false;
  /** How the last try ended. */
  #met: { readonly failure: AttemptFailure; readonly detail: string } | null = null;
  /** What to answer when no news comes; null while it waits for a process. */
  #doubt: { readonly failure: AttemptFailure; readonly detail: string } | null = null;

  constructor(held: Held) {
    this.#held = held;
    this.#deadline = new Deadline(() => this.#onTime());
  }

  get eager(): boolean {
    return this.#doubt === null;
  }

  get waits(): boolean {
    return this.#room !== null;
  }

  /** No peer could be chosen. True: it waits. */
  await(): boolean {
    return isComing(this.#held.upstream) && this.#enter();
  }

  /** All peers were tried, the last in vain: `sent` says whether it had a byte of the request. True: it waits. */
  awaitAfter(failure: Failure, sent: boolean, detail: string): boolean {
    const { upstream } = this.#held;
    const peers = upstream?.group.peers ?? [];
    if (!LOST.has(failure) || !peers.some(mayServeAgain)) return false;
    if (sent && ++this.#sent > MAX_SENT) return false;
    // Who refuses has not read anything and can be asked again; who broke off has crashed, or else meant it.
    this.#met = { failure: failure as AttemptFailure, detail };
    if (sent && peers.every(isUp)) {
      if (this.#sentOnceMore) return false;
      this.#doubt = { failure: failure as AttemptFailure, detail };
    }
    if (this.#enter()) return true;
    this.#doubt = null;
    return false;
  }

  #enter(): boolean {
    const { upstream, options } = this.#held;
    const leftMs = this.#leftMs();
    if (upstream === null || leftMs <= 0 || waitingRequests() >= options.holdRequests) return false;
    upstream.waiting ??= new WaitingRoom(upstream);
    this.#room = upstream.waiting;
    this.#room.enter(this);
    this.#arm();
    return true;
  }

  #leftMs(): number {
    return this.#since + this.#held.options.holdMs - systemClock.now();
  }

  #arm(): void {
    let ms = this.#leftMs();
    if (this.#doubt !== null) ms = Math.min(ms, NEWS_MS);
    else if (takesPage(this.#held.exchange)) ms = Math.min(ms, this.#since + PAGE_MS - systemClock.now());
    wheel.arm(this.#deadline, Math.max(1, ms));
  }

  goOn(): boolean {
    const now = systemClock.now();
    const peer = this.#held.pickAnew(now);
    if (peer === undefined) return false;
    this.leave();
    this.#held.attempt(peer, false, now);
    return true;
  }

  onNews(): void {
    if (this.#doubt === null) return;
    this.#doubt = null;
    this.#arm();
  }

  moveOn(): void {
    this.#held.upstream = this.#held.upstream?.present ?? null;
    if (!this.#enter()) this.giveUp();
  }

  giveUp(): void {
    this.#fail('no_live_peer', CAUSE_OF.no_live_peer);
  }

  /** The exchange goes on, or is over. */
  leave(): void {
    wheel.remove(this.#deadline);
    this.#room?.leave(this);
    this.#room = null;
    this.#doubt = null;
  }

  #onTime(): void {
    const doubt = this.#doubt;
    if (doubt !== null) {
      // One that starts itself anew (exec, as debug servers do) drops what it had not accepted, and nobody hears of that.
      if (!this.#sentOnceMore && this.goOn()) this.#sentOnceMore = true;
      else this.#fail(doubt.failure, doubt.detail);
      return;
    }
    const { exchange, options } = this.#held;
    const isPageDue = systemClock.now() - this.#since >= PAGE_MS && takesPage(exchange);
    if (isPageDue) return this.#sendPage();
    if (this.#leftMs() > 0) return this.#arm();
    // Of processes that are all up nobody is waited for: what was met last is the reason.
    const met = this.#met;
    const peers = this.#held.upstream?.group.peers ?? [];
    if (met !== null && peers.every(isUp)) return this.#fail(met.failure, met.detail);
    this.#fail('hold_timeout', `${CAUSE_OF.hold_timeout} (${options.holdMs} ms)`);
  }

  #sendPage(): void {
    this.leave();
    const { exchange, options } = this.#held;
    const coming = this.#processes().filter((process) => process.coming);
    const what = sayProcesses(coming.length > 0 ? coming : this.#processes(), Date.now());
    this.#held.endHeld();
    options.waitPage(exchange, `starting ${what}`);
  }

  #processes() {
    return this.#held.upstream?.group.processes ?? [];
  }

  #fail(failure: AttemptFailure, detail: string): void {
    this.leave();
    this.#held.failHeld(failure, detail);
  }
}

/** The peer, or all there was of it, went. */
const LOST: ReadonlySet<Failure> = new Set<Failure>([
  'connect_refused',
  'connect_error',
  'reset_before_head',
  'reset_on_reuse',
]);

function isComing(upstream: Upstream | null): boolean {
  return upstream?.group.peers.some(({ process }) => process?.coming === true) ?? false;
}

const isUp = ({ process }: Peer): boolean => process === null || process.up;

function mayServeAgain({ process }: Peer): boolean {
  return process !== null && (process.coming || process.up);
}

/** It shows what it gets, and can load it anew: no fetch(), no image, no form that was sent. */
function takesPage({ request }: Exchange): boolean {
  if (request.method !== 'GET' || request.upgradeRequested) return false;
  const destination = request.get('sec-fetch-dest') ?? 'document';
  return destination === 'document' && /\btext\/html\b/i.test(request.getAll('accept') ?? '');
}
