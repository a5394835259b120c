// One try on one peer: a connection, and the back's stream on it. Knows times, counts what happens, hands the answer on, and reports to the
// Forward that started it. What the bytes mean is the back's (back/).
// A little past 300 lines: its phases share one connection, one time-out and one record.
import { CutLink } from '../answer/cut.ts';
import { passHead, REPLACED } from '../answer/head-pass.ts';
import type { AnswerTaker, BackStream, Step } from '../back/back.ts';
import type { Peer } from '../balance/peer.ts';
import type { Attempt } from '../exchange/attempt.ts';
import { ENOUGH, FLUSH, type Flow, GO, LAST, WAIT } from '../exchange/flow.ts';
import type { Seekable } from '../http/answer-head.ts';
import type { ResponseHead } from '../http/response-head.ts';
import { systemClock } from '../shared/clock.ts';
import { type AttemptFailure, CAUSE_OF, connectFailureOf, type Failure, sayLost } from '../shared/failure.ts';
import type { ConnectionOwner, PeerConnection } from '../upstream/connection.ts';
import type { AttemptHost, Try } from './attempt-host.ts';
import type { Pace } from './buffering/pace.ts';
import type { Spool } from './buffering/spool.ts';
import { Tunnel } from './tunnel.ts';

/** connecting → awaiting-head → relaying → done; any of them → done on failure. */
type Phase = 'connecting' | 'awaiting-head' | 'relaying' | 'done';

const EVENT_STREAM = /^text\/event-stream *(?:;|$)/i;

export class AttemptRun implements Try, ConnectionOwner, AnswerTaker {
  readonly #forward: AttemptHost;
  readonly peer: Peer;
  readonly record: Attempt;
  requestSent = false;
  released = false;
  #phase: Phase = 'connecting';
  #connection: PeerConnection | null = null;
  /** The request on the connection; null before it is written. */
  #stream: BackStream | null = null;
  #held = false;
  /** How fast the answer is read; null = as fast as it comes. */
  #pace: Pace | null = null;
  /** Bytes wait for the peer, and the time-out is for that. */
  #sending = false;
  /** When the bytes came that are being looked at. */
  #now = 0;

  constructor(forward: AttemptHost, peer: Peer, record: Attempt) {
    this.#forward = forward;
    this.peer = peer;
    this.record = record;
  }

  start(fresh: boolean): void {
    const { upstream, options } = this.#forward;
    if (upstream === null) return;
    const transport = options.transport === null ? null : options.transport(this.#forward.exchange);
    const connection =
      transport === null
        ? upstream.acquire(this.peer, this, fresh)
        : upstream.acquireOver(transport, this.peer, this, fresh);
    this.#connection = connection;
    if (connection.reused) {
      this.record.connectMs = 0;
      this.#send(connection);
    } else {
      connection.setTimeout(options.connectTimeoutMs);
    }
  }

  onPeerConnect(): void {
    const connection = this.#connection;
    if (connection === null) return;
    this.record.connectMs = systemClock.now() - this.record.startedAt;
    this.#send(connection);
  }

  #send(connection: PeerConnection): void {
    const forward = this.#forward;
    const { pull } = forward;
    this.#phase = 'awaiting-head';
    connection.requests++;
    const stream = forward.options.back.open(this, connection, forward.isUpgrade);
    this.#stream = stream;
    const sent = stream.send(forward.exchange, forward.framing, pull);
    if (sent === 0) return this.#fail('internal_error', stream.problem);
    this.requestSent = true;
    this.record.bytesSent += sent;
    this.#awaitPeer(connection);
    if (pull !== null && !pull.sent) this.pumpBody();
  }

  /** So much waits for the peer that nothing more should be sent until it has drained. */
  get mustWait(): boolean {
    return this.#connection?.mustWait ?? false;
  }

  /** Sends a piece of the request's body that need not be kept; false when it must be. */
  passBodyOn(buf: Buffer, from: number, to: number): boolean {
    const { stream: body } = this.#forward;
    const connection = this.#connection;
    const stream = this.#stream;
    if (body === null || connection === null || stream === null) return false;
    if (!stream.passOn(body, buf, from, to)) return false;
    this.#awaitPeer(connection);
    return true;
  }

  /** Until its answer begins a peer owes one of two things: to take what waits, counted from when it began to wait, or to answer. */
  #awaitPeer(connection: PeerConnection): void {
    if (this.#phase !== 'awaiting-head') return;
    const waits = connection.pendingBytes > 0;
    if (waits && this.#sending) return;
    this.#sending = waits;
    const { options } = this.#forward;
    connection.setTimeout(waits ? options.sendTimeoutMs : options.readTimeoutMs);
  }

  /** Sends what has come of the request's body. */
  pumpBody(): void {
    const { pull, stream: body } = this.#forward;
    const connection = this.#connection;
    const stream = this.#stream;
    if (pull === null || connection === null || stream === null || connection.mustWait) return;
    const flowing = stream.sendBody(pull);
    this.#awaitPeer(connection);
    if (flowing) body?.flow();
  }

  onPeerDrain(): void {
    if (this.#connection !== null) this.#awaitPeer(this.#connection);
    this.pumpBody();
  }

  onPeerData(buf: Buffer, length: number): void {
    const stream = this.#stream;
    if (stream === null) return;
    this.#now = systemClock.now();
    this.record.bytesReceived += length;
    const step = stream.take(buf, 0, length);
    // Writing may have shown that the client is gone.
    if (this.#phase !== 'done') this.#afterStep(step, stream);
  }

  // What the back reads.

  onInterim(head: ResponseHead): boolean {
    const { exchange, options } = this.#forward;
    options.takeHead(exchange, head);
    const passes = head.status !== 103 || options.earlyHints === null || options.earlyHints(exchange);
    if (!exchange.isSub && passes) exchange.client.informational(head.status, exchange.lines);
    exchange.lines = '';
    exchange.status = 0;
    return this.#phase === 'awaiting-head';
  }

  onSwitch(head: ResponseHead, buf: Buffer, from: number, to: number): void {
    const forward = this.#forward;
    const connection = this.#connection;
    if (connection === null) return;
    const { exchange } = forward;
    this.record.headMs = this.#now - this.record.startedAt;
    this.record.status = 101;
    this.record.outcome = 'ok';
    forward.options.takeHead(exchange, head);
    this.#phase = 'done';
    if (exchange.location.filters !== null) passHead(exchange, null, 'peer');
    exchange.setMaker(null);
    const { readTimeoutMs: idleMs, sendTimeoutMs: sendMs } = forward.options;
    const tunnel = new Tunnel(exchange, connection, { idleMs, sendMs }, () => {
      const now = systemClock.now();
      this.record.totalMs = now - this.record.startedAt;
      forward.attemptDone(this, now);
    });
    tunnel.begin(buf, from, to);
  }

  onHead(head: ResponseHead, bare: boolean, behind: number): boolean {
    const forward = this.#forward;
    const { exchange } = forward;
    exchange.peerTrailers = '';
    this.record.headMs = this.#now - this.record.startedAt;
    this.record.status = head.status;
    if (head.status >= 400) {
      const failure: Failure = `http_${head.status}`;
      if (forward.passesOver(failure)) {
        this.#fail(failure, `the peer answered ${head.status}`);
        return false;
      }
    }
    if (forward.tap?.takes(head) === true) {
      forward.taken();
      return false;
    }
    if (forward.options.intercepts?.has(head.status) === true) {
      forward.intercept(head);
      return false;
    }
    if (head.accelerated && forward.obey(head)) return false;
    forward.options.takeHead(exchange, head);
    exchange.length = head.chunked || head.status === 204 ? -1 : head.contentLength;
    // A client that asked for a body gets an empty one: the peer's length would let it wait for more.
    if (bare && exchange.method !== 'HEAD') exchange.length = 0;
    const looks =
      exchange.location.filters !== null || forward.options.seekPeer !== null || forward.tap !== null;
    if (looks && !forward.detached && !this.#passHead(head)) {
      forward.replaced();
      return false;
    }
    if (forward.tap !== null) forward.beginTap(head);
    this.#phase = 'relaying';
    this.record.headBytes = this.record.bytesReceived - behind;
    this.#pace = forward.pace;
    this.#connection?.setTimeout(forward.options.readTimeoutMs);
    return true;
  }

  /** False: another answer took the place of the peer's. */
  #passHead(head: ResponseHead): boolean {
    const forward = this.#forward;
    const { exchange } = forward;
    // Events are there to be seen at once: they must not stick in a filter.
    if (EVENT_STREAM.test(head.get('content-type') ?? '')) forward.flush = FLUSH;
    const passed = passHead(exchange, this.#seek(head, exchange.length), 'peer');
    if (passed === REPLACED) return false;
    if (typeof passed === 'number') return true;
    const [range] = passed;
    if (typeof range === 'object') exchange.prepend(new CutLink(exchange, exchange.sink, range));
    return true;
  }

  #seek(head: ResponseHead, length: number): Seekable | null {
    const { options, tap } = this.#forward;
    const seek = tap === null ? null : tap.seek(head, length);
    return seek !== null || options.seekPeer === null ? seek : options.seekPeer(head);
  }

  onPiece(buf: Buffer | null, from: number, to: number, last: boolean): Flow {
    const forward = this.#forward;
    const { exchange, tap } = forward;
    if (tap !== null && buf !== null && from < to) tap.write(buf, from, to);
    if (last) this.#answerComplete();
    if (forward.detached) return GO;
    if (forward.spool !== null) return this.#store(forward.spool, buf, from, to, last);
    const flags = last ? LAST | forward.flush : forward.flush;
    let flow: Flow = GO;
    if (!forward.answerBegun) {
      flow = exchange.sink.start(forward, exchange, from < to ? buf : null, from, to, flags);
      forward.answerBegun = true;
    } else if (buf !== null && from < to) {
      flow = exchange.sink.write(forward, buf, from, to, flags);
    } else if (last) {
      exchange.sink.finish(forward, '');
    }
    if (this.#phase === 'done') return ENOUGH;
    return flow === WAIT && !last && forward.beginSpool() ? GO : flow;
  }

  #store(spool: Spool, buf: Buffer | null, from: number, to: number, last: boolean): Flow {
    const flow = buf === null ? GO : spool.take(buf, from, to);
    if (last) spool.finish('');
    return this.#phase === 'done' ? ENOUGH : flow;
  }

  onTrailers(lines: string): void {
    const { exchange, spool, options } = this.#forward;
    exchange.peerTrailers = lines;
    this.#answerComplete();
    if (this.#forward.detached) return;
    const passed = options.takeTrailers === null ? '' : options.takeTrailers(lines);
    if (spool === null) exchange.sink.finish(this.#forward, passed);
    else spool.finish(passed);
  }

  onSaid(text: string): void {
    const { exchange, options } = this.#forward;
    options.log.note(exchange, 'error', `FastCGI sent in stderr: "${text}"`, options.sentTo);
  }

  /** Before the last byte goes to the client, which may end and log the exchange. */
  #answerComplete(): void {
    this.record.totalMs = this.#now - this.record.startedAt;
    this.record.outcome = 'ok';
    // Whoever asks for it next finds it.
    this.#forward.tap?.end(true);
    this.#forward.release(this, 'ok', this.#now);
  }

  #afterStep(step: Step, stream: BackStream): void {
    const connection = this.#connection;
    if (connection === null) return;
    switch (step) {
      case 'more':
        if (this.#pace !== null) return this.#keepPace(this.#pace, connection);
        connection.setTimeout(this.#forward.options.readTimeoutMs);
        return;
      case 'held':
        this.#held = true;
        connection.pause();
        connection.setTimeout(0);
        return;
      case 'malformed':
        return this.#fail(this.#phase === 'relaying' ? 'body_truncated' : 'malformed_head', stream.problem);
      case 'refused':
        // It may go to another peer whatever its method.
        this.requestSent = false;
        return this.#fail('peer_refused', stream.problem);
      case 'stopped':
        return;
      default:
        return this.#complete(step === 'complete');
    }
  }

  #keepPace(pace: Pace, connection: PeerConnection): void {
    const ms = pace.waitMs(this.record.bytesReceived);
    connection.setTimeout(ms === 0 ? this.#forward.options.readTimeoutMs : 0);
    if (ms === 0) return;
    this.#held = true;
    connection.pause();
    pace.wait(ms, () => this.resumeAnswer());
  }

  /** The client drained. */
  resumeAnswer(): void {
    if (!this.#held || this.#connection === null) return;
    this.#held = false;
    this.#connection.setTimeout(this.#forward.options.readTimeoutMs);
    this.#connection.resume();
  }

  #complete(clean: boolean): void {
    const connection = this.#connection;
    const forward = this.#forward;
    if (connection === null) return;
    this.#phase = 'done';
    this.#connection = null;
    const requestDone =
      (forward.pull === null || forward.pull.sent) && connection.pendingBytes === 0 && !connection.sendFailed;
    const stream = this.#stream;
    if (clean && requestDone && stream?.reusable === true) {
      forward.upstream?.release(connection, stream.idleMs);
    } else {
      connection.finish(forward.options.sendTimeoutMs);
    }
    forward.attemptDone(this, this.#now);
  }

  onPeerEnd(): void {
    this.#now = systemClock.now();
    if (this.#phase === 'relaying' && this.#stream?.peerEnded() === true) return this.#complete(false);
    this.#lost();
  }

  onPeerClosed(error: NodeJS.ErrnoException | null): void {
    this.#lost(error);
  }

  /** The connection ended where it should not have. */
  #lost(error: NodeJS.ErrnoException | null = null): void {
    const kind = this.#lostKind(error);
    this.#fail(kind, sayLost(kind, error));
  }

  /** The cause, with the directives of the family. */
  #causeOf(kind: AttemptFailure): string {
    const { family } = this.#forward.options.back;
    return CAUSE_OF[kind].replace('proxy_', `${family}_`);
  }

  onBug(): void {
    this.#fail('internal_error', CAUSE_OF.internal_error);
  }

  #lostKind(error: NodeJS.ErrnoException | null): AttemptFailure {
    if (this.#phase === 'relaying') return 'body_truncated';
    if (this.#phase === 'connecting') return connectFailureOf(error?.code);
    return this.#connection?.reused === true && this.record.bytesReceived === 0
      ? 'reset_on_reuse'
      : 'reset_before_head';
  }

  onPeerTimeout(): void {
    const connection = this.#connection;
    if (this.#phase === 'connecting') return this.#fail('connect_timeout', this.#causeOf('connect_timeout'));
    const sending = connection !== null && connection.pendingBytes > 0;
    // While the body still comes, from the client or from a file, the peer owes no answer: the client's own time-out watches that.
    if (!sending && this.#forward.pull !== null && !this.#forward.pull.sent) {
      connection?.setTimeout(this.#forward.options.readTimeoutMs);
      return;
    }
    const kind = this.#phase === 'relaying' ? 'body_timeout' : sending ? 'send_timeout' : 'head_timeout';
    this.#fail(kind, this.#causeOf(kind));
  }

  #fail(failure: Failure, detail: string): void {
    if (this.#phase === 'done') return;
    this.cancel();
    this.#forward.attemptFailed(this, failure, detail);
  }

  /** Ends the connection; nobody waits for the answer any more. */
  cancel(): void {
    this.#phase = 'done';
    this.#pace?.stop();
    this.#connection?.destroy();
    this.#connection = null;
    this.#stream?.end();
  }
}
