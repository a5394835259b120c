// One request and its answer, and the two contracts of the road: what a front (HTTP/1, later HTTP/2) offers to the
// handler of a location, and what a location is to a front. Logs, metrics and error pages read the exchange.

import type { RequestHead } from './http/request-head.ts';
import type { Failure } from './shared/failure.ts';

/** One try on one peer. Fixed fields, so that logs can print them whatever happened. Times are ms; -1 = not reached. */
export class Attempt {
  readonly peer: string;
  /** Monotonic ms at which the peer was picked. */
  readonly startedAt: number;
  connectMs = -1;
  headMs = -1;
  totalMs = -1;
  /** Status of the peer's answer; 0 when there was none. */
  status = 0;
  bytesSent = 0;
  bytesReceived = 0;
  outcome: Failure | 'ok' | 'pending' = 'pending';
  /** Why no further peer was tried after this failure; '' when one was. */
  noRetry = '';
  /** The first on a group while others had their attempts before it. */
  opensGroup = false;

  constructor(peer: string, startedAt: number) {
    this.peer = peer;
    this.startedAt = startedAt;
  }
}

/** Who makes the answer's body: told when the client can take more, or is gone. */
export interface Producer {
  /** Goes on when the client closes only its own direction; otherwise that counts as leaving (nginx: proxy_ignore_client_abort). */
  readonly survivesHalfClose: boolean;
  /** The client's socket drained: go on writing. */
  onClientDrain(): void;
  /** The client is gone or timed out: stop, free everything; no call on the sink has an effect any more. */
  onClientGone(failure: Failure): void;
}

/** Who takes the request's body. */
export interface BodyReader {
  /** `buf[from, to)` is lent for the length of the call. */
  onBody(buf: Buffer, from: number, to: number): void;
  /** The body is complete; trailer lines each end in CRLF, '' without. */
  onBodyEnd(trailers: string): void;
  /** The body ended wrongly; the client's connection will be closed after the answer. */
  onBodyFailed(failure: Failure): void;
}

/** Who takes over the bytes of both directions after a 101. */
export interface TunnelEnd {
  /** `buf[from, to)` is lent for the length of the call. */
  onTunnelData(buf: Buffer, from: number, to: number): void;
  /** The client half-closed. */
  onTunnelEnd(): void;
  onTunnelDrain(): void;
  onTunnelClosed(): void;
}

/**
 * The client's side of an exchange. The order of calls is: `informational`* then either one `sendWhole`, or one `start`, any
 * number of `write` or `writeKept`, and one `finish` or `abort`. The front adds Server, Date, Connection and the framing.
 * Buffers given to `start` and `write` are the caller's again when the call returns.
 */
export interface ClientSink {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** TLS on the client's side. */
  readonly secure: boolean;
  /** TLS server name (SNI), '' without. */
  readonly sniName: string;
  /** `$connection`: a number unique in the process. */
  readonly id: number;
  /** `$connection_requests`: which request of the connection this is, from 1. */
  readonly requests: number;

  /** A 1xx answer; dropped for HTTP/1.0 clients. Lines each end in CRLF. */
  informational(status: number, lines: string): void;
  /** The whole answer at once: `exchange.status`, `exchange.lines` and this body (Content-Length is its length). */
  sendWhole(exchange: Exchange, body: string | Buffer): void;
  /**
   * Begins an answer with `exchange.status`, `.lines` and `.length` (bytes of the body to come, -1 unknown), together with the
   * first piece of body, `buf[from, to)`, when there is one. With `last` the answer is complete. False: wait for onClientDrain.
   */
  start(exchange: Exchange, piece: Buffer | null, from: number, to: number, last: boolean): boolean;
  /** More of the body. False: wait for onClientDrain. */
  write(piece: Buffer, from: number, to: number): boolean;
  /**
   * As `write`, without a copy. True: the piece was taken and its buffer may be used again. False: it stays in use, and must not be
   * changed, until onClientDrain or onClientGone.
   */
  writeKept(piece: Buffer, from: number, to: number): boolean;
  /** The body is complete. Trailer lines are sent where the framing has room for them. */
  finish(trailers: string): void;
  /** The answer cannot be completed: the client must see that (reset or close without the last chunk). */
  abort(failure: Failure): void;
  /** Ends the connection without an answer, in order: what was answered before still goes out. */
  hangUp(): void;

  /** Begins delivery of the request's body; a client that waits for it gets `100 Continue`. */
  readBody(reader: BodyReader): void;
  pauseBody(): void;
  resumeBody(): void;

  /** Sends the 101 head (`exchange.lines`) and turns the connection into bytes. */
  startTunnel(exchange: Exchange, end: TunnelEnd): void;
  tunnelWrite(piece: Buffer, from: number, to: number): boolean;
  tunnelEnd(): void;
  tunnelDestroy(): void;
  tunnelPause(): void;
  tunnelResume(): void;
}

/** What of a location or server concerns the client's connection. Times in ms, sizes in bytes; 0 = no limit where nginx says so. */
export interface ClientPolicy {
  readonly maxBodyBytes: number;
  readonly bodyTimeoutMs: number;
  readonly sendTimeoutMs: number;
  readonly keepaliveTimeoutMs: number;
  /** Seconds of a `Keep-Alive: timeout=` field for the client; 0 = none. */
  readonly keepaliveHeaderSeconds: number;
  readonly keepaliveRequests: number;
  /** Age at which the connection ends after its answer. */
  readonly keepaliveTimeMs: number;
  readonly chunkedAllowed: boolean;
  /** The Server field as a line with its CRLF. */
  readonly serverLine: string;
}

export type Handler = (exchange: Exchange) => void;

/** A compiled location, or the server's own level where no location matches. */
export interface LocationRuntime {
  /** Content: proxies, serves a file, answers. Called once the location is final. */
  readonly handle: Handler;
  /** Answers with an error page of this status. `detail` is shown only with error_detail. */
  readonly fail: (exchange: Exchange, status: number, detail: string) => void;
  /** Changes `exchange.lines` just before they are sent (response filters that are set here); null = none. */
  readonly filter: Handler | null;
  /** Called once when the exchange ended; null = nothing to log. */
  readonly log: Handler | null;
  readonly client: ClientPolicy;
}

/** A virtual server as a front sees it. */
export interface ServerRuntime {
  /** First server_name, '' without: `$server_name`. */
  readonly name: string;
  /** The level outside of all locations. */
  readonly root: LocationRuntime;
  /** Runs the server's script, finds the location, runs its script, then its handler. */
  readonly dispatch: Handler;
}

export class Exchange {
  readonly client: ClientSink;
  readonly request: RequestHead;
  server: ServerRuntime;
  location: LocationRuntime;
  /** Monotonic ms when the head was complete. */
  readonly startedAt: number;

  /** Normalised path: percent-decoded bytes as latin1, dot segments and double slashes resolved. `$uri`. */
  uri = '';
  /** Query string without the '?', as it came. `$args`. */
  args = '';
  hasArgs = false;
  /** `set $args`: the request line as it came no longer holds (nginx: valid_unparsed_uri). */
  argsChanged = false;
  /** The URI was changed by a rewrite: the request line as it came no longer says where to go. */
  rewritten = false;
  /** False once `break` kept a rewritten URI in its place: the location was not found for that URI (nginx: valid_location). */
  locationHolds = true;
  /** Internal redirects and rewrites to another location so far; nginx ends at ten. */
  redirects = 0;
  /** Numbered captures of the last match: location, rewrite, if, server_name. A rewrite or an `if` that does not match leaves none. */
  captures: readonly (string | undefined)[] | null = null;
  /** Variables made by `set` and by named captures. */
  variables: Map<string, string> | null = null;
  #id = '';

  /** Status of the answer, set by its maker before it is sent. */
  status = 0;
  /** Field lines of the answer, each ended by CRLF; without Server, Date, Connection and framing. latin1. */
  lines = '';
  /** Reason phrase from the peer; '' = nginx's own for the status. */
  reason = '';
  /** Server and Date of the answer come with `lines` (proxy_pass_header). */
  ownServer = false;
  ownDate = false;
  /** Length of the body that `start` announces; -1 unknown. */
  length = -1;
  /** The head went out: the status can no longer change. */
  headSent = false;
  /** `$body_bytes_sent`, `$bytes_sent`: bytes handed to the client's socket. */
  bodyBytesSent = 0;
  headBytesSent = 0;
  /** Bytes of the request: `$request_length`. */
  bodyBytesReceived = 0;
  /** After this answer the connection ends, whatever else allows it to stay. */
  closeAfter = false;
  ended = false;

  attempts: Attempt[] = NO_ATTEMPTS;
  /** Name of the upstream group or host: `$proxy_host`. */
  proxyHost = '';
  failure: Failure | null = null;
  /** What limit_req and limit_conn made of the request; '' while they did not look at it. Once they did they do not again. */
  limitReqStatus = '';
  limitConnStatus = '';
  /** Who makes the answer; null when nobody needs to hear of the client. */
  producer: Producer | null = null;

  constructor(client: ClientSink, request: RequestHead, server: ServerRuntime, startedAt: number) {
    this.client = client;
    this.request = request;
    this.server = server;
    this.location = server.root;
    this.startedAt = startedAt;
  }

  /** `$request_id`: 16 random bytes in hexadecimal, made when first asked for. */
  get id(): string {
    if (this.#id === '') this.#id = randomHex();
    return this.#id;
  }

  beginAttempt(attempt: Attempt): void {
    if (this.attempts === NO_ATTEMPTS) this.attempts = [attempt];
    else this.attempts.push(attempt);
  }
}

/** Shared by all exchanges that were never forwarded. */
const NO_ATTEMPTS: Attempt[] = [];

function randomHex(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Buffer.from(bytes.buffer).hexSlice();
}
