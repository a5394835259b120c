// One try on one peer: connection, request, head of the answer, body. Reports to the Forward that started it.
// A little past 300 lines: its phases share one connection, one time-out and one record.
import { passHead, REPLACED } from '../answer/head-pass.ts';
import type { Peer } from '../balance/peer.ts';
import { type Attempt, FLUSH } from '../exchange.ts';
import { MALFORMED, NEED_MORE } from '../http/request-head.ts';
import { parseResponseHead, type ResponseHead, responseFraming } from '../http/response-head.ts';
import { copyOf, INLINE_BODY_BYTES } from '../shared/buffers.ts';
import { systemClock } from '../shared/clock.ts';
import { type AttemptFailure, CAUSE_OF, connectFailureOf, type Failure, sayLost } from '../shared/failure.ts';
import { joined } from '../shared/joined.ts';
import type { ConnectionOwner, PeerConnection } from '../upstream/connection.ts';
import type { Forward } from './forward.ts';
import { Relay, type RelayObserver, type RelayStep } from './relay.ts';
import { Tunnel } from './tunnel.ts';

/** Interim answers that a peer may send before the final one. */
const MAX_INFORMATIONAL = 16;

/** connecting → awaiting-head → relaying → done; any of them → done on failure. */
type Phase = 'connecting' | 'awaiting-head' | 'relaying' | 'done';

const EVENT_STREAM = /^text\/event-stream *(?:;|$)/i;

/** What is streamed to be seen at once must not stick in a filter (nginx: proxy_buffering, X-Accel-Buffering). */
function pieceFlagsOf(head: ResponseHead, holds: boolean): number {
  const told = head.get('x-accel-buffering')?.toLowerCase();
  if (told === 'yes') return 0;
  if (told === 'no' || !holds) return FLUSH;
  return EVENT_STREAM.test(head.get('content-type') ?? '') ? FLUSH : 0;
}

export class AttemptRun implements ConnectionOwner, RelayObserver {
  readonly #forward: Forward;
  readonly peer: Peer;
  readonly record: Attempt;
  /** A byte of the request was handed to the socket. */
  requestSent = false;
  /** The group counts it no more. */
  released = false;
  #phase: Phase = 'connecting';
  #connection: PeerConnection | null = null;
  /** Bytes of a head that has no end yet. */
  #partial: Buffer | null = null;
  #scanned = 0;
  #informational = 0;
  #relay: Relay | null = null;
  #chunked = false;
  #held = false;
  /** Bytes wait for the peer, and the time-out is for that. */
  #sending = false;
  #upgrade = false;
  /** When the bytes came that are being looked at. */
  #now = 0;
  /** What went out is a HEAD, whatever the client sent (proxy_method): its answer has no body. */
  #headOnly = false;

  constructor(forward: Forward, peer: Peer, record: Attempt) {
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
    this.#phase = 'awaiting-head';
    connection.requests++;
    const framing = forward.framing;
    this.#chunked = framing.kind === 'chunked';
    this.#upgrade = forward.isUpgrade;
    let head = forward.options.writeHead(forward.exchange, framing, this.#upgrade);
    const small = this.#chunked ? null : (forward.pull?.takeWhole(INLINE_BODY_BYTES) ?? null);
    if (small !== null) head += small;
    this.#headOnly = head.startsWith('HEAD ');
    this.requestSent = true;
    this.record.bytesSent += head.length;
    connection.writeText(head);
    this.#awaitPeer(connection);
    if (forward.pull !== null && small === null) this.pumpBody();
  }

  /** So much waits for the peer that nothing more should be sent until it has drained. */
  get mustWait(): boolean {
    return this.#connection?.mustWait ?? false;
  }

  /** Sends a piece of the request's body that need not be kept; false when it must be. */
  passBodyOn(buf: Buffer, from: number, to: number): boolean {
    const { stream } = this.#forward;
    const connection = this.#connection;
    if (stream === null || connection === null || this.#phase === 'connecting' || this.#phase === 'done')
      return false;
    if (!stream.passOn(connection, buf, from, to, this.#chunked)) return false;
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
    const { pull, stream } = this.#forward;
    const connection = this.#connection;
    if (pull === null || connection === null || this.#phase === 'connecting' || this.#phase === 'done')
      return;
    if (connection.mustWait) return;
    const flowing = pull.sendTo(connection, this.#chunked);
    this.#awaitPeer(connection);
    if (flowing) stream?.flow();
  }

  onPeerDrain(): void {
    if (this.#connection !== null) this.#awaitPeer(this.#connection);
    this.pumpBody();
  }

  onPeerData(buf: Buffer, length: number): void {
    this.#now = systemClock.now();
    this.record.bytesReceived += length;
    if (this.#phase === 'awaiting-head') this.#onHeadBytes(buf, length);
    else if (this.#phase === 'relaying') this.#onBodyBytes(buf, 0, length);
  }

  #onHeadBytes(buf: Buffer, length: number): void {
    let bytes = buf;
    let end = length;
    if (this.#partial !== null) {
      bytes = joined(this.#partial, 0, buf, length);
      end = bytes.length;
      this.#partial = null;
    }
    let start = 0;
    // Interim answers may stand in front of the final one.
    while (start >= 0 && this.#phase === 'awaiting-head') start = this.#parseHead(bytes, start, end);
    // What was read is only lent; what was joined is ours.
    if (bytes === buf) this.#ownPartial();
  }

  #ownPartial(): void {
    const partial = this.#partial;
    if (partial !== null) this.#partial = copyOf(partial, 0, partial.length);
  }

  /** Reads one head from `bytes[start, end)`; the offset after an interim answer, or -1 when there is nothing more to do. */
  #parseHead(bytes: Buffer, start: number, end: number): number {
    const connection = this.#connection;
    if (connection === null) return -1;
    const range = { start, end, scanned: this.#scanned };
    const after = parseResponseHead(connection.head, bytes, range, this.#forward.options.headLimits);
    if (after === NEED_MORE) {
      this.#partial = bytes.subarray(start, end);
      this.#scanned = end - start;
      connection.setTimeout(this.#forward.options.readTimeoutMs);
      return -1;
    }
    this.#scanned = 0;
    if (after === MALFORMED) {
      this.#fail('malformed_head', `${CAUSE_OF.malformed_head}: ${connection.head.problem}`);
      return -1;
    }
    if (connection.head.status < 200) return this.#onInterim(bytes, after, end);
    this.#onHead(bytes, after, end);
    return -1;
  }

  #onInterim(bytes: Buffer, after: number, end: number): number {
    const forward = this.#forward;
    const connection = this.#connection;
    if (connection === null) return -1;
    const { head } = connection;
    if (head.status === 101) {
      this.#onSwitch(bytes, after, end);
      return -1;
    }
    if (++this.#informational > MAX_INFORMATIONAL) {
      this.#fail('malformed_head', 'the peer sent too many interim answers');
      return -1;
    }
    connection.setTimeout(forward.options.readTimeoutMs);
    // The client was answered its Expect by us; any other interim answer is for it.
    if (head.status !== 100) {
      forward.options.takeHead(forward.exchange, head);
      forward.exchange.client.informational(head.status, forward.exchange.lines);
      forward.exchange.lines = '';
      forward.exchange.status = 0;
    }
    return after < end ? after : -1;
  }

  #onSwitch(bytes: Buffer, after: number, end: number): void {
    const forward = this.#forward;
    const connection = this.#connection;
    if (connection === null) return;
    const { head } = connection;
    if (!this.#upgrade || head.upgradeAt < 0 || head.value(head.upgradeAt).toLowerCase() !== 'websocket') {
      this.#fail('malformed_head', 'the peer switched protocols without being asked');
      return;
    }
    this.record.headMs = this.#now - this.record.startedAt;
    this.record.status = 101;
    this.record.outcome = 'ok';
    forward.options.takeHead(forward.exchange, head);
    forward.exchange.lines += `Upgrade: ${head.value(head.upgradeAt)}\r\n`;
    this.#phase = 'done';
    if (forward.exchange.location.filters !== null) passHead(forward.exchange, null);
    forward.exchange.setMaker(null);
    const { readTimeoutMs: idleMs, sendTimeoutMs: sendMs } = forward.options;
    const tunnel = new Tunnel(forward.exchange, connection, { idleMs, sendMs }, () => {
      const now = systemClock.now();
      this.record.totalMs = now - this.record.startedAt;
      forward.attemptDone(this, now);
    });
    tunnel.begin(bytes, after, end);
  }

  #onHead(bytes: Buffer, after: number, end: number): void {
    const forward = this.#forward;
    const connection = this.#connection;
    if (connection === null) return;
    const { exchange } = forward;
    const { head } = connection;
    this.record.headMs = this.#now - this.record.startedAt;
    this.record.status = head.status;
    if (head.status >= 400) {
      const failure: Failure = `http_${head.status}`;
      if (forward.passesOver(failure)) return this.#fail(failure, `the peer answered ${head.status}`);
    }
    if (forward.options.intercepts?.has(head.status) === true) return forward.intercept(head);
    const framing = responseFraming(head, this.#headOnly ? 'HEAD' : 'GET');
    forward.options.takeHead(exchange, head);
    exchange.length = head.chunked || head.status === 204 ? -1 : head.contentLength;
    // A client that asked for a body gets an empty one: the peer's length would let it wait for more.
    if (this.#headOnly && exchange.method !== 'HEAD') exchange.length = 0;
    if (exchange.location.filters !== null)
      forward.pieceFlags = pieceFlagsOf(head, forward.options.holdsAnswer);
    if (exchange.location.filters !== null && passHead(exchange, null) === REPLACED)
      return forward.replaced();
    this.#phase = 'relaying';
    connection.setTimeout(forward.options.readTimeoutMs);
    this.#relay = new Relay(forward, connection, framing, this);
    this.#onBodyBytes(bytes, after, end);
  }

  #onBodyBytes(buf: Buffer, from: number, to: number): void {
    const relay = this.#relay;
    if (relay === null) return;
    const step = relay.take(buf, from, to);
    // Writing may have shown that the client is gone.
    if (this.#phase === 'relaying') this.#afterStep(step);
  }

  #afterStep(step: RelayStep): void {
    const connection = this.#connection;
    if (connection === null) return;
    switch (step) {
      case 'more':
        connection.setTimeout(this.#forward.options.readTimeoutMs);
        return;
      case 'held':
        this.#held = true;
        connection.pause();
        connection.setTimeout(0);
        return;
      case 'malformed':
        return this.#fail('body_truncated', 'the peer sent a chunked body that is not valid');
      default:
        return this.#complete(step === 'complete');
    }
  }

  /** The client drained. */
  resumeAnswer(): void {
    if (!this.#held || this.#connection === null) return;
    this.#held = false;
    this.#connection.setTimeout(this.#forward.options.readTimeoutMs);
    this.#connection.resume();
  }

  onAnswerComplete(): void {
    this.record.totalMs = this.#now - this.record.startedAt;
    this.record.outcome = 'ok';
    this.#forward.release(this, 'ok', this.#now);
  }

  #complete(clean: boolean): void {
    const connection = this.#connection;
    const forward = this.#forward;
    if (connection === null) return;
    this.#phase = 'done';
    this.#connection = null;
    const { head } = connection;
    const requestDone =
      (forward.pull === null || forward.pull.sent) && connection.pendingBytes === 0 && !connection.sendFailed;
    if (
      clean &&
      requestDone &&
      head.persistent &&
      head.keepAliveSeconds !== 0 &&
      !forward.options.http10 &&
      this.#relay?.framing !== 'until-close'
    ) {
      // Its own time-out, less a fifth for the way: never write to a connection that the peer is about to close.
      forward.upstream?.release(connection, Math.max(0, head.keepAliveSeconds) * 800);
    } else {
      connection.finish(forward.options.sendTimeoutMs);
    }
    forward.attemptDone(this, this.#now);
  }

  onPeerEnd(): void {
    this.#now = systemClock.now();
    if (this.#phase === 'relaying' && this.#relay?.peerEnded() === true) return this.#complete(false);
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
    if (this.#phase === 'connecting') return this.#fail('connect_timeout', CAUSE_OF.connect_timeout);
    const sending = connection !== null && connection.pendingBytes > 0;
    // While the body still comes, from the client or from a file, the peer owes no answer: the client's own time-out watches that.
    if (!sending && this.#forward.pull !== null && !this.#forward.pull.sent) {
      connection?.setTimeout(this.#forward.options.readTimeoutMs);
      return;
    }
    const kind = this.#phase === 'relaying' ? 'body_timeout' : sending ? 'send_timeout' : 'head_timeout';
    this.#fail(kind, CAUSE_OF[kind]);
  }

  #fail(failure: Failure, detail: string): void {
    if (this.#phase === 'done') return;
    this.cancel();
    this.#forward.attemptFailed(this, failure, detail);
  }

  /** Ends the connection; nobody waits for the answer any more. */
  cancel(): void {
    this.#phase = 'done';
    this.#connection?.destroy();
    this.#connection = null;
    this.#partial = null;
  }
}
