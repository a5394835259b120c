// A call with a target of its own: http-proxy-3's request on the application's own request and response, overseen, so that the
// client is not left waiting, and nothing that a peer sends is thrown where nobody catches it.
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import type { ProxyServer, ProxyTargetUrl, ServerOptions } from 'http-proxy-3';
import { STATUS_OF } from '../shared/failure.ts';
import { causeOf } from './balancer-error.ts';
import { type Call, report, reportBroken } from './carriage.ts';
import { failureOfBroken, failureOfThrown, markInternal } from './failure-of.ts';
import { isFinalStatus, makeSendable, type Overseer, readyRefusal } from './oversight.ts';
import { CarriedResponse } from './stand-ins.ts';

const CALL_OF = new WeakMap<IncomingMessage, TargetCall>();

export function targetCallOf(req: IncomingMessage): TargetCall | undefined {
  return CALL_OF.get(req);
}

/** Whether http-proxy-3 takes its way over fetch(). */
export function fetches({ fetch, fetchOptions }: ServerOptions): boolean {
  return fetch !== undefined || fetchOptions !== undefined || process.env.FORCE_FETCH_PATH === 'true';
}

export class TargetCall implements Overseer {
  /** The client's socket carries another protocol. */
  upgraded = false;
  readonly #events: ProxyServer;
  readonly #call: Call<ServerResponse | Socket>;
  #request: ClientRequest | null = null;
  #answer: IncomingMessage | null = null;
  readonly #left = new AbortController();
  /** The response is over, and with it what was done for it. */
  #over = false;

  constructor(events: ProxyServer, call: Call<ServerResponse | Socket>) {
    this.#events = events;
    this.#call = call;
    CALL_OF.set(call.req, this);
    const { res, options } = call;
    res.once('close', () => ('writeHead' in res ? this.#onClose(res) : this.#onSocketClose()));
    const body = options.buffer as Readable | undefined;
    // Over fetch() its failure is the request's.
    body?.on('error', (error) => fetches(options) || this.#onBodyFailed(error));
  }

  get options(): ServerOptions {
    return this.#call.options;
  }

  get httpVersionMajor(): number {
    return this.#call.req.httpVersionMajor;
  }

  /** The call's own options as http-proxy-3 gets them: what it fetches is given up when the client leaves. */
  carried(own: ServerOptions): ServerOptions {
    const { options } = this.#call;
    if (!fetches(options)) return own;
    const { signal } = this.#left;
    const theirs = options.fetchOptions ?? {};
    const fetchOptions: typeof theirs = {
      ...theirs,
      onBeforeRequest: async (request, ...rest) => {
        await theirs.onBeforeRequest?.(request, ...rest);
        request.signal = request.signal ? AbortSignal.any([request.signal, signal]) : signal;
      },
    };
    return { ...own, fetchOptions };
  }

  /** The request has a socket; once more where a redirect is followed. */
  onRequest(request: ClientRequest): void {
    this.#request = request;
  }

  onAnswer(answer: IncomingMessage): void {
    this.#answer = answer;
    const { res } = this.#call;
    if (!('writeHead' in res)) return readyRefusal(answer);
    this.#guard(res, answer);
  }

  /** An answer that came over fetch(), which nobody oversees; what is thrown here ends in `onFailed`. */
  onFetched(answer: IncomingMessage): void {
    const http2 = this.httpVersionMajor > 1;
    const status = answer.statusCode ?? 0;
    if (!isFinalStatus(status, http2)) throw new Error(`the peer answered with status ${status}`);
    this.#answer = answer;
    makeSendable(answer, http2);
    this.#guard(this.#call.res as ServerResponse, answer);
  }

  /** What `res` does not take it throws, in the middle of http-proxy-3's pipe: so that pipe leads through one that catches it. */
  #guard(res: ServerResponse, answer: IncomingMessage): void {
    if (this.#call.options.selfHandleResponse) return;
    res.once('pipe', (source: Readable) => {
      source.unpipe(res);
      const onThrown = (error: Error): void => {
        markInternal(error);
        if (source.readableEnded) this.#broken(error, answer);
        else source.destroy(error);
      };
      source.pipe(new CarriedResponse(res, onThrown) as Writable);
    });
  }

  /** http-proxy-3 is done with its answer; one over fetch() without a body it does not end. */
  onEnd(): void {
    const { res, options } = this.#call;
    if (!('writeHead' in res) || !fetches(options) || options.selfHandleResponse || res.writableEnded) return;
    try {
      res.end();
    } catch (error) {
      this.onFailed(markInternal(error as Error), undefined);
    }
  }

  /** http-proxy-3 lost the target before its answer, or after it switched protocols. */
  onFailed(error: NodeJS.ErrnoException, target: ProxyTargetUrl | undefined): void {
    const { res } = this.#call;
    if (this.#over) return;
    if (this.#left.signal.aborted && 'writeHead' in res && !res.writableFinished) return this.#leave(error);
    const unsendable = failureOfThrown(error) === 'client_head_malformed';
    const text = unsendable ? error.message : `the target did not answer (${error.code ?? error.message})`;
    const last = { status: unsendable ? 400 : 502, text, target };
    const begun = 'writeHead' in res ? this.#answer !== null || isUnderWay(res) : this.upgraded;
    if (begun) reportBroken(this.#events, this.#call, error, last, this.#answer ?? undefined);
    else report(this.#events, this.#call, error, last);
  }

  onBroken(error: Error, answer: IncomingMessage): void {
    this.#broken(error, answer);
  }

  onBodyUnwanted(request: ClientRequest): void {
    const { req, options } = this.#call;
    const source = (options.buffer as Readable | undefined) ?? req;
    source.unpipe(request);
    req.resume();
  }

  #broken(error: Error, answer: IncomingMessage): void {
    const failure = failureOfBroken(error);
    const last = { status: STATUS_OF[failure], text: causeOf(failure) };
    reportBroken(this.#events, this.#call, error, last, answer);
  }

  #onBodyFailed(error: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#request?.destroy();
    report(this.#events, this.#call, error, { status: 400, text: 'the body of the request broke off' });
  }

  #onClose(res: ServerResponse): void {
    const { options } = this.#call;
    if (fetches(options)) this.#left.abort();
    if (!res.writableFinished || this.#answer?.readableEnded === true) return;
    // It has its own use for the answer.
    if (this.#answer !== null && options.selfHandleResponse) return;
    // Ended by the application itself: what http-proxy-3 has under way would stay. Of a copy of the request it still tells.
    this.#over = options.forward === undefined;
    this.#request?.destroy();
  }

  /** http-proxy-3 closes a connection to the target only once it has switched protocols. */
  #onSocketClose(): void {
    if (this.upgraded) return;
    this.#over = true;
    this.#request?.destroy();
  }

  /** http-proxy-3 has told that the client left. */
  onLeft(): void {
    this.#over = true;
  }

  /** What was fetched for a client that left. */
  #leave(error: Error): void {
    this.#over = true;
    const { req, res, options } = this.#call;
    this.#events.emit('econnreset', error, req, res as ServerResponse, options.target as ProxyTargetUrl);
  }
}

function isUnderWay(res: ServerResponse): boolean {
  return res.headersSent && !res.writableEnded;
}
