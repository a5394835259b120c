// http-proxy-3's server with an upstream group behind it. A call that goes to the group becomes an exchange of ours, which makes
// its attempts through a second http-proxy-3 server, the carrier; a call with a `target` of its own goes through untouched.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type ErrorCallback, ProxyServer, type ProxyTargetUrl, type ServerOptions } from 'http-proxy-3';
import { Group } from '../balance/group.ts';
import { systemClock } from '../shared/clock.ts';
import { STATUS_OF } from '../shared/failure.ts';
import { causeOf } from './balancer-error.ts';
import { type Call, type Carriage, report } from './carriage.ts';
import { failureOfThrown, markInternal } from './failure-of.ts';
import { lingerBehind } from './linger.ts';
import { type BalancerOptions, readUpstream } from './options.ts';
import { makeSendable, oversee } from './oversight.ts';
import { HandoverAgent, PeerAgent } from './peer-agent.ts';
import { TargetCall, targetCallOf } from './target-call.ts';
import { attemptOf } from './web-attempt.ts';
import { WebExchange } from './web-exchange.ts';
import { WsExchange } from './ws-exchange.ts';

/** One peer at this moment. */
export interface PeerStatus {
  /** As configured: `127.0.0.1:8001`, `unix:/run/app.sock`. */
  readonly name: string;
  /** `failing`: out until its fail_timeout is over. */
  readonly state: 'up' | 'failing' | 'down';
  /** Requests and WebSockets under way. */
  readonly active: number;
  /** Failures counted since it last did well. */
  readonly fails: number;
  readonly weight: number;
  readonly backup: boolean;
}

/** `createProxyServer` with groups. Throws a TypeError that names the option when one is wrong. */
export function createBalancer(options: BalancerOptions = {}): Balancer {
  return new Balancer(options);
}

export class Balancer extends ProxyServer {
  declare readonly web: ProxyServer['web'];
  declare readonly ws: ProxyServer['ws'];
  declare readonly before: ProxyServer['before'];
  declare readonly after: ProxyServer['after'];
  /** Stops listening, if it did, and closes idle connections to peers. Requests under way go on. */
  declare readonly close: ProxyServer['close'];
  readonly #options: ServerOptions;
  readonly #carrier: ProxyServer;
  readonly #agent = new PeerAgent();
  readonly #carriage: Carriage | null;

  constructor({ upstream, ...options }: BalancerOptions = {}) {
    const plan = readUpstream({ upstream, ...options });
    super({ ...options });
    const closeServer = this.close;
    this.#options = options;
    this.#carrier = new ProxyServer({ ...options });
    this.#carriage =
      plan === undefined
        ? null
        : { carrier: this.#carrier, events: this, plan, group: new Group(plan.group), agent: this.#agent };
    // Of itself http-proxy-3 throws when nobody listens to 'error'.
    this.off('error', this.onError);
    this.#passEvents();
    this.#carrier.before('web', 'timeout', frameAnew);
    this.web = (req, res, ...rest) => this.#web(req, res, rest);
    this.ws = (req, socket, head, ...rest) => this.#ws(req, socket, head, rest);
    this.before = this.#carrier.before;
    this.after = this.#carrier.after;
    this.close = (done) => {
      this.#agent.retire();
      closeServer(done);
    };
  }

  /** The group as it is now; without `upstream` it has no peers. */
  get upstream(): { readonly peers: readonly PeerStatus[] } {
    const now = systemClock.now();
    const peers = (this.#carriage?.group.peers ?? []).map((peer) => ({
      name: peer.name,
      state: peer.down ? ('down' as const) : peer.isFailing(now) ? ('failing' as const) : ('up' as const),
      active: peer.active,
      fails: peer.fails,
      weight: peer.weight,
      backup: peer.config.backup,
    }));
    return { peers };
  }

  #web(req: IncomingMessage, res: ServerResponse, rest: readonly unknown[]): void {
    const { call, own } = this.#read(req, res, rest);
    const carriage = this.#carriageFor(own);
    if (carriage !== null) return new WebExchange(carriage, call).begin();
    const carried = new TargetCall(this, call);
    // http-proxy-3 counts its arguments from the end.
    this.#guard(call, () => {
      // What fetches throws this from a promise that nobody awaits, which ends the process.
      if (fetches(call.options)) parseTarget(req.url ?? '');
      this.#carrier.web(req, res, own, (error, _req, _res, target) => carried.onFailed(error, target));
    });
  }

  #ws(req: IncomingMessage, socket: Socket, head: Buffer, rest: readonly unknown[]): void {
    const { call, own } = this.#read(req, socket, rest);
    const carriage = this.#carriageFor(own);
    if (carriage !== null) return new WsExchange(carriage, call, head).begin();
    const carried = new TargetCall(this, call);
    this.#guard(call, () => this.#carrier.ws(req, socket, head, own, (e) => carried.onFailed(e, undefined)));
  }

  /** http-proxy-3 throws on request targets that are no URL (`http://[bad`): a client must not bring the application down. */
  #guard(call: Call<ServerResponse | Socket>, carry: () => void): void {
    try {
      carry();
    } catch (error) {
      const failure = failureOfThrown(error as Error);
      const text = failure === 'internal_error' ? causeOf(failure) : 'the request target is not valid';
      report(this, call, error as Error, { status: STATUS_OF[failure], text });
    }
  }

  #read<R extends ServerResponse | Socket>(
    req: IncomingMessage,
    res: R,
    rest: readonly unknown[],
  ): { call: Call<R>; own: ServerOptions } {
    const callback = rest.find((argument) => typeof argument === 'function') as ErrorCallback | undefined;
    const own: ServerOptions = typeof rest[0] === 'object' && rest[0] !== null ? rest[0] : {};
    return { call: { req, res, options: { ...this.#options, ...own }, callback }, own };
  }

  /** A call may name a target of its own. */
  #carriageFor(own: ServerOptions): Carriage | null {
    return own.target === undefined && own.forward === undefined ? this.#carriage : null;
  }

  /** What the carrier tells, with the application's own request and response in the place of stand-ins. */
  #passEvents(): void {
    const carrier = this.#carrier;
    carrier.on('start', (req, res, target) => {
      if (attemptOf(req) === undefined) this.emit('start', req, res, target);
    });
    carrier.on('proxyReq', (proxyReq, req, res, options, socket) => {
      const attempt = attemptOf(req);
      attempt?.onProxyReq(proxyReq, socket);
      const own = targetCallOf(req);
      if (own !== undefined) oversee(proxyReq, socket, own);
      const real = attempt?.exchange.call ?? { req, res };
      try {
        this.emit('proxyReq', proxyReq, real.req, real.res, options, socket);
      } catch (error) {
        proxyReq.destroy(markInternal(error as Error));
      }
    });
    carrier.on('proxyRes', (proxyRes, req, res) => {
      const attempt = attemptOf(req);
      if (attempt !== undefined && !attempt.onProxyRes(proxyRes)) return;
      const real = attempt?.exchange.call ?? { req, res };
      if (attempt === undefined) lingerBehind(req);
      makeSendable(proxyRes, req.httpVersionMajor > 1);
      this.emit('proxyRes', proxyRes, real.req, real.res);
      keepLocation(proxyRes, res);
    });
    carrier.on('end', (req, res, proxyRes) => {
      const attempt = attemptOf(req);
      if (attempt?.answered === false) return;
      const real = attempt?.exchange.call ?? { req, res };
      this.emit('end', real.req, real.res, proxyRes);
    });
    carrier.on('econnreset', (error, req, res, target) => {
      const real = attemptOf(req)?.exchange.call ?? { req, res };
      this.emit('econnreset', error, real.req, real.res, target);
    });
    carrier.on('error', (error, req, res, target) => {
      // The client's own socket failed under a WebSocket: the client left, which is nobody's error.
      const clientLeft = 'errored' in res && res.errored === error && !('writeHead' in res);
      if (clientLeft) return void this.emit('econnreset', error, req, res as never, target as ProxyTargetUrl);
      const code = (error as NodeJS.ErrnoException).code ?? error.message;
      const text = `the target did not answer (${code})`;
      report(this, { req, res, callback: undefined }, error, { status: 502, text, target });
    });
    carrier.on('proxyReqWs', (proxyReq, req, socket, options, head) => {
      if (options.agent instanceof HandoverAgent) options.agent.onRequest(proxyReq);
      const own = targetCallOf(req);
      if (own !== undefined) {
        proxyReq.once('socket', (connection) => oversee(proxyReq, connection, own));
        proxyReq.once('upgrade', () => {
          own.upgraded = true;
        });
      }
      this.emit('proxyReqWs', proxyReq, req, socket, options, head);
    });
    carrier.on('open', (socket) => this.emit('open', socket));
    carrier.on('close', (proxyRes, socket, head) => this.emit('close', proxyRes, socket, head));
  }
}

/** Whether http-proxy-3 takes its way over fetch(). */
function fetches({ fetch, fetchOptions }: ServerOptions): boolean {
  return fetch !== undefined || fetchOptions !== undefined || process.env.FORCE_FETCH_PATH === 'true';
}

/** As http-proxy-3 does it; throws on what is no URL. */
function parseTarget(url: string): URL {
  return new URL(url.startsWith('//') ? `http://base.invalid${url}` : url, 'http://base.invalid');
}

/** http-proxy-3 throws as it rewrites a Location that is no URL: such a one goes past it. */
function keepLocation(answer: IncomingMessage, res: ServerResponse): void {
  const { location } = answer.headers;
  if (location === undefined || res.headersSent || URL.canParse(location, 'http://base.invalid')) return;
  delete answer.headers.location;
  res.setHeader('location', location);
}

/**
 * Runs after http-proxy-3 set `Content-Length: 0` on a DELETE or OPTIONS without a length and took its Transfer-Encoding away.
 * When such a request had a chunked body, its bytes would stand on the peer's connection as a request of their own.
 */
function frameAnew(req: IncomingMessage): void {
  const attempt = attemptOf(req);
  if (attempt !== undefined) return attempt.frame();
  // Our side has answered it; and http-proxy-3 does not tell of a request that has it.
  delete req.headers.expect;
  if (req.method !== 'DELETE' && req.method !== 'OPTIONS') return;
  const chunked = req.rawHeaders.some((text, i) => i % 2 === 0 && text.toLowerCase() === 'transfer-encoding');
  if (!chunked) return;
  delete req.headers['content-length'];
  req.headers['transfer-encoding'] = 'chunked';
}
