// The attempt loop of a proxied exchange: pick a peer, try it, and on failure ask whether another may be tried.
// What happens on one connection is attempt.ts; what a failure allows is next-upstream.ts.
// Past 300 lines: the body, a cache's tap, the client and the attempts each call back here, and all of them end the same exchange.
import type { BodyFraming } from '../back/back.ts';
import type { BalanceKey } from '../balance/balancer.ts';
import type { Outcome } from '../balance/group.ts';
import type { Peer } from '../balance/peer.ts';
import { sayProcess, sayProcesses } from '../balance/process-port.ts';
import { TextPull } from '../body/pulls.ts';
import { EMPTY_BODY, readWholeBody, refuseBody } from '../body/stored-body.ts';
import { type StreamedBody, type StreamOwner, streamBody } from '../body/streamed-body.ts';
import { Attempt } from '../exchange/attempt.ts';
import type { Exchange, Handler } from '../exchange/exchange.ts';
import { FLUSH, type Gone } from '../exchange/flow.ts';
import type { BodyOwner, BodyPull, RequestBody } from '../http/body-pull.ts';
import type { ResponseHead } from '../http/response-head.ts';
import { systemClock } from '../shared/clock.ts';
import { type AttemptFailure, CAUSE_OF, type Failure, STATUS_OF } from '../shared/failure.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { carryFields, enterAccelRedirect, obeyAccel } from './accel.ts';
import type { AnswerTap } from './answer-tap.ts';
import { AttemptRun } from './attempt.ts';
import type { AttemptHost, Try } from './attempt-host.ts';
import { Pace } from './buffering/pace.ts';
import { Spool, type SpoolOwner } from './buffering/spool.ts';
import type { ForwardOptions } from './forward-options.ts';
import { type Held, Hold } from './hold.ts';
import { blamesPeer, cutsOffPeer, decideRetry, isFreeRetry, type Progress } from './next-upstream.ts';

export function createForward(options: ForwardOptions): Handler {
  return (exchange) => new Forward(exchange, options).begin();
}

/** Among the protocols that a client offers (RFC 9110 §7.8); all others stay behind. */
const WEBSOCKET = /(?:^|,)[ \t]*websocket[ \t]*(?:,|$)/i;

/** HTTP/2 behind a 101 would pass requests that nobody here sees. */
const H2C = /\bh2c\b/i;

const NONE: BodyFraming = { kind: 'none' };
const EMPTY: BodyFraming = { kind: 'length', bytes: 0 };
const CHUNKED: BodyFraming = { kind: 'chunked' };

/** One proxied exchange: what outlives its attempts. */
export class Forward implements AttemptHost, BodyOwner, StreamOwner, SpoolOwner, Held {
  readonly exchange: Exchange;
  readonly options: ForwardOptions;
  stream: StreamedBody | null = null;
  pull: BodyPull | null = null;
  upstream: Upstream | null = null;
  run: AttemptRun | null = null;
  #tried: Peer[] = NO_PEERS;
  #tries = 0;
  #startedAt = 0;
  /** What a choice may depend on: the client, and a key where the group's method needs one. */
  #key: BalanceKey;
  /** An attempt of this forward was made: the last one of the exchange is its own. */
  #attempted = false;
  /** The present attempt's body where proxy_set_body gives it. */
  #ownText = '';
  /** Made when it first has to wait for a process. */
  #hold: Hold | null = null;
  ended = false;
  answerBegun = false;
  /** Where the answer waits for a client that is slower than the peer; null while it is not. */
  spool: Spool | null = null;
  /** Pieces of the answer must not stick in filters: FLUSH, or 0. */
  flush = 0;
  #buffers = false;
  readonly tap: AnswerTap | null;
  detached = false;

  constructor(exchange: Exchange, options: ForwardOptions, tap: AnswerTap | null = null) {
    this.tap = tap;
    this.exchange = exchange;
    this.options = options;
    // Of a location before this one, whose error_page led here.
    if (exchange.cached !== null && (exchange.cached as unknown) !== tap) exchange.cached = null;
    this.#key = exchange;
    this.buffer(options.buffering);
  }

  get survivesHalfClose(): boolean {
    return this.options.ignoreClientAbort || this.tap?.outlives === true;
  }

  get isUpgrade(): boolean {
    const r = this.exchange.request;
    if (r.upgradeAt < 0 || r.minor === 0 || r.hasBody || this.exchange.isSub) return false;
    const { upgrade } = this.options;
    if (upgrade !== null) {
      const protocol = upgrade(this.exchange);
      return protocol !== '' && !H2C.test(protocol);
    }
    return r.upgradeRequested && r.method === 'GET' && WEBSOCKET.test(r.value(r.upgradeAt));
  }

  begin(): void {
    const { exchange } = this;
    const { upstream: target } = this.options;
    exchange.setMaker(this);
    if (typeof target !== 'function') return this.#beginWith(target, exchange.startedAt);
    target(exchange, (upstream, detail, failure) => {
      if (this.ended) return;
      if (upstream === undefined) return this.#giveUp(failure ?? 'unresolved', detail);
      this.#beginWith(upstream, systemClock.now());
    });
  }

  #beginWith(upstream: Upstream, now: number): void {
    const { exchange } = this;
    this.upstream = upstream;
    if (upstream.group.isKeyed)
      this.#key = {
        remoteAddress: exchange.remoteAddress,
        hashKey: this.options.hashKey(exchange, upstream),
      };
    exchange.tellsProxyHost = this.options.isProxy;
    // After an internal redirect it may be another than before.
    if (this.options.authority !== '') {
      exchange.proxyHost = this.options.authority;
      exchange.proxySecure = this.options.secure;
    }
    const { request } = exchange;
    // A subrequest has the main exchange's head; what there is of a body it was given.
    if (exchange.isSub) return this.nextPeer(now);
    if (exchange.bodyRefused) exchange.body ??= EMPTY_BODY;
    if (!request.hasBody) {
      // Whoever asks for a 100 gets it, also for nothing (ngx_http_test_expect).
      exchange.sayContinue();
      if (request.contentLength < 0) return this.nextPeer(now);
      // With client_body_in_file_only an empty body makes a file, too.
      if (this.options.body.fileOnly === 'off') exchange.body ??= EMPTY_BODY;
    }
    this.#beginBody();
  }

  #beginBody(): void {
    const { exchange, options } = this;
    if (exchange.body !== null) return this.#useBody(exchange.body);
    // HTTP/1.0 has no chunks: without its end the body has no length.
    if (!options.streamsBody || (options.needsLength && exchange.request.chunked))
      return readWholeBody(exchange, options.body, this);
    this.stream = streamBody(exchange, options.body.memoryBytes, this);
    if (!this.ended) this.nextPeer();
  }

  /** It was read before, by whoever had the exchange then. */
  #useBody(body: RequestBody): void {
    if (body.complete && body.replayable) return this.nextPeer();
    this.#finishWith(500, BODY_GONE);
  }

  get framing(): BodyFraming {
    const { exchange, options, pull } = this;
    const { request, body } = exchange;
    if (options.ownBody !== null) return { kind: 'length', bytes: this.#ownText.length };
    // Also where the body is not passed on, and to subrequests (nginx: content_length_n).
    if (pull === null) return isEmptyBody(exchange) ? EMPTY : NONE;
    if (exchange.bodyRefused) return { kind: 'length', bytes: 0 };
    if (!request.chunked) return { kind: 'length', bytes: request.contentLength };
    if (body === null || !body.complete || !body.replayable) return CHUNKED;
    return this.stream === null || body.trailers === '' || options.needsLength
      ? { kind: 'length', bytes: body.received }
      : CHUNKED;
  }

  #pullBody(): BodyPull | null {
    const { exchange, options } = this;
    if (options.ownBody === null) return options.passBody ? (exchange.body?.pull(this) ?? null) : null;
    this.#ownText = options.ownBody(exchange);
    return new TextPull(this.#ownText);
  }

  /** Starts the next attempt, or ends the exchange when no peer is left. */
  nextPeer(now = systemClock.now()): void {
    const { upstream } = this;
    if (upstream === null) return;
    if (this.#startedAt === 0) this.#startedAt = now;
    const peer = upstream.group.pick(this.#key, this.#tried, now);
    if (peer === undefined) return this.#noPeer();
    this.#tries++;
    this.attempt(peer, false, now);
  }

  attempt(peer: Peer, fresh: boolean, now: number): void {
    const record = new Attempt(peer.name, now, this.upstream?.name);
    this.#record(record);
    this.pull?.end();
    this.pull = this.#pullBody();
    this.begun(peer, record, fresh);
  }

  /** All is ready for an attempt on the peer, which the group counts already. */
  protected begun(peer: Peer, record: Attempt, fresh: boolean): void {
    this.run = new AttemptRun(this, peer, record);
    this.run.start(fresh);
  }

  #record(attempt: Attempt): void {
    attempt.opensGroup = !this.#attempted && this.exchange.attempts.length > 0;
    this.#attempted = true;
    this.exchange.beginAttempt(attempt);
  }

  #noPeer(): void {
    if (this.options.holdMs > 0 && this.#holding().await()) return;
    const last = this.#attempted ? this.exchange.attempts.at(-1) : undefined;
    if (last === undefined) return this.failHeld('no_live_peer', CAUSE_OF.no_live_peer);
    last.noRetry = 'no peer left';
    const kind = last.outcome as Failure;
    if (kind.startsWith('http_'))
      return this.#isRescued(kind) ? undefined : this.#finishWith(Number(kind.slice(5)), '');
    this.#giveUp(kind as AttemptFailure, CAUSE_OF[kind as AttemptFailure] ?? '');
  }

  // Waiting for a process.

  #holding(): Hold {
    this.#hold ??= new Hold(this);
    return this.#hold;
  }

  pickAnew(now: number): Peer | undefined {
    this.#renewGroup();
    this.#tried = NO_PEERS;
    const peer = this.upstream?.group.pick(this.#key, NO_PEERS, now);
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
    const group = this.upstream?.name ?? '';
    const record = new Attempt(group, systemClock.now(), group);
    record.outcome = failure;
    record.noRetry = 'no peer left';
    this.#record(record);
    this.options.log.attemptFailed(this.exchange, record, detail + this.#processNote(), this.options.sentTo);
    this.#giveUp(failure, detail);
  }

  endHeld(): void {
    this.ended = true;
    this.exchange.setMaker(null);
    this.exchange.failure = 'no_live_peer';
  }

  /** What became of the processes that do not serve; '' where all do. */
  #processNote(): string {
    const processes = this.upstream?.group.processes.filter(({ up }) => !up) ?? [];
    return processes.length === 0 ? '' : `; ${sayProcesses(processes, Date.now())}`;
  }

  progress(requestSent: boolean): Progress {
    return {
      method: this.exchange.method,
      answerStarted: this.answerBegun,
      requestSent,
      bodyReplayable: this.stream === null || this.stream.replayable,
      tries: this.#tries,
      elapsedMs: systemClock.now() - this.#startedAt,
    };
  }

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

  attemptFailed(run: Try, failure: AttemptFailure | Failure, detail: string): void {
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

  #tellFailure({ peer, record }: Try, detail: string): void {
    const { process } = peer;
    const note = process === null || process.up ? '' : `; ${sayProcess(process, Date.now())}`;
    this.options.log.attemptFailed(this.exchange, record, detail + note, this.options.sentTo);
  }

  /** All were tried, and one of them may be back in a moment. */
  #waitsAfter(run: Try, failure: Failure, detail: string): boolean {
    if (this.options.holdMs === 0 || !this.#holding().awaitAfter(failure, run.requestSent, detail))
      return false;
    this.#tellFailure(run, detail);
    return true;
  }

  attemptDone(run: Try, now: number): void {
    this.ended = true;
    this.run = null;
    this.pull?.end();
    this.release(run, 'ok', now);
    this.#letGo();
  }

  /** Nobody but the tap was left to want the answer. */
  #letGo(): void {
    if (!this.detached) return;
    this.detached = false;
    this.exchange.unhold();
    this.exchange.main.unhold();
  }

  release(run: Try, outcome: Outcome, now: number): void {
    if (run.released) return;
    run.released = true;
    const { upstream } = this;
    if (upstream === null) return;
    upstream.group.release(run.peer, outcome, now);
    if (upstream.waiting !== null && outcome === 'ok') upstream.waiting.onRoom();
  }

  #giveUp(failure: AttemptFailure, detail: string): void {
    if (this.#isRescued(failure)) return;
    this.exchange.failure = failure;
    const peer = (this.#attempted ? this.exchange.attempts.at(-1)?.peer : undefined) ?? '';
    const where = peer === '' ? this.exchange.proxyHost : `${peer} of ${this.exchange.proxyHost}`;
    this.#finishWith(STATUS_OF[failure] ?? 502, `${where}: ${detail}${this.#processNote()}`);
  }

  /** What is stored is better than nothing. */
  #isRescued(failure: Failure): boolean {
    const { tap } = this;
    if (
      tap === null ||
      this.ended ||
      failure === 'unresolved' ||
      failure === 'no_target' ||
      !tap.rescues(failure)
    )
      return false;
    this.ended = true;
    if (this.detached) this.#endDetached();
    else tap.answer();
    return true;
  }

  #endDetached(): void {
    this.tap?.end(false);
    this.#letGo();
  }

  #finishWith(status: number, detail: string): void {
    this.ended = true;
    this.tap?.gaveUp(status);
    this.tap?.end(false);
    if (this.detached) return this.#letGo();
    this.exchange.location.fail(this.exchange, status, detail);
  }

  #abort(failure: Failure): void {
    this.ended = true;
    this.tap?.end(false);
    if (this.detached) return this.#letGo();
    if (this.spool === null) this.exchange.sink.abort(this, failure);
    else this.spool.abort(failure);
  }

  // Buffering.

  /** Of the answer that is about to begin. */
  buffer(isOn: boolean): void {
    this.#buffers = isOn;
    this.flush = isOn ? 0 : FLUSH;
  }

  /** The client does not keep up: false, and the peer waits for it. */
  beginSpool(): boolean {
    if (!this.#buffers) return false;
    this.spool = new Spool(this.exchange, this.options.spool, this);
    return true;
  }

  /** X-Accel- fields of the peer's answer; true: it goes no further, another location answers. */
  obey(head: ResponseHead): boolean {
    const { exchange, options } = this;
    const target = obeyAccel(head, this, options.ignoreHeaders);
    if (target === '') return false;
    exchange.peerHead = head.text;
    carryFields(exchange, head, options);
    this.replaced();
    if (!enterAccelRedirect(exchange, target))
      exchange.location.fail(
        exchange,
        404,
        `the peer's X-Accel-Redirect "${target}" is no path of this server`,
      );
    return true;
  }

  /** How fast the answer may be read; null = as fast as it comes. */
  get pace(): Pace | null {
    const { limitRateBytes } = this.options;
    return this.#buffers && limitRateBytes > 0 ? new Pace(limitRateBytes) : null;
  }

  onSpoolNote(level: 'warn' | 'error', message: string): void {
    this.options.log.note(this.exchange, level, message, this.options.sentTo);
  }

  // The request's body.

  onBodyWhole(): void {
    if (this.ended) return;
    this.#renewGroup();
    this.nextPeer();
  }

  onBodyMore(): void {
    this.run?.pumpBody();
  }

  passBodyOn(buf: Buffer, from: number, to: number): boolean {
    return this.run?.passBodyOn(buf, from, to) === true;
  }

  get peerMustWait(): boolean {
    return this.run?.mustWait === true;
  }

  onBodyFailed(failure: Failure, detail: string): void {
    if (this.ended) return;
    this.#hold?.leave();
    this.#cancelRun();
    this.exchange.failure = failure;
    if (this.answerBegun) return this.#abort(failure);
    if (failure === 'client_body_too_large') refuseBody(this.exchange);
    this.#finishWith(STATUS_OF[failure as keyof typeof STATUS_OF] ?? 400, detail);
  }

  onBodyLost(detail: string): void {
    this.onBodyFailed('client_body_not_stored', detail);
  }

  // The client's side of the answer.

  onDrain(): void {
    this.run?.resumeAnswer();
  }

  onGone(why: Gone): void {
    if (this.ended || this.detached) return;
    if (this.tap?.outlives === true && this.#hasBody()) return this.#detach(why);
    this.ended = true;
    this.tap?.end(false);
    if (why !== 'replaced') this.exchange.failure ??= why;
    this.#hold?.leave();
    this.#cancelRun();
  }

  /** All of the request is here: nobody sends the rest of it now. */
  #hasBody(): boolean {
    const { isSub, request, body, bodyRefused } = this.exchange;
    return isSub || bodyRefused || !request.hasBody || body?.complete === true;
  }

  /** The exchange lives on behind its end until the tap has the answer. */
  #detach(why: Gone): void {
    if (why !== 'replaced') this.exchange.failure ??= why;
    this.detached = true;
    this.exchange.hold();
    // A subrequest reads the head of its main exchange.
    this.exchange.main.hold();
    this.spool = null;
    this.run?.resumeAnswer();
  }

  beginTap(head: ResponseHead): void {
    this.tap?.begin(head, this.#buffers);
  }

  taken(): void {
    const isDetached = this.detached;
    this.#endRun();
    if (isDetached) this.#letGo();
    else this.tap?.answer();
  }

  intercept(head: ResponseHead): void {
    const { status } = head;
    this.tap?.intercepted(status);
    this.tap?.end(false);
    if (this.detached) return this.taken();
    this.exchange.peerHead = head.text;
    let lines = '';
    for (let i = 0; status === 401 && i < head.count; i++)
      if (head.named(i, 'www-authenticate')) lines += `${head.name(i)}: ${head.value(i)}\r\n`;
    this.replaced();
    this.exchange.location.fail(this.exchange, status, '', lines);
  }

  replaced(): void {
    this.tap?.end(false);
    this.#endRun();
  }

  #endRun(): void {
    this.ended = true;
    this.#cancelRun('ok');
  }

  #cancelRun(outcome: Attempt['outcome'] = 'client_aborted'): void {
    this.pull?.end();
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

/** It is said to be empty, or was in the end. */
function isEmptyBody({ request, main, bodyRefused }: Exchange): boolean {
  const { body } = main;
  if (!request.hasBody) return request.contentLength === 0;
  // Also where the first chunk was too large.
  return bodyRefused || (request.chunked && body?.received === 0);
}

const NO_PEERS: Peer[] = [];

const BODY_GONE =
  'the body was passed on while it came and cannot be sent once more (proxy_request_buffering off)';
