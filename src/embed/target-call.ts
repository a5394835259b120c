// A call with a target of its own: http-proxy-3's request on the application's own request and response, overseen, so that the
// client is not left waiting.
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { ProxyServer, ProxyTargetUrl } from 'http-proxy-3';
import { STATUS_OF } from '../shared/failure.ts';
import { causeOf } from './balancer-error.ts';
import { type Call, report, reportBroken } from './carriage.ts';
import { failureOfBroken } from './failure-of.ts';
import type { Overseer } from './oversight.ts';

const CALL_OF = new WeakMap<IncomingMessage, TargetCall>();

export function targetCallOf(req: IncomingMessage): TargetCall | undefined {
  return CALL_OF.get(req);
}

export class TargetCall implements Overseer {
  /** The client's socket carries another protocol. */
  upgraded = false;
  readonly #events: ProxyServer;
  readonly #call: Call<ServerResponse | Socket>;

  constructor(events: ProxyServer, call: Call<ServerResponse | Socket>) {
    this.#events = events;
    this.#call = call;
    CALL_OF.set(call.req, this);
  }

  get httpVersionMajor(): number {
    return this.#call.req.httpVersionMajor;
  }

  /** http-proxy-3 lost the target before its answer, or after it switched protocols. */
  onFailed(error: NodeJS.ErrnoException, target: ProxyTargetUrl | undefined): void {
    const text = `the target did not answer (${error.code ?? error.message})`;
    const last = { status: 502, text, target };
    const { res } = this.#call;
    const begun = 'writeHead' in res ? res.headersSent && !res.writableEnded : this.upgraded;
    if (begun) reportBroken(this.#events, this.#call, error, last);
    else report(this.#events, this.#call, error, last);
  }

  onBroken(error: Error, answer: IncomingMessage): void {
    const failure = failureOfBroken(error);
    const last = { status: STATUS_OF[failure], text: causeOf(failure) };
    reportBroken(this.#events, this.#call, error, last, answer);
  }

  onBodyUnwanted(request: ClientRequest): void {
    const { req, options } = this.#call;
    const source = (options.buffer as Readable | undefined) ?? req;
    source.unpipe(request);
    req.resume();
  }
}
