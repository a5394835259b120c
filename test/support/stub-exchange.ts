// An exchange whose client takes everything and sends nothing: for what only reads exchanges, such as logs.
import {
  type Client,
  Exchange,
  type LocationRuntime,
  type Root,
  type ServerRuntime,
} from '../../src/exchange/exchange.ts';
import { GO } from '../../src/exchange/flow.ts';
import { parseRequestHead, RequestHead } from '../../src/http/request-head.ts';

const LIMITS = { maxLine: 65_536, maxHead: 131_072, maxFields: 1000 };

const ignore = (): void => undefined;

const root: Root = {
  sendWhole: ignore,
  start: () => GO,
  write: () => GO,
  writeKept: () => GO,
  finish: ignore,
  abort: ignore,
};

const client: Client = {
  root,
  remoteAddress: '192.0.2.7',
  remotePort: 40_001,
  localAddress: '127.0.0.1',
  localPort: 8080,
  secure: false,
  tls: null,
  proxyProtocol: null,
  pipelined: false,
  get entry() {
    return server;
  },
  id: 17,
  requests: 1,
  bodyIsBroken: false,
  acceptedAtMs: 0,
  informational: ignore,
  hangUp: ignore,
  readBody: ignore,
  pauseBody: ignore,
  resumeBody: ignore,
  startTunnel: ignore,
};

const location: LocationRuntime = {
  handle: ignore,
  fail: ignore,
  filters: null,
  files: null,
  log: null,
  script: null,
  logsSubrequests: false,
  own: null,
  client: {
    maxBodyBytes: 0,
    bodyTimeoutMs: 0,
    sendTimeoutMs: 0,
    keepaliveTimeoutMs: 0,
    keepaliveHeaderSeconds: 0,
    keepaliveRequests: 0,
    keepaliveTimeMs: 0,
    endsFor: null,
    chunkedAllowed: true,
    lingeringClose: 'on',
    lingeringTimeMs: 30_000,
    lingeringTimeoutMs: 5000,
    resetsTimedOut: false,
    unusualNames: 0,
    mergeSlashes: true,
    serverLine: 'Server: lbproxy\r\n',
  },
};

const server: ServerRuntime = {
  name: 'example.org',
  root: location,
  dispatch: ignore,
  redirect: ignore,
  toNamed: ignore,
};

/** The exchange of a request head, given as bytes or as latin1 text; throws when the head is not a valid one. */
export function stubExchange(
  head: string | Buffer = 'GET / HTTP/1.1\r\nHost: example.org\r\n\r\n',
): Exchange {
  const bytes = typeof head === 'string' ? Buffer.from(head, 'latin1') : head;
  const request = new RequestHead();
  const end = parseRequestHead(request, bytes, { start: 0, end: bytes.length, scanned: 0 }, LIMITS);
  if (end <= 0) throw new Error(`the stub's request head is ${end < 0 ? request.problem : 'unfinished'}`);
  return new Exchange(client, request, server, performance.now());
}
