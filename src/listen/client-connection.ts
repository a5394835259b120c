// One client connection's life: reads requests one after the other, gives each to its server, writes the answers.
// The front of HTTP/1.x: all framing towards the client is decided here (RFC 9112 §6, §9).
// Longer than most files on purpose: one state machine with one timer. What it moves (heads, answers, bodies, tunnels) is in files of
// its own; split further, each transition would cross two.
import {
  type BodyReader,
  type Client,
  type ClientPolicy,
  Exchange,
  type ServerRuntime,
  type TunnelEnd,
} from '../exchange/exchange.ts';
import { requestHeads } from '../http/head-pool.ts';
import { type ProxyHead, readProxyHead } from '../http/proxy-protocol.ts';
import { MALFORMED, NEED_MORE, parseRequestHead, type RequestHead } from '../http/request-head.ts';
import { systemClock } from '../shared/clock.ts';
import type { Failure } from '../shared/failure.ts';
import { population } from '../shared/population.ts';
import { rethrowLater } from '../shared/rethrow-later.ts';
import type { Listed } from '../shared/roster.ts';
import { Deadline, wheel } from '../shared/timer-wheel.ts';
import { type Accepted, type OwnedSocket, socketOf } from '../socket/accepted.ts';
import type { ByteSocket, SocketOwner } from '../socket/byte-socket.ts';
import type { ClientTls } from '../socket/tls/client-tls.ts';
import { type AnswerLine, AnswerRoot } from './answer-root.ts';
import { BodySource } from './body-source.ts';
import { endSoon } from './fresh.ts';
import type { Front } from './front.ts';
import { exchangeOfRefused, refuse } from './refusal.ts';
import { TunnelSide } from './tunnel-side.ts';
import { Unread } from './unread.ts';
import { settleNames } from './unusual-names.ts';

/** Who keeps the connections of a listener: told when one ends, asked for the present configuration. */
export interface ConnectionHome {
  readonly front: Front;
  readonly draining: boolean;
  onClosed(connection: ClientConnection): void;
}

/** What the one timer of the connection waits for. */
type Awaited = 'head' | 'body' | 'send' | 'keepalive' | 'linger';

/**
 * (preface →) idle → (first byte) head → (head complete) busy → (answer complete) idle | lingering | closed; busy → tunnel.
 * `lingering` reads and drops what a client still sends, so that it can read the answer before the connection is reset.
 */
type State = 'preface' | 'idle' | 'head' | 'busy' | 'tunnel' | 'lingering' | 'closed';

/** lingering_timeout and lingering_time of nginx, where no location is known. */
const LINGER_IDLE_MS = 5000;
const LINGER_TOTAL_MS = 30_000;

/** Bytes of further requests that are kept while one is under way; beyond, the socket is not read. */
const PIPELINE_BYTES = 65_536;

let lastConnectionId = 0;

export class ClientConnection implements Client, AnswerLine, SocketOwner, Listed {
  readonly id = ++lastConnectionId;
  rosterPlace = -1;
  readonly #socket: ByteSocket;
  readonly secure: boolean;
  readonly tls: ClientTls | null;
  readonly #home: ConnectionHome;
  readonly acceptedAtMs: number;
  requests = 0;
  pipelined = false;
  #state: State = 'idle';
  /** The head of the present request; none while the connection is idle. */
  #head: RequestHead | null = null;
  readonly root: AnswerRoot;
  readonly #body: BodySource;
  #tunnel: TunnelSide | null = null;
  readonly #unread = new Unread();
  #advancing = false;
  /** The client sent FIN. */
  #ended = false;
  #awaited: Awaited = 'head';
  #lingerUntil = 0;
  #keepaliveMs = 0;
  #sendMs = 0;
  /** Of the location whose answer came last. */
  #policy: ClientPolicy | null = null;
  readonly #deadline: Deadline;
  readonly remoteAddress: string;
  readonly remotePort: number;
  proxyProtocol: ProxyHead | null = null;

  /** With TLS the time for the first byte began before the handshake. */
  constructor(
    accepted: Accepted | OwnedSocket,
    tls: ClientTls | null,
    home: ConnectionHome,
    acceptedAtMs = wheel.nowMs,
  ) {
    const socket = socketOf(accepted, this);
    this.#socket = socket;
    this.secure = tls !== null;
    this.tls = tls;
    this.#home = home;
    // Asked for at once: of a connection that ended the kernel no longer knows.
    this.remoteAddress = socket.remoteAddress || UNIX_CLIENT;
    this.remotePort = socket.remotePort;
    this.#deadline = new Deadline(() => this.#onTimeout());
    this.root = new AnswerRoot(socket, this);
    this.#body = new BodySource(socket);
    this.acceptedAtMs = acceptedAtMs;
    const { headTimeoutMs, proxyProtocol } = home.front;
    if (proxyProtocol && !this.secure) this.#state = 'preface';
    const leftMs = headTimeoutMs + acceptedAtMs - wheel.nowMs;
    this.#await('head', headTimeoutMs > 0 ? Math.max(1, leftMs) : 0);
  }

  #exchange(): Exchange | null {
    return this.root.exchange;
  }

  #request(): RequestHead {
    this.#head ??= requestHeads.take();
    return this.#head;
  }

  /** The exchange ended as it should: nobody reads its head any more. */
  #giveHeadBack(): void {
    if (this.#head === null) return;
    requestHeads.give(this.#head);
    this.#head = null;
  }

  get localAddress(): string {
    return this.#socket.localAddress || this.#home.front.socketName || UNIX_CLIENT;
  }

  get localPort(): number {
    return this.#socket.localPort;
  }

  // Reading.

  onBytes(buf: Buffer, length: number): void {
    switch (this.#state) {
      case 'tunnel':
        this.#tunnel?.onBytes(buf, 0, length);
        return;
      case 'lingering':
        if (wheel.nowMs > this.#lingerUntil) this.#socket.destroy();
        else this.#await('linger', this.#policy?.lingeringTimeoutMs ?? LINGER_IDLE_MS);
        return;
      case 'closed':
        return;
      default:
        this.#unread.add(buf, length);
        this.#advance();
        this.#unread.keep(buf);
    }
  }

  /** Uses what was read as far as it goes: bodies, heads, one request after the other. */
  #advance(): void {
    if (this.#advancing) return;
    this.#advancing = true;
    try {
      while (this.#unread.bytes !== null && this.#step(this.#unread.bytes)) {
        // On with what is left.
      }
    } catch (error) {
      this.#onBug(error);
    }
    this.#advancing = false;
    if (this.#exchange() !== null && this.#unread.length > PIPELINE_BYTES) this.#body.hold();
    if (this.#ended) this.#endUnfinished();
  }

  /** The client closed its direction: what has not come of a request never will. */
  #endUnfinished(): void {
    const exchange = this.#exchange();
    if (exchange !== null && this.#unread.length === 0 && !this.#body.complete)
      this.#loseExchange(exchange, 'client_aborted');
    if (this.#exchange() === null && (this.#state === 'idle' || this.#state === 'head')) this.#close();
  }

  /** A handler or a reader threw: the client is answered where that is possible, and nothing more is served on the connection. */
  #onBug(error: unknown): void {
    rethrowLater(error);
    const exchange = this.#exchange();
    try {
      if (exchange === null || exchange.headSent) return this.#clientGone('client_aborted');
      exchange.closeAfter = true;
      exchange.source?.onGone('client_aborted');
      exchange.location.fail(exchange, 500, 'internal error');
    } catch {
      // What threw once may throw again: 'close' ends the rest.
      this.#socket.destroy();
    }
  }

  /** One body piece or one head; false when it needs more, or someone else's turn has come. */
  #step(input: Buffer): boolean {
    const unread = this.#unread;
    const before = unread.from;
    const state = this.#state;
    if (this.#exchange() !== null || this.#body.discarding) {
      if (!this.#feedBody(input)) return false;
    } else if (state === 'idle' || state === 'head') {
      if ((state === 'idle' && this.#answersWait()) || !this.#readHead(input)) return false;
    } else if (state !== 'preface' || !this.#readPreface(input)) return false;
    if (unread.bytes !== null && unread.from >= unread.end) {
      unread.clear();
      return true;
    }
    return unread.from !== before || this.#state !== state;
  }

  /** A client that pipelines and does not read is served no further than its socket takes the answers. */
  #answersWait(): boolean {
    if (!this.#socket.mustWait) return false;
    this.#body.hold();
    this.#await('send', this.#sendMs);
    return true;
  }

  /** False: nothing to do until more is read or the reader goes on. */
  #feedBody(input: Buffer): boolean {
    const body = this.#body;
    if (!body.wants) return false;
    const unread = this.#unread;
    unread.from = body.take(input, unread.from, unread.end);
    if (body.complete && this.#awaited === 'body') wheel.disarm(this.#deadline);
    body.deliver();
    // Unless its reader has just asked it to wait: then the client owes nothing.
    if (body.wants && body.reading) this.#awaitBody();
    return !body.discarding || this.#hasDiscarded();
  }

  /** Some of a body that nobody wants was dropped; false: nothing more is read. */
  #hasDiscarded(): boolean {
    if (this.#body.failed) this.#linger();
    else if (this.#body.complete) this.#becomeIdle();
    else if (wheel.nowMs > this.#lingerUntil) this.#socket.destroy();
    else this.#awaitBody();
    return this.#state === 'idle' || this.#state === 'busy';
  }

  /** A client that has an answer to take is watched by send_timeout, whatever it sends; `#sendDone` goes back to the body. */
  #awaitBody(): void {
    if (this.#awaited === 'send' && this.#deadline.at > 0) return;
    this.#await('body', this.#exchange()?.location.client.bodyTimeoutMs ?? LINGER_IDLE_MS);
  }

  /** The PROXY protocol; who breaks it is not served. */
  #readPreface(input: Buffer): boolean {
    const unread = this.#unread;
    const outcome = readProxyHead(input, unread.from, unread.end);
    if (outcome.kind === 'broken') this.#socket.destroy();
    if (outcome.kind !== 'head') return false;
    this.proxyProtocol = outcome.head;
    unread.from = outcome.end;
    this.#state = 'idle';
    return true;
  }

  #readHead(input: Buffer): boolean {
    const front = this.#home.front;
    if (this.#state === 'idle') {
      this.#state = 'head';
      population.requests++;
      // Counted from the first byte and not re-armed: a client cannot stretch its head (slow-loris).
      this.#await('head', front.headTimeoutMs);
    }
    const unread = this.#unread;
    const range = { start: unread.from, end: unread.end, scanned: unread.scanned };
    const after = parseRequestHead(this.#request(), input, range, front.headLimits);
    if (after === NEED_MORE) {
      unread.scanned = unread.length;
      return false;
    }
    unread.scanned = 0;
    if (after === MALFORMED) {
      this.#refuse();
      return false;
    }
    unread.from = after;
    this.#begin(front);
    return true;
  }

  #begin(front: Front): void {
    this.#state = 'busy';
    this.requests++;
    wheel.disarm(this.#deadline);
    const request = this.#request();
    const exchange = new Exchange(this, request, front.serverFor(request.host, this), systemClock.now());
    if (request.hasUnusual) settleNames(request, this.entry, exchange.server);
    this.root.exchange = exchange;
    this.#body.begin(exchange);
    exchange.server.dispatch(exchange);
  }

  get entry(): ServerRuntime {
    return this.#home.front.serverBefore(this);
  }

  /** A head that is none: answered by the server whose Host it told before, else by that of its entry, and closed; no peer hears of it. */
  #refuse(): void {
    this.#state = 'busy';
    this.requests++;
    const request = this.#request();
    wheel.disarm(this.#deadline);
    const exchange = exchangeOfRefused(this, request, this.#home.front);
    this.root.exchange = exchange;
    this.#unread.clear();
    this.#body.begin(exchange);
    this.#body.failed = true;
    refuse(exchange, this.#home.front);
  }

  onEnd(): void {
    this.#ended = true;
    if (this.#state === 'tunnel') {
      this.#tunnel?.onEnd();
      return;
    }
    const exchange = this.#exchange();
    if (exchange === null) {
      // Unless an earlier answer still waits for the client to take it.
      if (this.#unread.length === 0 || !this.#socket.mustWait) this.#socket.closeSoon();
      return;
    }
    if (!this.#body.complete || exchange.source?.survivesHalfClose === false)
      this.#clientGone('client_aborted');
  }

  onClosed(): void {
    if (this.#state === 'closed') return;
    const { exchange } = this.#detach();
    if (exchange !== null) this.#loseExchange(exchange, 'client_aborted');
    this.#home.onClosed(this);
  }

  #detach(): { exchange: Exchange | null } {
    const exchange = this.#exchange();
    this.#state = 'closed';
    this.#unread.clear();
    wheel.remove(this.#deadline);
    this.#tunnel?.onClosed();
    return { exchange };
  }

  /** The client left or timed out in the middle of an exchange. */
  #clientGone(failure: Failure): void {
    const exchange = this.#exchange();
    const resets = failure.endsWith('_timeout') && exchange?.location.client.resetsTimedOut === true;
    // Before anything else would end the connection in order, and wait for what is still to come.
    if (resets) this.#socket.reset();
    if (exchange !== null) this.#loseExchange(exchange, failure);
    if (!resets) this.#socket.destroy();
  }

  #loseExchange(exchange: Exchange, failure: Failure): void {
    exchange.failure ??= failure;
    exchange.closeAfter = true;
    const { source } = exchange;
    exchange.source = null;
    const reader = this.#body.takeReader();
    if (source !== null) source.onGone(failure);
    else reader?.onBodyFailed(failure);
    if (!exchange.headSent) exchange.status = failure === 'client_body_timeout' ? 408 : 499;
    this.onAnswered(exchange);
  }

  // Time.

  #await(what: Awaited, ms: number): void {
    this.#awaited = what;
    if (ms > 0) wheel.arm(this.#deadline, ms);
    else wheel.disarm(this.#deadline);
  }

  #onTimeout(): void {
    const exchange = this.#exchange();
    switch (this.#awaited) {
      case 'head':
        // nginx answers 408 to a head that began and closes one that never did without a word.
        if (this.#state === 'head') this.#timeOutHead();
        else this.#socket.destroy();
        return;
      case 'body':
        // A body that nobody wants any more costs the connection, not the answer in front of it.
        if (exchange === null) return this.#close();
        if (exchange.headSent || exchange.location.client.resetsTimedOut)
          return this.#clientGone('client_body_timeout');
        exchange.closeAfter = true;
        this.#body.fail('client_body_timeout');
        return;
      case 'send':
        return this.#clientGone('client_send_timeout');
      default:
        // What the client has not taken yet is send_timeout's.
        if (this.#socket.pendingBytes > 0) this.#await('send', this.#sendMs);
        else this.#socket.destroy();
    }
  }

  #timeOutHead(): void {
    this.#request().problem = 'head not complete in time';
    this.#refuse();
  }

  // Answers.

  informational(status: number, lines: string): void {
    if (this.#request().minor === 1) this.root.informational(status, lines);
  }

  hangUp(exchange: Exchange): void {
    if (exchange !== this.#exchange()) return;
    exchange.closeAfter = true;
    // Whoever makes its answer, or is asked for it, goes on for nobody.
    const { source } = exchange;
    exchange.source = null;
    source?.onGone('replaced');
    exchange.dropAnswer();
    // Nothing more is read: whoever goes on sending is told by the kernel.
    if (exchange.status === 444 && exchange.location.client.resetsTimedOut) this.#socket.reset();
    else this.#socket.closeSoon();
    this.onAnswered(exchange);
  }

  /** Decides, before the head is written, whether the connection stays. */
  beforeHead(exchange: Exchange): void {
    const policy = exchange.location.client;
    const request = this.#request();
    const stays =
      !exchange.closeAfter &&
      (request.minor === 1 ? !request.close : request.keepAlive) &&
      policy.keepaliveTimeoutMs > 0 &&
      this.requests < policy.keepaliveRequests &&
      // A client that half-closed behind several requests gets all their answers.
      (!this.#ended || this.#unread.length > 0) &&
      !this.#home.draining &&
      wheel.nowMs - this.acceptedAtMs < policy.keepaliveTimeMs &&
      (policy.endsFor === null || !policy.endsFor(exchange)) &&
      this.#body.canStay(this.#unread.length > 0);
    exchange.closeAfter = !stays;
    this.#policy = policy;
    this.#keepaliveMs = policy.keepaliveTimeoutMs;
    this.#sendMs = policy.sendTimeoutMs;
  }

  awaitSend(exchange: Exchange): void {
    this.#await('send', exchange.location.client.sendTimeoutMs);
  }

  onDrained(): void {
    if (this.#state === 'tunnel') {
      this.#tunnel?.onDrain();
      return;
    }
    const exchange = this.#exchange();
    if (this.#awaited === 'send') this.#sendDone();
    exchange?.source?.onDrain();
  }

  /** The client took what waited: what else is awaited of it? */
  #sendDone(): void {
    if (this.#state === 'idle') {
      this.#await('keepalive', this.#keepaliveMs);
      this.#body.release();
      this.#advance();
      return;
    }
    wheel.disarm(this.#deadline);
    if (this.#body.wants) this.#awaitBody();
  }

  onAnswered(exchange: Exchange): void {
    if (exchange.ended) return;
    this.root.exchange = null;
    this.#tunnel = null;
    // Whoever still holds the exchange reads its head, which then cannot serve another request.
    if (exchange.isHeld) this.#head = null;
    try {
      exchange.end();
    } catch (error) {
      rethrowLater(error);
    }
    if (this.#state === 'closed' || this.#socket.closed) return;
    if (exchange.closeAfter) {
      if (exchange.failure === null) this.#giveHeadBack();
      if (exchange.closesLate && exchange.isHeld && exchange.length >= 0) this.#closeLate(exchange);
      else this.#close();
      return;
    }
    this.#body.discardRest();
    if (this.#body.complete) this.#becomeIdle();
    else {
      this.#state = 'busy';
      this.#lingerUntil = wheel.nowMs + LINGER_TOTAL_MS;
      this.#awaitBody();
    }
    this.#advance();
  }

  /** The client has its answer, and sees by the end of the connection that what it has caused is done, too. */
  #closeLate(exchange: Exchange): void {
    this.#state = 'lingering';
    this.#unread.clear();
    this.#lingerUntil = wheel.nowMs + LINGER_TOTAL_MS;
    exchange.onEnd({
      onExchangeEnd: () => {
        if (!this.#socket.closed) this.#close();
      },
    });
  }

  #becomeIdle(): void {
    this.#state = 'idle';
    this.pipelined = this.#unread.length > 0;
    this.#giveHeadBack();
    this.#body.reset();
    if (this.#home.draining && this.#unread.bytes === null) return this.#close();
    this.#await('keepalive', this.#keepaliveMs);
  }

  /** Ends the connection after what was written is sent; waits for a client that is still sending. */
  #close(): void {
    if (!this.#ended && this.#lingers()) return this.#linger();
    // What comes now is dropped: no request begins on a connection that ends.
    this.#state = 'lingering';
    this.#unread.clear();
    this.#lingerUntil = wheel.nowMs + LINGER_TOTAL_MS;
    this.#socket.closeSoon();
    // What was written waits for the client, or over TLS a close_notify does: send_timeout ends that too.
    if (!this.#socket.closed) this.#await('send', this.#sendMs);
  }

  /** The client is still sending, or may be taken to. */
  #lingers(): boolean {
    const how = this.#policy?.lingeringClose ?? 'on';
    if (how !== 'on') return how === 'always';
    return !this.#body.complete || this.#body.failed || this.#unread.length > 0;
  }

  #linger(): void {
    this.#state = 'lingering';
    this.#unread.clear();
    this.#lingerUntil = wheel.nowMs + (this.#policy?.lingeringTimeMs ?? LINGER_TOTAL_MS);
    this.#await('linger', this.#policy?.lingeringTimeoutMs ?? LINGER_IDLE_MS);
    this.#body.release();
    this.#socket.end();
  }

  /** Ends the connection at once. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** The exchange under way; of a tunnel the one that began it. */
  get exchange(): Exchange | null {
    return this.#exchange();
  }

  /** In nginx's words (stub_status). */
  get activity(): 'reading' | 'writing' | 'waiting' {
    if (this.#state === 'idle' || this.#state === 'preface') return 'waiting';
    return this.#state === 'head' ? 'reading' : 'writing';
  }

  /** What a drain waits for. */
  get busyWith(): 'exchange' | 'tunnel' | null {
    if (this.#state === 'tunnel') return 'tunnel';
    return this.#state === 'head' || this.#exchange() !== null ? 'exchange' : null;
  }

  /**
   * The listener goes away or the process stops: idle connections end, busy ones after their answer. The first request of one that is
   * new (`sinceMs`: when it came) may be on its way, and no client sends that once more: it is waited for.
   */
  drain(sinceMs = this.acceptedAtMs): void {
    if ((this.#state !== 'idle' && this.#state !== 'preface') || this.#unread.bytes !== null) return;
    if (this.requests > 0 || !endSoon(this.#deadline, sinceMs)) this.#close();
  }

  // The request's body.

  get bodyIsBroken(): boolean {
    const { bytes, from, end } = this.#unread;
    return bytes !== null && this.#body.looksBroken(bytes, from, end);
  }

  readBody(reader: BodyReader): void {
    const exchange = this.#exchange();
    if (exchange === null) return;
    // As in nginx also where the body came with its head: whether it did is a matter of the moment.
    if (!this.#body.complete) exchange.sayContinue();
    this.#body.read(reader);
    if (this.#body.wants) this.#awaitBody();
    this.#advanceNow();
  }

  pauseBody(): void {
    this.#body.pause();
    if (this.#awaited === 'body') wheel.disarm(this.#deadline);
  }

  resumeBody(): void {
    this.#body.resume();
    if (this.#body.wants) this.#awaitBody();
    this.#advanceNow();
  }

  /** A reader that just came or goes on gets what is already here, also from inside a call of ours. */
  #advanceNow(): void {
    if (!this.#advancing) return this.#advance();
    const unread = this.#unread;
    while (unread.bytes !== null && this.#body.wants && this.#exchange() !== null) {
      const before = unread.from;
      if (!this.#feedBody(unread.bytes) || unread.from === before) break;
      unread.trim();
    }
  }

  // After a 101.

  startTunnel(exchange: Exchange, end: TunnelEnd): void {
    exchange.closeAfter = true;
    this.root.switchProtocols(exchange);
    this.#state = 'tunnel';
    wheel.disarm(this.#deadline);
    const { bytes, from, end: to } = this.#unread;
    this.#unread.clear();
    this.#sendMs = exchange.location.client.sendTimeoutMs;
    // A client that spoke before the 101 may be held.
    this.#body.release();
    this.#tunnel = new TunnelSide(this.#socket, exchange, end, () => this.onAnswered(exchange));
    end.onTunnelOpen(this.#tunnel);
    if (bytes !== null && from < to) this.#tunnel?.onBytes(bytes, from, to);
  }
}

/** `$remote_addr` of a client that came by a Unix socket. */
const UNIX_CLIENT = 'unix:';
