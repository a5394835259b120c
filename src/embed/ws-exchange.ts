// One WebSocket on its way through a group. http-proxy-3 closes the client's socket on any failure, so the connection to a peer
// is made here, failing over until one stands, and then handed to it: handshake and piping are http-proxy-3's.
import type { ClientRequest, IncomingMessage } from 'node:http';
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import type { Peer } from '../balance/peer.ts';
import type { Failure } from '../shared/failure.ts';
import { Timer } from '../shared/timer.ts';
import { Attempts } from './attempts.ts';
import { causeOf } from './balancer-error.ts';
import {
  type Call,
  type Carriage,
  CONNECT_TIMEOUT_MS,
  HEAD_TIMEOUT_MS,
  report,
  reportBroken,
  targetOf,
} from './carriage.ts';
import { failureOf, failureOfBroken, failureOfThrown, type Reached } from './failure-of.ts';
import { type Overseer, oversee, readyRefusal } from './oversight.ts';
import { HandoverAgent } from './peer-agent.ts';

/** How long one side may take to close after the other did (nginx: lingering_timeout). */
const LINGER_MS = 5000;

const CONNECTING: Reached = { requestSent: false, reused: false, timedOut: false };

/** connecting → handshake → open → closed; any of them → closed. */
type Phase = 'connecting' | 'handshake' | 'open' | 'closed';

export class WsExchange implements Overseer {
  readonly #carriage: Carriage;
  readonly #call: Call<Socket>;
  readonly #head: Buffer;
  readonly #attempts: Attempts;
  #phase: Phase = 'connecting';
  #peer: Peer | null = null;
  #connection: Socket | null = null;
  #timedOut = false;

  constructor(carriage: Carriage, call: Call<Socket>, head: Buffer) {
    this.#carriage = carriage;
    this.#call = call;
    this.#head = head;
    this.#attempts = new Attempts(carriage.group, carriage.plan.next, call.req.socket.remoteAddress);
  }

  begin(): void {
    const { res: socket } = this.#call;
    if (socket.destroyed) return;
    // http-proxy-3 adds its own with the handshake; until then a reset would have no handler.
    socket.on('error', () => {});
    socket.once('close', () => this.#onClientClose());
    this.#connect(this.#attempts.pick());
  }

  #connect(peer: Peer | undefined, cause?: Error): void {
    this.#peer = peer ?? null;
    if (peer === undefined) return this.#giveUp(cause);
    const { options } = this.#call;
    const { address } = peer.config;
    const to = address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port };
    const connection = connect({ ...to, localAddress: options.localAddress } as NetConnectOpts);
    this.#connection = connection;
    const limit = new Timer(() => {
      connection.destroy(Object.assign(new Error('connect timeout'), { code: 'ECONNECT_TIMEOUT' }));
    }, options.connectTimeout ?? CONNECT_TIMEOUT_MS);
    connection.once('connect', () => this.#handOver(peer, connection));
    connection.once('close', () => limit.stop()).once('connect', () => limit.stop());
    connection.on('error', (error) => this.#onConnectFailed(peer, connection, error));
  }

  #onConnectFailed(peer: Peer, connection: Socket, error: Error): void {
    if (this.#phase !== 'connecting' || connection !== this.#connection) return;
    this.#connection = null;
    this.#connect(this.#failed(peer, failureOf(error, CONNECTING), false), error);
  }

  #failed(peer: Peer, failure: Failure, requestSent: boolean): Peer | undefined {
    this.#peer = null;
    // Once http-proxy-3 has the client's socket there is no way back: as good as an answer begun.
    const progress = { method: 'GET', answerStarted: requestSent, requestSent, bodyReplayable: true };
    return this.#attempts.failed(peer, failure, progress);
  }

  #handOver(peer: Peer, connection: Socket): void {
    const { req, res: socket, options } = this.#call;
    this.#phase = 'handshake';
    connection.once('close', () => this.#onPeerClose());
    socket.once('end', () => this.#onClientEnd());
    const agent = new HandoverAgent(connection, (request) => this.#onRequest(request));
    const carried = { ...options, target: targetOf(peer.config), agent, ssl: undefined };
    try {
      this.#carriage.carrier.ws(req, socket, this.#head, carried, (error) => this.#onError(peer, error));
    } catch (error) {
      // It throws on a request target that is no URL, which a client can send.
      this.#failed(peer, failureOfThrown(error as Error), true);
      this.#giveUp(error as Error);
    }
  }

  #onRequest(request: ClientRequest): void {
    const { options, res: socket } = this.#call;
    request.once('socket', (connection) => oversee(request, connection, this));
    request.once('upgrade', () => {
      this.#phase = 'open';
      if (socket.readableEnded) this.#onClientEnd();
    });
    request.once('response', (answer) => {
      this.#phase = 'open';
      answer.once('close', () => socket.destroySoon());
    });
    request.setTimeout(options.proxyTimeout ?? HEAD_TIMEOUT_MS, () => {
      this.#timedOut = true;
      request.destroy();
    });
  }

  get httpVersionMajor(): number {
    return this.#call.req.httpVersionMajor;
  }

  /** The peer's refusal. */
  onAnswer(answer: IncomingMessage): void {
    readyRefusal(answer);
  }

  /** The peer's refusal is not whole. */
  onBroken(cause: Error): void {
    if (this.#peer === null) return;
    this.#attempts.broken(this.#peer, failureOfBroken(cause));
    this.#peer = null;
    const error = this.#attempts.error(cause);
    reportBroken(this.#carriage.events, this.#call, error, { status: error.status, text: '' });
  }

  /** The handshake has none. */
  onBodyUnwanted(): void {}

  /** http-proxy-3 lost the peer; it closes the client's socket as soon as this returns, so no further peer can be tried. */
  #onError(peer: Peer, error: Error): void {
    if (this.#phase === 'closed') return;
    if (this.#phase === 'handshake') {
      const reached = { requestSent: true, reused: false, timedOut: this.#timedOut };
      this.#failed(peer, failureOf(error, reached), true);
      return this.#giveUp(error);
    }
    reportBroken(this.#carriage.events, this.#call, error, { status: 502, text: '' });
  }

  #giveUp(cause?: Error): void {
    this.#phase = 'closed';
    const error = this.#attempts.error(cause);
    report(this.#carriage.events, this.#call, error, { status: error.status, text: causeOf(error.failure) });
    // As http-proxy-3 does after its 'error' event.
    this.#call.res.destroySoon();
  }

  /** A side that ended may wait for the other's end, but not for ever. The handshake has its own limit, on the same timer. */
  #onClientEnd(): void {
    const connection = this.#connection;
    if (this.#phase === 'open') connection?.setTimeout(LINGER_MS, () => connection.destroy());
  }

  #onPeerClose(): void {
    const { res: socket } = this.#call;
    if (this.#phase !== 'open' || socket.destroyed) return;
    // Read on, so that the client's end is noticed.
    socket.resume();
    socket.setTimeout(LINGER_MS, () => socket.destroy());
  }

  #onClientClose(): void {
    const connection = this.#connection;
    if (this.#phase === 'connecting') connection?.destroy();
    else connection?.destroySoon();
    const outcome = this.#phase === 'open' ? 'ok' : 'abandoned';
    this.#phase = 'closed';
    if (this.#peer !== null) this.#attempts.release(this.#peer, outcome);
    this.#peer = null;
  }
}
