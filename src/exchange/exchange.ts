// One request and its answer, and the two contracts of the road: what a front (HTTP/1, later HTTP/2) offers to the
// handler of a location, and what a location is to a front. Logs, metrics and error pages read the exchange.
// Past 300 lines: the contracts and the exchange name each other, and files form no circles. What stands alone is beside it.

import type { AnswerHead } from '../http/answer-head.ts';
import type { RequestBody } from '../http/body-pull.ts';
import type { ProxyHead } from '../http/proxy-protocol.ts';
import type { RequestHead } from '../http/request-head.ts';
import type { Failure } from '../shared/failure.ts';
import type { ClientTls } from '../socket/tls/client-tls.ts';
import type { Attempt } from './attempt.ts';
import type { Flow, Source } from './flow.ts';
import type { ContentSlot, FilterSlot, Phase, StepResult } from './slots.ts';
import type { Trace } from './trace.ts';

/**
 * Where an answer goes: one `start`, any number of `write` or `writeKept`, and one piece with LAST, one `finish` or one `abort`. Each
 * call names its source; a sink obeys its present source only and says ENOUGH to any other. `buf[a, b)` is lent for the length of the
 * call, but to `writeKept`, which leaves it in use after WAIT until `onDrain` or `onGone`.
 */
export interface AnswerSink {
  /** Begins the answer: `x.status`, `x.lines` and `x.length` (bytes of the body to come, -1 unknown), with the first piece if any. */
  start(from: Source, x: Exchange, buf: Buffer | null, a: number, b: number, flags: number): Flow;
  write(from: Source, buf: Buffer, a: number, b: number, flags: number): Flow;
  writeKept(from: Source, buf: Buffer, a: number, b: number, flags: number): Flow;
  /** The body is complete. Trailer lines, each ended by CRLF, are sent where the framing has room for them. */
  finish(from: Source, trailers: string): void;
  /** The answer cannot be completed: the client must see that (reset, or close without the last chunk). */
  abort(from: Source, why: Failure): void;
}

/** The end of the chain: the client's connection, or who asked for a subrequest. Adds Server, Date, Connection and the framing. */
export interface Root extends AnswerSink {
  /** The whole answer at once; Content-Length is its length. Filters never see it. */
  sendWhole(from: Source, x: Exchange, body: string | Buffer): void;
  /** It takes the body for nothing: no filter works on that. */
  readonly isHeadOnly?: boolean;
  /** Ends it without an answer; where this is missing, the main exchange ends with it. */
  hangUp?(): void;
  /** Looks on at what passes after a 101. */
  lookOn?(end: TunnelEnd, x: Exchange): TunnelEnd;
  /** What stands in the place of an error of a subrequest. */
  insteadOfError?(): { readonly contentType: string; readonly body: string } | null;
}

/** One filter at work on one answer: sink of the one before it, source of the one behind. */
export interface Link extends AnswerSink, Source {
  /** Whom it obeys; null once it obeys nobody. */
  source: Source | null;
  /** The answer was replaced before it began: gives back what it holds. */
  drop(): void;
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

/** The client's side of a connection that became bytes (after a 101). */
export interface ClientTunnel {
  /** False: not before `onTunnelDrain`. */
  write(piece: Buffer, from: number, to: number): boolean;
  /** Nothing more comes from the peer. */
  end(): void;
  /** Both directions are done: closes once what was written is sent. */
  destroy(): void;
  pause(): void;
  resume(): void;
}

/** Who takes over the bytes of both directions after a 101. */
export interface TunnelEnd {
  /** Before anything else. */
  onTunnelOpen(client: ClientTunnel): void;
  /** `buf[from, to)` is lent for the length of the call. */
  onTunnelData(buf: Buffer, from: number, to: number): void;
  /** The client half-closed. */
  onTunnelEnd(): void;
  onTunnelDrain(): void;
  onTunnelClosed(): void;
}

/** The client's side of an exchange: what is known of it, the request's body, and the connection itself. */
export interface Client {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** TLS on the client's side. */
  readonly secure: boolean;
  /** What is known of it; null without. */
  readonly tls: ClientTls | null;
  /** What the PROXY protocol said of it; null where it is not spoken. */
  readonly proxyProtocol: ProxyHead | null;
  /** When it connected, on the clock of the timer wheel. */
  readonly acceptedAtMs: number;
  /** The present request had come before the one before it was answered: `$pipe`. */
  readonly pipelined: boolean;
  /** `$connection`: a number unique in the process. */
  readonly id: number;
  /** `$connection_requests`: which request of the connection this is, from 1. */
  readonly requests: number;
  /** The server that holds before a Host is read: the address's default one, or that of the TLS name. */
  readonly entry: ServerRuntime;
  /** Where the answers of its main exchanges go. */
  readonly root: Root;

  /** A 1xx answer; dropped for HTTP/1.0 clients. Lines each end in CRLF. */
  informational(status: number, lines: string): void;
  /** Ends the connection without an answer, in order: what was answered before still goes out. */
  hangUp(x: Exchange): void;

  /** What has come of a body that nobody began to read is no body. */
  readonly bodyIsBroken: boolean;
  /** Begins delivery of the request's body; a client that waits for it gets `100 Continue`. */
  readBody(reader: BodyReader): void;
  pauseBody(): void;
  resumeBody(): void;

  /** Sends the 101 head (`exchange.lines`) and turns the connection into bytes; `end` hears of them. */
  startTunnel(exchange: Exchange, end: TunnelEnd): void;
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
  /** Whether the connection ends for the client's browser; null = for none. */
  readonly endsFor: ((exchange: Exchange) => boolean) | null;
  readonly chunkedAllowed: boolean;
  readonly lingeringClose: 'off' | 'on' | 'always';
  readonly lingeringTimeMs: number;
  readonly lingeringTimeoutMs: number;
  /** A client that let time run out is sent a reset. */
  readonly resetsTimedOut: boolean;
  /** What holds of a server as a whole. Unusual names of fields that are taken (http/fields.ts); slashes in a row are one. */
  readonly unusualNames: number;
  readonly mergeSlashes: boolean;
  /** The Server field as a line with its CRLF. */
  readonly serverLine: string;
}

export type Handler = (exchange: Exchange) => void;

/**
 * The one funnel of statuses: error_page, else the page of the status; what the exchange had as its answer until now is dropped.
 * `detail` is one human sentence (shown with error_detail); `lines` are field lines, each ended by CRLF, that belong to the error.
 */
export type Fail = (exchange: Exchange, status: number, detail: string, lines?: string) => void;

/** How a location finds the script in a path: `$fastcgi_script_name`, `$fastcgi_path_info`. */
export interface ScriptPath {
  nameOf(uri: string): string;
  infoOf(uri: string): string;
}

/** Where the files of a location are, bytes as latin1: `$document_root` and its like. */
export interface FilePlace {
  /** Root or alias, absolute. */
  root(exchange: Exchange): string;
  /** The file of the present URI; undefined where it has none. */
  path(exchange: Exchange): string | undefined;
}

/** A compiled location, or the server's own level where no location matches. */
export interface LocationRuntime {
  /** Its phases from limit_req on, then content: proxies, serves a file, answers. Called once the location is final. */
  readonly handle: Handler;
  readonly fail: Fail;
  /** Filters of its answers in their order; null = none is set. */
  readonly filters: readonly Filter[] | null;
  /** Called once when the exchange ended; null = nothing to log. */
  readonly log: Handler | null;
  /** nginx's log_subrequest. */
  readonly logsSubrequests: boolean;
  readonly client: ClientPolicy;
  /** null where the path is the script's name as it is. */
  readonly script: ScriptPath | null;
  /** null = no root is configured. */
  readonly files: FilePlace | null;
  /** Values of variables that show what is set here, by name; null = none are. */
  readonly own: Readonly<Record<string, (exchange: Exchange) => string | undefined>> | null;
  /** The filter that limits the rate where a peer asks for it; not among `filters` where nothing else does. */
  readonly rate?: Filter;
}

/** A virtual server as a front sees it. */
export interface ServerRuntime {
  /** First server_name, '' without: `$server_name`. */
  readonly name: string;
  /** The level outside of all locations. */
  readonly root: LocationRuntime;
  /** Runs the server's script, finds the location, runs its script, then its handler. */
  readonly dispatch: Handler;
  /** Hears of one that is answered without being dispatched: its head was none. Missing where nobody looks on. */
  readonly refused?: Handler;
  /** Internal redirect: the same for another URI (decoded, bytes as latin1); `args` undefined = they stay, null = it has none. */
  readonly redirect: (exchange: Exchange, uri: string, args?: string | null) => void;
  /** Goes to a named location (`@name`), its script and its handler; URI and arguments stay. */
  readonly toNamed: (exchange: Exchange, name: string) => void;
}

/** What stands between a location's script and its content. */
export interface Step {
  readonly slot: Phase;
  run(x: Exchange): StepResult;
}

export interface Content {
  readonly slot: ContentSlot;
  /** Made once for a location: answers an exchange, or hands it to `next`, in the same call or once it knows. */
  before(next: Handler): Handler;
}

export interface Filter {
  readonly slot: FilterSlot;
  /** Asked before anything of the body is made: may change the head. `detail` of a status is `head.why`. */
  head(x: Exchange, head: AnswerHead): number;
  /** While it says so the filter would do nothing; where all are idle none is asked. Missing: it never is. */
  readonly isIdle?: (() => boolean) | undefined;
  /** Begins to work on the body; `next` takes what comes of it. */
  join?(x: Exchange, next: AnswerSink): Link;
}

/** Who hears of an exchange's end: once, whatever ended it, when the last hold is gone. */
export interface Ending {
  onExchangeEnd(x: Exchange): void;
  /** The answer's last bytes are about to leave: what the client must find done when it has them. Perhaps never, perhaps twice. */
  onLastBytes?(x: Exchange): void;
}

/** Fields of an answer that go with the one in its place. */
export interface Carried {
  /** Content-Type without its charset, and that; '' = none. */
  readonly type: string;
  readonly charset: string;
  /** Each ended by CRLF. */
  readonly lines: string;
}

/** What became of a request in a cache. */
export interface CacheFacts {
  /** `$upstream_cache_status`; '' = nothing was looked for. */
  readonly status: string;
  /** The answer is to be stored: the peer is asked for all of it, whatever the client's conditions are. */
  readonly storing: boolean;
  /** A HEAD goes to the peer as a GET. */
  readonly convertsHead: boolean;
  /** Of what is stored and is to be checked by the peer; '' = there is nothing to ask with. */
  readonly lastModified: string;
  readonly etag: string;
}

/** Whoever runs the steps of an exchange. */
interface StepRunner {
  goOn(x: Exchange, result: StepResult): void;
}

export class Exchange {
  readonly client: Client;
  readonly request: RequestHead;
  /** Where the answer ends up, behind all filters. Set before it is dispatched, or never. */
  root: Root;
  server: ServerRuntime;
  location: LocationRuntime;
  /** Monotonic ms when the head was complete. */
  readonly startedAt: number;
  /** Whose request it is: the connection's own address, unless a proxy that is believed told another (nginx: c->addr_text). */
  remoteAddress: string;
  remotePort: number;
  /** It did. */
  addressTold = false;

  /** The request's method; an error page's own request is a GET unless it was a HEAD. */
  method: string;
  /** Normalised path: percent-decoded bytes as latin1, dot segments and double slashes resolved. `$uri`. */
  uri = '';
  /** Query string without the '?', as it came. `$args`. */
  args = '';
  /** There are some, or a redirect has given it empty ones. */
  hasArgs = false;
  /** `set $args`: the request line as it came no longer holds (nginx: valid_unparsed_uri). */
  argsChanged = false;
  /** The URI was changed by a rewrite: the request line as it came no longer says where to go. */
  rewritten = false;
  /** False once `break` kept a rewritten URI in its place: the location was not found for that URI (nginx: valid_location). */
  locationHolds = true;
  /** No rewrite of the script that runs has matched yet. */
  escapesCaptures = false;
  /** A rewrite has changed the URI, and the location for it is still to be found (nginx: uri_changed). */
  isUriChanged = false;
  /** The target of the request is no path: `$request_uri` is not set. */
  uriRefused = false;
  /** try_files has found a file below an alias that is a whole path: the URI, which is its name, stands after it. */
  uriInAlias = false;
  /** It came to its location by an internal redirect, or is a subrequest: `internal` lets it pass. */
  isInternal = false;
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
  /** The head of the answer as it went out, latin1; '' while none did. */
  sentHead = '';
  /** Bytes of the request: `$request_length`. */
  bodyBytesReceived = 0;
  /** What framed it: sizes of chunks, line ends, trailers. */
  framingBytesReceived = 0;
  /** The request's body, once somebody asked for it. */
  body: RequestBody | null = null;
  /** After this answer the connection ends, whatever else allows it to stay. */
  closeAfter = false;
  ended = false;
  /** A connection that ends with this exchange ends only once nobody holds it any more. */
  closesLate = false;

  attempts: Attempt[] = NO_ATTEMPTS;
  /** The peer's head as it came, for `$upstream_http_…`; '' without. */
  peerHead = '';
  /** Trailer lines of the peer's answer, each ended by CRLF. */
  peerTrailers = '';
  /** What a cache knows of the answer; null where none is asked. */
  cached: CacheFacts | null = null;
  /** What stands behind the host in a proxy_pass with variables: as nginx does it, made once, before the request to the peer. */
  proxyRest = '';
  /** Name of the upstream group or host: `$proxy_host`. */
  proxyHost = '';
  /** proxy_pass has sent it there, not fastcgi_pass: $proxy_host and $proxy_port are set. */
  tellsProxyHost = false;
  /** Whether TLS leads there. */
  proxySecure = false;
  failure: Failure | null = null;
  /** What limit_req and limit_conn made of the request; '' while they did not look at it. Once they did they do not again. */
  limitReqStatus = '';
  limitConnStatus = '';
  /** Bytes a second that its client gets, by `set` or by a peer (nginx: r->limit_rate); -1 = nobody has said it. */
  limitRate = -1;
  /** Where the answer's maker writes: the first filter that joined, or the root. */
  sink: AnswerSink;
  /** Whom the root obeys and tells of the client: the last filter that joined, or the maker; null when nobody needs to hear. */
  source: Source | null = null;
  /** The first filter that joined. */
  #first: Link | null = null;
  /** Tickets of an earlier epoch are stale. */
  #epoch = 0;
  /** Which step of the location runs, and who runs them. */
  step = 0;
  steps: StepRunner | null = null;
  /** Under `satisfy any` the 401 or 403 that holds unless somebody lets the client in. */
  denied = 0;
  /** Of a status that a step gives: why, and the field lines that belong to it (WWW-Authenticate), each ended by CRLF. */
  errorDetail = '';
  errorLines = '';
  /** What is known of its compression: CODING_TESTED, CODING_OK, VARIES. */
  coding = 0;
  /** Bytes of the body before and after it was compressed: `$gzip_ratio`; 0 while that is not done. */
  gzipIn = 0;
  gzipOut = 0;
  /** Of the main exchange; null while nobody asks. */
  trace: Trace | null = null;
  /** The exchange that this one was made for; itself for a client's own request. */
  main: Exchange = this;
  /** How many subrequests stand between it and the main exchange. */
  depth = 0;
  #holds = 0;
  #endings: Ending[] | null = null;
  /** An error page's own request: a second error is answered with a page of ours (nginx: r->error_page). */
  inErrorPage = false;
  /** The status that answers have whatever their makers say (nginx: err_status), and that logs show; 0 = their own. */
  errorStatus = 0;
  /** Field lines that errors leave to the answer that is sent in the end (WWW-Authenticate), each ended by CRLF. */
  keptLines = '';
  /** An error has left something to the next answer. */
  errorPending = false;
  /** The body is not read any more: nobody looks at its length again. */
  bodyRefused = false;
  /** What an answer with X-Accel-Redirect leaves to the one in its place; null = there was none. */
  carried: Carried | null = null;

  constructor(
    client: Client,
    request: RequestHead,
    server: ServerRuntime,
    startedAt: number,
    root: Root = client.root,
  ) {
    this.client = client;
    this.request = request;
    this.server = server;
    this.location = server.root;
    this.remoteAddress = client.remoteAddress;
    this.remotePort = client.remotePort;
    this.method = request.method;
    this.startedAt = startedAt;
    this.root = root;
    this.sink = root;
  }

  /** Who looks on stands in front of the root that there was. */
  lookOn(root: Root): void {
    this.root = root;
    this.sink = root;
  }

  /** From now on the answer is made by this source; null: by nobody who must hear of the client. */
  setMaker(maker: Source | null): void {
    if (this.#first === null) this.source = maker;
    else this.#first.source = maker;
  }

  /** Puts filters between the present maker and the root: `first` takes what is made, `last` writes to the root. */
  setChain(first: Link, last: Link): void {
    first.source = this.source;
    this.#first = first;
    this.sink = first;
    this.source = last;
  }

  /** Puts a filter between the maker and all others. */
  prepend(link: Link): void {
    const first = this.#first;
    if (first === null) return this.setChain(link, link);
    link.source = first.source;
    first.source = link;
    this.#first = link;
    this.sink = link;
  }

  /** The answer so far never began: its filters give back what they hold, and its maker is no longer heard. */
  dropAnswer(): void {
    this.#epoch++;
    this.denied = 0;
    this.errorDetail = '';
    this.errorLines = '';
    this.#first?.drop();
    this.#first = null;
    this.sink = this.root;
    this.source = null;
  }

  /** A step waits for somebody; `source` hears of a client that leaves meanwhile. The ticket brings the exchange back. */
  wait(source: Source): number {
    this.setMaker(source);
    return ++this.#epoch;
  }

  /** Goes on after `wait`; does nothing when the client left, or when another answer or location has taken over. */
  resume(ticket: number, result: StepResult): void {
    if (!this.isCurrent(ticket)) return;
    this.#epoch++;
    this.setMaker(null);
    this.steps?.goOn(this, result);
  }

  /** From now on answers have this status (0 = their own), and the lines of the error. */
  answerError(status: number): void {
    this.errorStatus = status;
    this.errorPending = true;
  }

  /** What an answer that another one stands for has left: an error its status and lines, X-Accel-Redirect some fields. */
  takeError(): void {
    if (this.carried !== null) this.#takeCarried(this.carried);
    if (!this.errorPending) return;
    this.errorPending = false;
    if (this.errorStatus !== 0) {
      this.status = this.errorStatus;
      this.reason = '';
    }
    this.#putAhead(this.keptLines);
    this.keptLines = '';
  }

  /** Of an earlier answer, so in front of this one's own; but as in nginx behind those that each answer begins with. */
  #putAhead(lines: string): void {
    if (lines !== '') this.lines = this.lines.replace(BEGINNING, (first) => first + lines);
  }

  /** Once: but a charset stays for whatever types come after it. */
  #takeCarried(carried: Carried): void {
    const { charset } = carried;
    const own = CONTENT_TYPE.exec(this.lines)?.[1];
    let type = carried.type === '' ? (own ?? '') : carried.type;
    if (type !== '' && charset !== '' && !CHARSET.test(type)) type += `; charset=${charset}`;
    const line = `Content-Type: ${type}\r\n`;
    if (own !== undefined) this.lines = this.lines.replace(CONTENT_TYPE, () => line);
    else if (type !== '') this.lines = line + this.lines;
    this.#putAhead(carried.lines);
    this.carried = { type: '', charset, lines: '' };
  }

  /** The page of a status takes the answer's place: it has a type of its own. */
  dropCarriedType(): void {
    if (this.carried !== null) this.carried = { ...this.carried, type: '' };
  }

  /** An error or a redirect takes the answer's place: its own fields come behind those carried, and it has a type of its own. */
  keepCarried(): void {
    if (this.carried === null) return;
    const { charset, lines } = this.carried;
    this.keptLines += lines;
    this.carried = { type: '', charset, lines: '' };
  }

  isCurrent(ticket: number): boolean {
    return ticket === this.#epoch && !this.ended;
  }

  /** Whoever is about to read the body, or would if there were one, gives the client that waits for it its 100: once (ngx_http_test_expect). */
  sayContinue(): void {
    if (!this.request.expectContinue || this.isSub) return;
    this.request.expectContinue = false;
    this.client.informational(100, '');
  }

  /** The exchange lives on behind its answer until each `hold` was given back by `unhold`. */
  hold(): void {
    this.#holds++;
  }

  unhold(): void {
    if (--this.#holds === 0 && this.ended) this.#settle();
  }

  get headBytesSent(): number {
    return this.sentHead.length;
  }

  /** Made by lbproxy for another exchange. */
  get isSub(): boolean {
    return this.main !== this;
  }

  get isHeld(): boolean {
    return this.#holds > 0;
  }

  /** The connection ends without an answer. A subrequest takes its main exchange along, unless that does not wait for it. */
  hangUp(): void {
    const { main, root } = this;
    if (root.hangUp !== undefined) return root.hangUp();
    if (!main.headSent) main.status = this.status;
    main.client.hangUp(main);
  }

  onEnd(ending: Ending): void {
    if (this.#endings === null) this.#endings = [ending];
    else this.#endings.push(ending);
  }

  /** The root says so before it hands the last bytes over. */
  lastBytes(): void {
    if (this.#endings === null || this.#holds > 0) return;
    for (const ending of this.#endings) ending.onLastBytes?.(this);
  }

  /** The answer is out, or will never be. */
  end(): void {
    this.ended = true;
    if (this.#holds === 0) this.#settle();
  }

  #settle(): void {
    const endings = this.#endings;
    this.#endings = null;
    try {
      if (!this.isSub || this.location.logsSubrequests) this.location.log?.(this);
    } finally {
      if (endings !== null) for (const ending of endings) ending.onExchangeEnd(this);
      this.body?.release();
    }
  }

  /** `$request_id`: 16 random bytes in hexadecimal, made when first asked for. */
  get id(): string {
    if (this.isSub) return this.main.id;
    if (this.#id === '') this.#id = randomHex();
    return this.#id;
  }

  beginAttempt(attempt: Attempt): void {
    if (this.attempts === NO_ATTEMPTS) this.attempts = [attempt];
    else this.attempts.push(attempt);
  }
}

/** What every answer may have of its own. */
const BEGINNING = /^(?:(?:content-type|content-length|last-modified|location):.*\r\n)*/i;

const CONTENT_TYPE = /^content-type: *(.*)\r\n/im;

const CHARSET = /; *charset=/i;

/** Shared by all exchanges that were never forwarded. */
const NO_ATTEMPTS: Attempt[] = [];

function randomHex(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Buffer.from(bytes.buffer).hexSlice();
}
