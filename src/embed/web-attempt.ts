// One web() of http-proxy-3 on one peer: gives it the stand-ins, and tells the exchange what became of it before a byte reaches
// the client.
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Peer } from '../balance/peer.ts';
import type { Failure } from '../shared/failure.ts';
import { LONGEST_MS } from '../shared/timer.ts';
import { type Call, type Carriage, CONNECT_TIMEOUT_MS, HEAD_TIMEOUT_MS, targetOf } from './carriage.ts';
import { failureOf, failureOfThrown, markInternal } from './failure-of.ts';
import { lingerBehind } from './linger.ts';
import { type Overseer, oversee } from './oversight.ts';
import type { ReplayBody } from './replay-body.ts';
import { CarriedRequest, CarriedResponse, type Framing } from './stand-ins.ts';

/** The exchange that attempts are made for. */
export interface AttemptHost {
  readonly carriage: Carriage;
  readonly call: Call<ServerResponse>;
  readonly framing: Framing;
  readonly body: ReplayBody | null;
  /** Whether the client gets this answer; otherwise the next attempt has begun. */
  takesAnswer(attempt: WebAttempt, status: number): boolean;
  /** It ended before an answer. */
  attemptFailed(attempt: WebAttempt, failure: Failure, error: Error): void;
  /** The client cannot have the whole of the answer that it gets, or is about to get. */
  answerBroken(attempt: WebAttempt, error: Error, answer: IncomingMessage | undefined): void;
  bodyUnwanted(attempt: WebAttempt): void;
}

/** The attempt that a stand-in belongs to; how events of the carrier find their way back. */
const ATTEMPT_OF = new WeakMap<object, WebAttempt>();

export function attemptOf(req: object): WebAttempt | undefined {
  return ATTEMPT_OF.get(req);
}

export class WebAttempt implements Overseer {
  readonly exchange: AttemptHost;
  readonly peer: Peer;
  /** On a connection of its own: the free retry after a stale one. */
  readonly fresh: boolean;
  readonly target: ReturnType<typeof targetOf>;
  requestSent = false;
  /** Its answer is the client's. */
  answered = false;
  readonly #request: CarriedRequest;
  readonly #response: CarriedResponse;
  #proxyReq: ClientRequest | null = null;
  #timedOut = false;

  constructor(exchange: AttemptHost, peer: Peer, fresh: boolean) {
    this.exchange = exchange;
    this.peer = peer;
    this.fresh = fresh;
    this.target = targetOf(peer.config);
    const { req, res } = exchange.call;
    this.#request = new CarriedRequest(req, exchange.framing, exchange.body);
    this.#response = new CarriedResponse(res, (error) => this.onBroken(markInternal(error)));
    ATTEMPT_OF.set(this.#request, this);
  }

  get httpVersionMajor(): number {
    return this.exchange.call.req.httpVersionMajor;
  }

  start(): void {
    const { call, carriage } = this.exchange;
    const { options } = call;
    const agent = options.agent === undefined ? carriage.agent : options.agent;
    const carried = {
      ...options,
      target: this.target,
      agent: this.fresh ? false : agent,
      // http-proxy-3 hands it to a timer of Node.
      connectTimeout: Math.min(options.connectTimeout ?? CONNECT_TIMEOUT_MS, LONGEST_MS),
      buffer: undefined,
    };
    try {
      carriage.events.emit('start', call.req, call.res, this.target);
      // The two have every member that http-proxy-3 uses, not every one that the types name.
      const req = this.#request as unknown as IncomingMessage;
      const res = this.#response as unknown as ServerResponse;
      carriage.carrier.web(req, res, carried, (error) => this.#onError(error));
    } catch (error) {
      // It throws on a request target that is no URL, which a client can send.
      this.#fail(failureOfThrown(error as Error), error as Error);
    }
  }

  /** http-proxy-3 is about to make the request; nothing of it is sent before a connection stands. */
  frame(): void {
    this.#request.frame(this.exchange.call.req.headers['content-length']);
  }

  onProxyReq(proxyReq: ClientRequest, socket: Socket): void {
    this.#proxyReq = proxyReq;
    oversee(proxyReq, socket, this);
    proxyReq.once('timeout', () => {
      this.#timedOut = true;
      proxyReq.destroy();
    });
    if (this.exchange.call.options.proxyTimeout === undefined) proxyReq.setTimeout(HEAD_TIMEOUT_MS);
    if (socket.connecting) socket.once('connect', () => this.#onConnect());
    // A connection that fails at once (no descriptor, no address) is over before it is told of.
    else if (!socket.destroyed) this.#onConnect();
  }

  #onConnect(): void {
    this.requestSent = true;
    this.#request.open();
  }

  /** The head of the answer is here. True when it is the one that the client gets. */
  onProxyRes(proxyRes: IncomingMessage): boolean {
    if (!this.exchange.takesAnswer(this, proxyRes.statusCode ?? 0)) {
      this.#response.passedOver = true;
      this.cancel();
      return false;
    }
    this.answered = true;
    const { options, req } = this.exchange.call;
    if (options.proxyTimeout === undefined) this.#proxyReq?.setTimeout(0);
    lingerBehind(req);
    return true;
  }

  /** What is to be done, `onProxyRes` does. */
  onAnswer(): void {}

  onBroken(error: Error, answer?: IncomingMessage): void {
    this.exchange.answerBroken(this, error, answer);
  }

  onBodyUnwanted(): void {
    if (this.answered) this.exchange.bodyUnwanted(this);
  }

  #onError(error: NodeJS.ErrnoException): void {
    const reached = {
      requestSent: this.requestSent,
      reused: this.#proxyReq?.reusedSocket === true,
      timedOut: this.#timedOut,
    };
    this.#fail(failureOf(error, reached), error);
  }

  #fail(failure: Failure, error: NodeJS.ErrnoException): void {
    this.cancel();
    this.exchange.attemptFailed(this, failure, error);
  }

  /** Ends it: http-proxy-3 destroys its request when its response closes unfinished. */
  cancel(): void {
    this.#request.destroy();
    this.#response.destroy();
  }
}
