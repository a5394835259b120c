// What one balancer's exchanges share, and the one way in which they report a failure to the application.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { ErrorCallback, ProxyServer, ProxyTargetUrl, ServerOptions } from 'http-proxy-3';
import type { Group } from '../balance/group.ts';
import type { PeerAddress, PeerConfig } from '../balance/peer.ts';
import { lingerBehind } from './linger.ts';
import type { UpstreamPlan } from './options.ts';
import type { PeerAgent } from './peer-agent.ts';

/** nginx's proxy_connect_timeout. */
export const CONNECT_TIMEOUT_MS = 60_000;
/** How long a peer may take for the head of its answer: what http-proxy-3's documentation promises for proxyTimeout. */
export const HEAD_TIMEOUT_MS = 120_000;

/** What node:http and node:http2 throw on a second head. */
const TOO_LATE: ReadonlySet<string> = new Set([
  'ERR_HTTP_HEADERS_SENT',
  'ERR_HTTP2_HEADERS_SENT',
  'ERR_HTTP2_INVALID_STREAM',
]);

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
  if ('writeHead' in res) {
    lingerBehind(req);
    // With a length beside it node:http would throw; what the application meant it for is not to come.
    if (!res.headersSent) res.removeHeader('trailer');
  }
  try {
    if (callback !== undefined) callback(error, req, res, last.target);
    else if (events.listenerCount('error') > 0)
      events.emit('error', error, req, res, last.target as ProxyTargetUrl);
    else answer(res, last.status, `${last.status} ${STATUS_CODES[last.status]}: ${last.text}\n`);
  } catch (thrown) {
    if (!isTooLate(res, thrown as NodeJS.ErrnoException)) throw thrown;
    if (!res.writableEnded) breakOff(res as ServerResponse);
  }
}

/** A listener that always writes a head of its own meets an answer that has one: a peer that breaks off must not end the process. */
function isTooLate(res: ServerResponse | Socket, thrown: NodeJS.ErrnoException): boolean {
  return 'writeHead' in res && res.headersSent && TOO_LATE.has(thrown.code ?? '');
}

/**
 * Takes back what the client was about to get of a peer's answer, or cuts off what it has got of it. False when there is nobody to
 * tell: the client left, or the application ended the answer itself.
 */
function withdraw(res: ServerResponse, answer: IncomingMessage | undefined): boolean {
  if (res.destroyed || res.writableEnded) return false;
  if (res.headersSent) breakOff(res);
  else {
    for (const name of Object.keys(answer?.headers ?? {})) res.removeHeader(name);
    if (res.statusMessage !== undefined) res.statusMessage = '';
  }
  return true;
}

/** Tells of an answer that broke off, after the client can no longer take it for a whole one. */
export function reportBroken(
  events: ProxyServer,
  call: Omit<Call<ServerResponse | Socket>, 'options'>,
  error: Error,
  last: { readonly status: number; readonly text: string },
  answer?: IncomingMessage,
): void {
  const { res, callback } = call;
  if ('writeHead' in res) {
    if (withdraw(res, answer)) report(events, call, error, last);
    return;
  }
  if (res.destroyed) return;
  // http-proxy-3 has written the head to the socket.
  res.end();
  if (callback !== undefined || events.listenerCount('error') > 0) report(events, call, error, last);
  res.destroySoon();
}

/** Ends an answer so that it cannot be taken for a whole one. */
export function breakOff(res: ServerResponse): void {
  const { stream } = res as ServerResponse & { readonly stream?: ServerHttp2Stream };
  // Destroying an HTTP/2 response without an error ends its stream as if all were well.
  if (stream !== undefined) return stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  // Node sends what it has of one that waits behind others, and leaves the connection open.
  if (res.socket === null) res.assignSocket = (socket) => socket.destroySoon();
  res.destroy();
}

function answer(res: ServerResponse | Socket, status: number, text: string): void {
  const length = Buffer.byteLength(text);
  if ('writeHead' in res) {
    if (res.headersSent) return void (res.writableEnded || breakOff(res));
    res.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'content-length': length });
    res.end(text);
  } else if (res.writable) {
    res.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: text/plain; charset=utf-8\r\n` +
        `Content-Length: ${length}\r\nConnection: close\r\n\r\n${text}`,
    );
  }
}
