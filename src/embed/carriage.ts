// What one balancer's exchanges share, and the one way in which they report a failure to the application.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { ErrorCallback, ProxyServer, ProxyTargetUrl, ServerOptions } from 'http-proxy-3';
import type { Group } from '../balance/group.ts';
import type { PeerAddress, PeerConfig } from '../balance/peer.ts';
import type { UpstreamPlan } from './options.ts';
import type { PeerAgent } from './peer-agent.ts';

/** nginx's proxy_connect_timeout. */
export const CONNECT_TIMEOUT_MS = 60_000;
/** How long a peer may take for the head of its answer: what http-proxy-3's documentation promises for proxyTimeout. */
export const HEAD_TIMEOUT_MS = 120_000;

export interface Carriage {
  /** http-proxy-3's server that makes the attempts; nobody but the balancer listens to it. */
  readonly carrier: ProxyServer;
  /** The application's side: its listeners hear of real requests only. */
  readonly events: ProxyServer;
  readonly plan: UpstreamPlan;
  readonly group: Group;
  readonly agent: PeerAgent;
}

/** One web() or ws() call of the application. */
export interface Call<Response extends ServerResponse | Socket> {
  readonly req: IncomingMessage;
  readonly res: Response;
  /** The balancer's options and the call's own over them. */
  readonly options: ServerOptions;
  readonly callback: ErrorCallback | undefined;
}

type Target = URL | ReturnType<typeof unixTarget>;

/** Parsing a URL is a good part of what an attempt costs. */
const TARGETS = new WeakMap<PeerConfig, Target>();

/** A peer as http-proxy-3 wants its target. */
export function targetOf(config: PeerConfig): Target {
  const known = TARGETS.get(config);
  if (known !== undefined) return known;
  const { address, name } = config;
  const target = address.kind === 'unix' ? unixTarget(address) : new URL(`http://${name}`);
  TARGETS.set(config, target);
  return target;
}

function unixTarget({ path }: PeerAddress & { readonly kind: 'unix' }) {
  return { protocol: 'http:', host: 'localhost', port: 80, socketPath: path };
}

/** Callback, else the 'error' event, else a short answer: an application that does not listen is not brought down. */
export function report(
  events: ProxyServer,
  call: Omit<Call<ServerResponse | Socket>, 'options'>,
  error: Error,
  last: { readonly status: number; readonly text: string; readonly target?: ProxyTargetUrl },
): void {
  const { req, res, callback } = call;
  if (callback !== undefined) callback(error, req, res, last.target);
  else if (events.listenerCount('error') > 0)
    events.emit('error', error, req, res, last.target as ProxyTargetUrl);
  else answer(res, last.status, `${last.status} ${STATUS_CODES[last.status]}: ${last.text}\n`);
}

/** Ends an answer so that it cannot be taken for a whole one. */
export function breakOff(res: ServerResponse): void {
  const { stream } = res as ServerResponse & { readonly stream?: ServerHttp2Stream };
  // Destroying an HTTP/2 response without an error ends its stream as if all were well.
  if (stream === undefined) res.destroy();
  else stream.close(constants.NGHTTP2_INTERNAL_ERROR);
}

function answer(res: ServerResponse | Socket, status: number, text: string): void {
  const length = Buffer.byteLength(text);
  if ('writeHead' in res) {
    if (res.headersSent) return breakOff(res);
    res.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'content-length': length });
    res.end(text);
  } else if (res.writable) {
    res.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: text/plain; charset=utf-8\r\n` +
        `Content-Length: ${length}\r\nConnection: close\r\n\r\n${text}`,
    );
  }
}
