// One request of the application on its way through a group: an attempt after another until a peer answers, as forward/forward.ts
// does it on sockets. What happens in one attempt is web-attempt.ts; what a failure allows is next-upstream's.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Peer } from '../balance/peer.ts';
import { isFreeRetry } from '../forward/next-upstream.ts';
import type { Failure } from '../shared/failure.ts';
import { Attempts, type ExchangeProgress } from './attempts.ts';
import { causeOf } from './balancer-error.ts';
import { type Call, type Carriage, report, reportBroken } from './carriage.ts';
import { failureOfBroken } from './failure-of.ts';
import { ReplayBody } from './replay-body.ts';
import { type Framing, framingOf } from './stand-ins.ts';
import { type AttemptHost, WebAttempt } from './web-attempt.ts';

export class WebExchange implements AttemptHost {
  readonly carriage: Carriage;
  readonly call: Call<ServerResponse>;
  readonly framing: Framing;
  readonly body: ReplayBody | null;
  readonly #attempts: Attempts;
  #attempt: WebAttempt | null = null;

  constructor(carriage: Carriage, call: Call<ServerResponse>) {
    const { req, options } = call;
    const { plan, group } = carriage;
    this.carriage = carriage;
    this.call = call;
    this.framing = framingOf(req);
    const source = options.buffer === undefined ? req : (options.buffer as typeof req);
    this.body = this.framing === 'none' ? null : new ReplayBody(source, plan.bodyBufferBytes);
    this.#attempts = new Attempts(group, plan.next, req.socket.remoteAddress);
  }

  begin(): void {
    const { req, res, options } = this.call;
    if (this.body !== null && options.buffer === undefined && req.readableEnded)
      return this.#refuseReadBody();
    res.once('close', () => this.#onClose());
    // A body that breaks off: the client's own closes `res` as well, a `buffer` of the application only itself.
    this.body?.begin((error) => {
      if (this.#attempt !== null) this.#stop(error);
    });
    this.#try(this.#attempts.pick(), false);
  }

  #try(peer: Peer | undefined, fresh: boolean, cause?: Error): void {
    if (peer === undefined) return this.#giveUp(cause);
    const attempt = new WebAttempt(this, peer, fresh);
    this.#attempt = attempt;
    attempt.start();
  }

  #progress(requestSent: boolean): ExchangeProgress {
    const { req, res, options } = this.call;
    return {
      method: options.method ?? req.method ?? '',
      answerStarted: res.headersSent,
      requestSent,
      bodyReplayable: this.body === null || this.body.replayable,
    };
  }

  takesAnswer(attempt: WebAttempt, status: number): boolean {
    if (attempt !== this.#attempt) return false;
    if (status < 400) return true;
    const next = this.#attempts.passOver(attempt.peer, `http_${status}`, this.#progress(true));
    if (next === undefined) return true;
    this.#try(next, false);
    return false;
  }

  attemptFailed(attempt: WebAttempt, failure: Failure, error: Error): void {
    // Of an attempt that answered before its connection broke, the end of the answer tells.
    if (attempt !== this.#attempt || attempt.answered) return;
    this.#attempt = null;
    const progress = this.#progress(attempt.requestSent);
    if (!attempt.fresh && isFreeRetry(failure, this.#attempts.progress(progress))) {
      return this.#try(attempt.peer, true);
    }
    this.#try(this.#attempts.failed(attempt.peer, failure, progress), false, error);
  }

  answerBroken(attempt: WebAttempt, error: Error, answer: IncomingMessage | undefined): void {
    if (attempt !== this.#attempt || !attempt.answered) return;
    this.#attempt = null;
    attempt.cancel();
    this.#attempts.broken(attempt.peer, failureOfBroken(error));
    const told = this.#attempts.error(error);
    const last = { status: told.status, text: causeOf(told.failure) };
    reportBroken(this.carriage.events, this.call, told, last, answer);
  }

  bodyUnwanted(attempt: WebAttempt): void {
    if (attempt === this.#attempt) this.body?.discard();
  }

  #giveUp(cause?: Error): void {
    const error = this.#attempts.error(cause);
    this.#report(error, error.status, causeOf(error.failure));
  }

  #report(error: Error, status: number, text: string): void {
    report(this.carriage.events, this.call, error, { status, text });
  }

  /** The source of the body failed. */
  #stop(error: Error): void {
    this.#end('abandoned');
    if (this.call.res.destroyed) return;
    this.#report(error, 400, 'the body of the request broke off');
  }

  /** http-proxy-3 would wait for a body that is gone, and the peer with it. */
  #refuseReadBody(): void {
    const error = new Error(
      'the body of the request was read before web(): call it before any body parser, or give the body as options.buffer',
    );
    this.#report(error, 500, 'the body of the request is gone');
  }

  /** The response is over: finished, given up by the client, or broken off by the peer. */
  #onClose(): void {
    this.#end(this.call.res.writableFinished ? 'ok' : 'abandoned');
    this.body?.discard();
  }

  #end(outcome: 'ok' | 'abandoned'): void {
    const attempt = this.#attempt;
    if (attempt === null) return;
    this.#attempt = null;
    attempt.cancel();
    this.#attempts.release(attempt.peer, outcome);
  }
}
