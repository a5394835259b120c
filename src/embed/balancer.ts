// http-proxy-3's server with an upstream group behind it. A call that goes to the group becomes an exchange of ours, which makes
// its attempts through a second http-proxy-3 server, the carrier; a call with a `target` of its own goes through untouched.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { type ErrorCallback, ProxyServer, type ProxyTargetUrl, type ServerOptions } from 'http-proxy-3';
import { Group } from '../balance/group.ts';
import { systemClock } from '../shared/clock.ts';
import { STATUS_OF } from '../shared/failure.ts';
import { causeOf } from './balancer-error.ts';
import { type Call, type Carriage, report } from './carriage.ts';
import { closeWithClient } from './client-close.ts';
import { failureOfThrown, markInternal } from './failure-of.ts';
import { lingerBehind } from './linger.ts';
import { type BalancerOptions, ownNamesOnly, readUpstream } from './options.ts';
import { dropTrailer, keepLocation, oversee } from './oversight.ts';
import { replacePasses } from './passes.ts';
import { HandoverAgent, PeerAgent } from './peer-agent.ts';
import { fetches, TargetCall, targetCallOf } from './target-call.ts';
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
    this.#options = ownNamesOnly(options);
    this.#carrier = new ProxyServer({ ...this.#options });
    this.#carriage =
      plan === undefined
        ? null
        : { carrier: this.#carrier, events: this, plan, group: new Group(plan.group), agent: this.#agent };
    // Of itself http-proxy-3 throws when nobody listens to 'error'.
    this.off('error', this.onError);
    this.#passEvents();
    replacePasses(this.#carrier);
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
    // The client left, or was answered, before the application came to this call.
    if (isGone(res) || (res.writableEnded && call.options.forward === undefined)) return;
    closeWithClient(req, res);
    // That the application ended the answer, under what is still being written, is no reason to end the process.
    res.on('error', ignore);
    const carriage = this.#carriageFor(own);
    if (carriage !== null) return new WebExchange(carriage, call).begin();
    const carried = new TargetCall(this, call);
    this.#guard(call, () => {
      // http-proxy-3 counts its arguments from the end.
      this.#carrier.web(req, res, carried.carried(own), (error, _req, _res, target) =>
        carried.onFailed(error, target),
      );
    });
  }

  #ws(req: IncomingMessage, socket: Socket, head: Buffer, rest: readonly unknown[]): void {
    const { call, own } = this.#read(req, socket, rest);
    if (socket.destroyed) return;
    const carriage = this.#carriageFor(own);
    if (carriage !== null) return new WsExchange(carriage, call, head).begin();
    const carried = new TargetCall(this, call);
    this.#guard(call, () =>
      this.#carrier.ws(req, socket, head, own, (error) => {
        carried.onFailed(error, undefined);
        // As http-proxy-3 does where it tells of a failure itself.
        socket.destroySoon();
      }),
    );
  }

  /** http-proxy-3 throws on request targets that are no URL (`http://[bad`): a client must not bring the application down. */
  #guard(call: Call<ServerResponse | Socket>, carry: () => void): void {
    try {
      carry();
    } catch (error) {
      const failure = failureOfThrown(error as Error);
      const text = failure === 'internal_error' ? causeOf(failure) : 'the request target is not valid';
      report(this, call, error as Error, { status: STATUS_OF[failure], text });
      if (!('writeHead' in call.res)) call.res.destroySoon();
    }
  }

  #read<R extends ServerResponse | Socket>(
    req: IncomingMessage,
    res: R,
    rest: readonly unknown[],
  ): { call: Call<R>; own: ServerOptions } {
    const callback = rest.find((argument) => typeof argument === 'function') as ErrorCallback | undefined;
    const own = ownNamesOnly(typeof rest[0] === 'object' && rest[0] !== null ? rest[0] : {});
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
      if (own !== undefined) {
        own.onRequest(proxyReq);
        oversee(proxyReq, socket, own);
      }
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
      const own = targetCallOf(req);
      if (own !== undefined && fetches(own.options)) own.onFetched(proxyRes);
      this.emit('proxyRes', proxyRes, real.req, real.res);
      keepLocation(proxyRes);
      dropTrailer(proxyRes, real.req, real.res);
    });
    carrier.on('end', (req, res, proxyRes) => {
      const attempt = attemptOf(req);
      if (attempt?.answered === false) return;
      const real = attempt?.exchange.call ?? { req, res };
      this.emit('end', real.req, real.res, proxyRes);
      targetCallOf(req)?.onEnd();
    });
    carrier.on('econnreset', (error, req, res, target) => {
      const real = attemptOf(req)?.exchange.call ?? { req, res };
      targetCallOf(req)?.onLeft();
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
        own.onRequest(proxyReq);
        proxyReq.once('socket', (connection) => oversee(proxyReq, connection, own));
        proxyReq.once('upgrade', () => {
          own.upgraded = true;
        });
        // http-proxy-3 keeps to it in web() only; what has switched protocols has no limit.
        if (options.proxyTimeout) proxyReq.setTimeout(options.proxyTimeout, () => proxyReq.destroy());
      }
      this.emit('proxyReqWs', proxyReq, req, socket, options, head);
    });
    carrier.on('open', (socket) => this.emit('open', socket));
    carrier.on('close', (proxyRes, socket, head) => this.emit('close', proxyRes, socket, head));
  }
}

/** An HTTP/2 response does not say so itself. */
function isGone(res: ServerResponse): boolean {
  const { stream } = res as ServerResponse & { readonly stream?: ServerHttp2Stream };
  return res.destroyed || stream?.destroyed === true;
}

function ignore(): void {}
