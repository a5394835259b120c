// The attempt loop of a proxied exchange: pick a peer, try it, and on failure ask whether another may be tried.
// What happens on one connection is attempt.ts; what a failure allows is next-upstream.ts.
// A little past 300 lines: the body, the client and the attempts each call back here, and all of them end the same exchange.
import type { BalanceKey } from '../balance/balancer.ts';
import type { Outcome } from '../balance/group.ts';
import type { Peer } from '../balance/peer.ts';
import { sayProcess, sayProcesses } from '../balance/process-port.ts';
import { Attempt, type BodyReader, type Exchange, type Gone, type Handler } from '../exchange.ts';
import type { HeadLimits } from '../http/request-head.ts';
import type { ResponseHead } from '../http/response-head.ts';
import { systemClock } from '../shared/clock.ts';
import { type AttemptFailure, CAUSE_OF, type Failure, STATUS_OF } from '../shared/failure.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { AttemptRun } from './attempt.ts';
import { type Held, Hold, type HoldOptions } from './hold.ts';
import {
  blamesPeer,
  cutsOffPeer,
  decideRetry,
  isFreeRetry,
  type NextPolicy,
  type Progress,
} from './next-upstream.ts';
import type { AnswerSource } from './relay.ts';
import { RequestBody } from './request-body.ts';
import type { BodyFraming } from './request-head.ts';

/** What a location with proxy_pass is compiled to. Times in ms. */
export interface ForwardOptions extends HoldOptions {
  readonly upstream: Upstream | FindUpstream;
  /** Group or server as proxy_pass names it; '' where `upstream` finds it and sets `exchange.proxyHost`. */
  readonly authority: string;
  readonly writeHead: (exchange: Exchange, framing: BodyFraming, upgrade: boolean) => string;
  readonly takeHead: (exchange: Exchange, head: ResponseHead) => void;
  readonly next: NextPolicy;
  readonly connectTimeoutMs: number;
  readonly sendTimeoutMs: number;
  readonly readTimeoutMs: number;
  /** How much of a request's body is kept for a replay. */
  readonly replayBytes: number;
  /** Wait for a chunked body's end, while it fits the buffer, so that the peer gets a Content-Length. */
  readonly requestBuffering: boolean;
  /** A client that closes its side does not end the exchange. */
  readonly ignoreClientAbort: boolean;
  /** Bounds of the peer's head. */
  readonly headLimits: HeadLimits;
  readonly http10: boolean;
  readonly log: ForwardLog;
}

/**
 * Finds the group of a URL with variables; it is undefined when a variable names a host that cannot be reached: `detail` goes to the
 * error page.
 */
export type FindUpstream = (
  exchange: Exchange,
  ready: (upstream: Upstream | undefined, detail: string) => void,
) => void;

export interface ForwardLog {
  /** An attempt failed: what, and whether another follows (`noRetry` = '' means yes). */
  attemptFailed(exchange: Exchange, attempt: Attempt, detail: string): void;
}

export function createForward(options: ForwardOptions): Handler {
  return (exchange) => new Forward(exchange, options).begin();
}

/** Among the protocols that a client offers (RFC 9110 §7.8); all others stay behind. */
const WEBSOCKET = /(?:^|,)[ \t]*websocket[ \t]*(?:,|$)/i;

const NONE: BodyFraming = { kind: 'none' };
const CHUNKED: BodyFraming = { kind: 'chunked' };

/** One proxied exchange: what outlives its attempts. */
export class Forward implements BodyReader, AnswerSource, Held {
  readonly exchange: Exchange;
  readonly options: ForwardOptions;
  readonly body: RequestBody | null;
  upstream: Upstream | null = null;
  run: AttemptRun | null = null;
  #tried: Peer[] = NO_PEERS;
  #tries = 0;
  #startedAt = 0;
  /** An attempt of this forward was made: the last one of the exchange is its own. */
  #attempted = false;
  #bodyPaused = false;
  #waitingForBody = false;
  /** Made when it first has to wait for a process. */
  #hold: Hold | null = null;
  ended = false;
  answerBegun = false;

  constructor(exchange: Exchange, options: ForwardOptions) {
    this.exchange = exchange;
    this.options = options;
    const request = exchange.request;
    this.body = request.hasBody ? new RequestBody(options.replayBytes) : null;
  }

  get survivesHalfClose(): boolean {
    return this.options.ignoreClientAbort;
  }

  get isUpgrade(): boolean {
    const r = this.exchange.request;
    return (
      r.upgradeAt >= 0 &&
      r.upgradeRequested &&
      r.minor === 1 &&
      r.method === 'GET' &&
      this.body === null &&
      WEBSOCKET.test(r.value(r.upgradeAt))
    );
  }

  begin(): void {
    const { exchange } = this;
    const { upstream: target } = this.options;
    exchange.setMaker(this);
    if (typeof target !== 'function') return this.#beginWith(target, exchange.startedAt);
    target(exchange, (upstream, detail) => {
      if (this.ended) return;
      if (upstream === undefined) return this.#giveUp('unresolved', detail);
      this.#beginWith(upstream, systemClock.now());
    });
  }

  #beginWith(upstream: Upstream, now: number): void {
    const { exchange } = this;
    this.upstream = upstream;
    // After an internal redirect it may be another than before.
    if (this.options.authority !== '') exchange.proxyHost = this.options.authority;
    if (this.body === null) return this.nextPeer(now);
    // The length is known: the peer can have the head at once. Otherwise see first whether the whole body fits the buffer.
    this.#waitingForBody = exchange.request.chunked && (this.options.requestBuffering || this.options.http10);
    exchange.client.readBody(this);
    if (!this.#waitingForBody && !this.ended && this.run === null && this.#hold === null) this.nextPeer();
  }

  /** The body's framing towards the peer: a length wherever it is known. */
  get framing(): BodyFraming {
    const { request } = this.exchange;
    if (this.body === null) return request.contentLength === 0 ? { kind: 'length', bytes: 0 } : NONE;
    if (!request.chunked) return { kind: 'length', bytes: request.contentLength };
    return this.body.complete && this.body.replayable && (this.body.trailers === '' || this.options.http10)
      ? { kind: 'length', bytes: this.body.received }
      : CHUNKED;
  }

  /** Starts the next attempt, or ends the exchange when no peer is left. */
  nextPeer(now = systemClock.now()): void {
    const { exchange, upstream } = this;
    if (upstream === null) return;
    if (this.#startedAt === 0) this.#startedAt = now;
    const peer = upstream.group.pick(exchange.client as BalanceKey, this.#tried, now);
    if (peer === undefined) return this.#noPeer();
    this.#tries++;
    this.attempt(peer, false, now);
  }

  attempt(peer: Peer, fresh: boolean, now: number): void {
    const record = new Attempt(peer.name, now);
    this.#record(record);
    this.body?.restart();
    this.run = new AttemptRun(this, peer, record);
    this.run.start(fresh);
  }

  #record(attempt: Attempt): void {
    attempt.opensGroup = !this.#attempted && this.exchange.attempts.length > 0;
    this.#attempted = true;
    this.exchange.beginAttempt(attempt);
  }

  #noPeer(): void {
    if (this.options.holdMs > 0 && this.#holding.await()) return;
    const last = this.#attempted ? this.exchange.attempts.at(-1) : undefined;
    if (last === undefined) return this.failHeld('no_live_peer', CAUSE_OF.no_live_peer);
    last.noRetry = 'no peer left';
    const kind = last.outcome as Failure;
    if (kind.startsWith('http_')) return this.#finishWith(Number(kind.slice(5)), '');
    this.#giveUp(kind as AttemptFailure, CAUSE_OF[kind as AttemptFailure] ?? '');
  }

  // Waiting for a process.

  get #holding(): Hold {
    this.#hold ??= new Hold(this);
    return this.#hold;
  }

  pickAnew(now: number): Peer | undefined {
    this.#renewGroup();
    this.#tried = NO_PEERS;
    const peer = this.upstream?.group.pick(this.exchange.client as BalanceKey, NO_PEERS, now);
    if (peer === undefined) return undefined;
    this.#tries = 1;
    this.#startedAt = now;
    return peer;
  }

  /** Since this exchange began another configuration may have taken over, whose group alone knows who is up. */
  #renewGroup(): void {
    const present = this.upstream?.present ?? null;
    if (present === this.upstream) return;
    this.upstream = present;
    this.#tried = NO_PEERS;
  }

  failHeld(failure: AttemptFailure, detail: string): void {
    const record = new Attempt(this.upstream?.name ?? '', systemClock.now());
    record.outcome = failure;
    record.noRetry = 'no peer left';
    this.#record(record);
    this.options.log.attemptFailed(this.exchange, record, detail + this.#processNote);
    this.#giveUp(failure, detail);
  }

  endHeld(): void {
    this.ended = true;
    this.exchange.setMaker(null);
    this.exchange.failure = 'no_live_peer';
  }

  /** What became of the processes that do not serve; '' where all do. */
  get #processNote(): string {
    const processes = this.upstream?.group.processes.filter(({ up }) => !up) ?? [];
    return processes.length === 0 ? '' : `; ${sayProcesses(processes, Date.now())}`;
  }

  progress(requestSent: boolean): Progress {
    return {
      method: this.exchange.request.method,
      answerStarted: this.answerBegun,
      requestSent,
      bodyReplayable: this.body === null || this.body.replayable,
      tries: this.#tries,
      elapsedMs: systemClock.now() - this.#startedAt,
    };
  }

  /** A peer's own status that proxy_next_upstream lists: true when the answer is passed over for another peer. */
  passesOver(failure: Failure): boolean {
    if (!this.options.next.words.includes(failure as never)) return false;
    const noRetry = decideRetry(this.options.next, failure, this.progress(true));
    const run = this.run;
    if (run === null) return false;
    if (noRetry !== '' || this.#triesLeft(run.peer) === 0) {
      run.record.noRetry = noRetry === '' ? 'no peer left' : noRetry;
      return false;
    }
    return true;
  }

  /** Peers that this exchange could still try, the present one not counted. */
  #triesLeft(present: Peer): number {
    const peers = this.upstream?.group.peers ?? [];
    const isLeft = (peer: Peer): boolean => peer !== present && !peer.down && !peer.isFull;
    return peers.filter((peer) => isLeft(peer) && !this.#tried.includes(peer)).length;
  }

  /** The present attempt failed; its connection is gone. */
  attemptFailed(run: AttemptRun, failure: AttemptFailure | Failure, detail: string): void {
    if (this.ended) return;
    const { upstream } = this;
    const { record, peer } = run;
    this.run = null;
    const now = systemClock.now();
    record.totalMs = now - record.startedAt;
    const progress = this.progress(run.requestSent);
    record.outcome = failure;
    const isFree = isFreeRetry(failure, progress);
    // Not the peer's fault and not a try: the same peer again, on a connection of its own. One that is about to stop gets nothing new.
    if (isFree && !peer.down) return this.attempt(peer, true, now);
    const outcome: Outcome = blamesPeer(failure) ? 'failed' : 'next';
    this.release(run, outcome, now);
    if (cutsOffPeer(failure)) upstream?.closeIdle(peer);
    this.#renewGroup();
    record.noRetry = isFree ? '' : decideRetry(this.options.next, failure, progress);
    const isLast = this.#triesLeft(peer) === 0;
    if (record.noRetry === '' && isLast && this.#waitsAfter(run, failure, detail)) return;
    if (record.noRetry === '' && isLast) record.noRetry = 'no peer left';
    this.#tellFailure(run, detail);
    if (record.noRetry === '') {
      this.#tried = this.#tried === NO_PEERS ? [peer] : [...this.#tried, peer];
      return this.nextPeer();
    }
    if (this.answerBegun) return this.#abort(failure);
    this.#giveUp(failure as AttemptFailure, detail);
  }

  #tellFailure({ peer, record }: AttemptRun, detail: string): void {
    const { process } = peer;
    const note = process === null || process.up ? '' : `; ${sayProcess(process, Date.now())}`;
    this.options.log.attemptFailed(this.exchange, record, detail + note);
  }

  /** All were tried, and one of them may be back in a moment. */
  #waitsAfter(run: AttemptRun, failure: Failure, detail: string): boolean {
    if (this.options.holdMs === 0 || !this.#holding.awaitAfter(failure, run.requestSent, detail))
      return false;
    this.#tellFailure(run, detail);
    return true;
  }

  /** The answer is complete; the connection was dealt with. */
  attemptDone(run: AttemptRun, now: number): void {
    this.ended = true;
    this.run = null;
    this.release(run, 'ok', now);
  }

  /** The peer is free again: before the client can have the answer's end, since its next request may need the place. */
  release(run: AttemptRun, outcome: Outcome, now: number): void {
    if (run.released) return;
    run.released = true;
    const { upstream } = this;
    if (upstream === null) return;
    upstream.group.release(run.peer, outcome, now);
    if (upstream.waiting !== null && outcome === 'ok') upstream.waiting.onRoom();
  }

  #giveUp(failure: AttemptFailure, detail: string): void {
    this.exchange.failure = failure;
    const peer = (this.#attempted ? this.exchange.attempts.at(-1)?.peer : undefined) ?? '';
    const where = peer === '' ? this.exchange.proxyHost : `${peer} of ${this.exchange.proxyHost}`;
    this.#finishWith(STATUS_OF[failure] ?? 502, `${where}: ${detail}${this.#processNote}`);
  }

  #finishWith(status: number, detail: string): void {
    this.ended = true;
    this.exchange.location.fail(this.exchange, status, detail);
  }

  #abort(failure: Failure): void {
    this.ended = true;
    this.exchange.sink.abort(this, failure);
  }

  // The request's body.

  onBody(buf: Buffer, from: number, to: number): void {
    const body = this.body;
    if (body === null || this.ended) return;
    if (!this.#waitingForBody && this.run?.passBodyOn(buf, from, to) === true) {
      if (this.run?.mustWait === true) this.#holdBody();
      return;
    }
    body.add(buf, from, to);
    this.#pump();
  }

  onBodyEnd(trailers: string): void {
    const body = this.body;
    if (body === null || this.ended) return;
    body.complete = true;
    body.trailers = trailers;
    this.#pump();
  }

  onBodyFailed(failure: Failure): void {
    if (this.ended) return;
    this.#hold?.leave();
    this.#cancelRun();
    this.exchange.failure = failure;
    if (this.answerBegun) return this.#abort(failure);
    this.#finishWith(STATUS_OF[failure as keyof typeof STATUS_OF] ?? 400, bodyDetail(failure, this.exchange));
  }

  #pump(): void {
    const body = this.body;
    if (body === null) return;
    if (this.#waitingForBody && (body.complete || body.full)) {
      this.#waitingForBody = false;
      // HTTP/1.0 has no chunks, and without its end the body has no length.
      if (this.options.http10 && !body.complete) return this.#finishWith(411, BODY_WITHOUT_LENGTH);
      this.#renewGroup();
      this.nextPeer();
    } else {
      this.run?.pumpBody();
    }
    // Without a peer the exchange has just ended: the client's body is no more ours to hold.
    if (body.full && !this.ended) this.#holdBody();
  }

  #holdBody(): void {
    if (this.#bodyPaused) return;
    this.#bodyPaused = true;
    this.exchange.client.pauseBody();
  }

  /** The peer took what there was. */
  bodyFlowing(): void {
    if (!this.#bodyPaused || this.body === null || this.body.full) return;
    this.#bodyPaused = false;
    this.exchange.client.resumeBody();
  }

  // The client's side of the answer.

  onDrain(): void {
    this.run?.resumeAnswer();
  }

  onGone(why: Gone): void {
    if (this.ended) return;
    this.ended = true;
    if (why !== 'replaced') this.exchange.failure ??= why;
    this.#hold?.leave();
    this.#cancelRun();
  }

  /** A filter has put another answer in the place of the peer's. */
  replaced(): void {
    this.ended = true;
    this.#cancelRun('ok');
  }

  #cancelRun(outcome: Attempt['outcome'] = 'client_aborted'): void {
    const run = this.run;
    if (run === null) return;
    this.run = null;
    run.cancel();
    const now = systemClock.now();
    run.record.totalMs = now - run.record.startedAt;
    if (run.record.outcome === 'pending') run.record.outcome = outcome;
    // The client left: that says nothing about the peer.
    this.release(run, 'abandoned', now);
  }
}

/** Why a request's body was refused, with the limit that it was over. */
function bodyDetail(failure: Failure, { location }: Exchange): string {
  switch (failure) {
    case 'client_body_too_large':
      return `the body is larger than client_max_body_size (${location.client.maxBodyBytes} bytes)`;
    case 'client_body_timeout':
      return `the rest of the body did not come within client_body_timeout (${location.client.bodyTimeoutMs} ms)`;
    case 'client_body_malformed':
      return 'the chunked body is not valid';
    default:
      return '';
  }
}

const NO_PEERS: Peer[] = [];

const BODY_WITHOUT_LENGTH =
  'a chunked body larger than client_body_buffer_size cannot go to a peer over HTTP/1.0 (proxy_http_version)';
