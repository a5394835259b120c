// Reads the request's body before a cache is asked, as nginx does: its length and its limits are the same whether the cache answers or
// the peer.
import { readWholeBody, refuseBody } from '../../body/stored-body.ts';
import type { Exchange, Handler } from '../../exchange/exchange.ts';
import type { Source } from '../../exchange/flow.ts';
import type { BodyOwner } from '../../http/body-pull.ts';
import { type Failure, STATUS_OF } from '../../shared/failure.ts';
import type { ForwardOptions } from '../forward-options.ts';

/** Whether there is one to wait for. */
export function waitsForBody(x: Exchange, { streamsBody }: ForwardOptions): boolean {
  return x.request.hasBody && x.body === null && !x.isSub && !x.bodyRefused && !streamsBody;
}

export class BodyBefore implements Source, BodyOwner {
  readonly survivesHalfClose = true;
  readonly #x: Exchange;
  readonly #then: Handler;
  #ticket = Number.NaN;

  constructor(x: Exchange, then: Handler) {
    this.#x = x;
    this.#then = then;
  }

  begin(policy: ForwardOptions['body']): void {
    this.#ticket = this.#x.wait(this);
    readWholeBody(this.#x, policy, this);
  }

  onDrain(): void {}

  onGone(): void {}

  onBodyWhole(): void {
    if (this.#ends()) this.#then(this.#x);
  }

  onBodyFailed(failure: Failure, detail: string): void {
    if (!this.#ends()) return;
    const x = this.#x;
    x.failure = failure;
    if (failure === 'client_body_too_large') refuseBody(x);
    x.location.fail(x, STATUS_OF[failure as keyof typeof STATUS_OF] ?? 400, detail);
  }

  /** False where the exchange went on without it. */
  #ends(): boolean {
    if (!this.#x.isCurrent(this.#ticket)) return false;
    this.#ticket = Number.NaN;
    this.#x.setMaker(null);
    return true;
  }
}
