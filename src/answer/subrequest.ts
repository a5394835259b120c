// A request that lbproxy makes of itself for another one: the client's facts, the head and the variables are the main exchange's,
// its tunnel never, its body where that lies ready. The answer goes to a root of its own, which decides what becomes of it.
import { Exchange, type Handler, type Root } from '../exchange/exchange.ts';
import { ENOUGH, type Flow, GO, LAST, type Source, WAIT } from '../exchange/flow.ts';
import { systemClock } from '../shared/clock.ts';
import type { Failure } from '../shared/failure.ts';

/** As nginx: a subrequest may make subrequests, fifty deep behind the first. */
const MAX_DEPTH = 51;

/** What is asked for: a decoded path of the main exchange's server, bytes as latin1. */
export interface Asked {
  readonly uri: string;
  /** null = none, which variables tell from empty ones. */
  readonly args: string | null;
  /** GET unless said otherwise; HEAD where only the head is of use. */
  readonly method?: string;
  /** False: it has no body even where the main exchange's was read. */
  readonly body?: boolean;
  /** Goes there at once, as a copy of the parent at this point: no script and no step comes before. */
  readonly at?: Handler;
}

/** Whether it may make a subrequest. */
export function mayNest(x: Exchange): boolean {
  return x.depth < MAX_DEPTH;
}

/** Where the parent is, and what it has come to. */
function copyPlace(x: Exchange, parent: Exchange): void {
  x.server = parent.server;
  x.location = parent.location;
  x.uri = parent.uri;
  x.args = parent.args;
  x.hasArgs = parent.hasArgs;
  x.argsChanged = parent.argsChanged;
  x.rewritten = parent.rewritten;
  x.locationHolds = parent.locationHolds;
  x.uriRefused = parent.uriRefused;
  x.isInternal = parent.isInternal;
  x.captures = parent.captures;
  x.proxyHost = parent.proxyHost;
  x.proxySecure = parent.proxySecure;
}

/** Where the answer of a subrequest ends up; what it does with head and body is its kind's matter. */
export abstract class SubRoot implements Root {
  #x: Exchange | null = null;
  #over = false;

  /** Its answer begins: `x.status`, `x.lines`, `x.length`. */
  protected abstract onHead(x: Exchange): void;
  /** A piece of the body, lent. WAIT: `drained` tells when more may come. */
  protected abstract onPiece(buf: Buffer, a: number, b: number, flags: number): Flow;
  /** It is over; once. `failure`: the answer is not whole. */
  protected abstract onOver(x: Exchange, failure: Failure | null): void;

  /** Asks for `asked` on behalf of `parent`; false where that is too deep. The answer may come within the call. */
  ask(parent: Exchange, asked: Asked): boolean {
    if (!mayNest(parent)) return false;
    const { main } = parent;
    const x = new Exchange(main.client, main.request, main.server, systemClock.now(), this);
    x.main = main;
    x.remoteAddress = main.remoteAddress;
    x.remotePort = main.remotePort;
    x.depth = parent.depth + 1;
    x.method = asked.method ?? 'GET';
    // Of a body that nobody wanted nothing is left to be too large.
    x.bodyRefused = main.bodyRefused || (main.headSent && main.body === null);
    main.variables ??= new Map();
    x.variables = main.variables;
    if (asked.body !== false && main.body?.complete === true && main.body.isShared) {
      x.body = main.body;
      x.body.hold();
    }
    // The way to its own URI is none of the turns that it may make.
    x.redirects = -1;
    this.#x = x;
    main.hold();
    if (asked.at !== undefined) {
      copyPlace(x, parent);
      asked.at(x);
      return true;
    }
    main.server.redirect(x, asked.uri, asked.args === '' ? null : asked.args);
    return true;
  }

  /** Its answer comes in a moment: nobody else is asked for it. */
  protected get isPrompt(): boolean {
    return this.#x?.source?.isPrompt === true;
  }

  /** Whether who makes the answer goes on for a client that closed its own direction. */
  protected get goesOnHalfClosed(): boolean {
    return this.#x?.source?.survivesHalfClose ?? true;
  }

  /** Nobody wants the answer any more. */
  cancel(): void {
    const x = this.#x;
    if (x === null || this.#over) return;
    const { source } = x;
    x.source = null;
    source?.onGone('replaced');
    x.dropAnswer();
    this.#end(x, null, false);
  }

  /** Whoever takes the pieces has drained. */
  protected drained(): void {
    this.#x?.source?.onDrain();
  }

  sendWhole(from: Source, x: Exchange, body: string | Buffer): void {
    const bytes = typeof body === 'string' ? Buffer.from(body, 'latin1') : body;
    x.length = bytes.length;
    this.start(from, x, bytes, 0, bytes.length, LAST);
  }

  // biome-ignore lint/complexity/useMaxParams: on the road an object for the piece would be one per call
  start(from: Source, x: Exchange, buf: Buffer | null, a: number, b: number, flags: number): Flow {
    if (this.#over || x !== this.#x || from !== x.source || x.headSent) return ENOUGH;
    x.takeError();
    x.headSent = true;
    this.onHead(x);
    return this.#piece(x, buf ?? NOTHING, a, b, flags);
  }

  write(from: Source, buf: Buffer, a: number, b: number, flags: number): Flow {
    const x = this.#heard(from);
    return x === null ? ENOUGH : this.#piece(x, buf, a, b, flags);
  }

  writeKept(from: Source, buf: Buffer, a: number, b: number, flags: number): Flow {
    return this.write(from, buf, a, b, flags);
  }

  finish(from: Source): void {
    const x = this.#heard(from);
    if (x !== null) this.#end(x, null, true);
  }

  abort(from: Source, why: Failure): void {
    const x = this.#x;
    if (this.#over || x === null || from !== x.source) return;
    x.failure ??= why;
    this.#end(x, why, true);
  }

  #heard(from: Source): Exchange | null {
    const x = this.#x;
    return !this.#over && x !== null && from === x.source && x.headSent ? x : null;
  }

  #piece(x: Exchange, buf: Buffer, a: number, b: number, flags: number): Flow {
    const flow = a < b ? this.onPiece(buf, a, b, flags & ~LAST) : GO;
    // Taking it may have ended it.
    if (this.#over) return ENOUGH;
    if (x.method !== 'HEAD') x.bodyBytesSent += b - a;
    if ((flags & LAST) !== 0) this.#end(x, null, true);
    else if (flow === ENOUGH) this.cancel();
    return flow === WAIT ? WAIT : flow;
  }

  #end(x: Exchange, failure: Failure | null, tells: boolean): void {
    this.#over = true;
    x.source = null;
    x.end();
    if (tells) this.onOver(x, failure);
    x.main.unhold();
  }
}

/** Bytes of a body that nobody wants which are read all the same: the peer's connection can serve again then. */
const DROPPED_BYTES = 65_536;

const FETCHED: ReadonlySet<string> = new Set(['MISS', 'EXPIRED', 'BYPASS']);

const isFetched = ({ cached }: Exchange): boolean => cached?.storing === true && FETCHED.has(cached.status);

/** Takes the head and drops the body: auth_request, mirror. */
export class HeadOnly extends SubRoot {
  readonly isHeadOnly = true;
  readonly #done: (x: Exchange | null) => void;
  #told = false;
  #dropped = 0;
  /** A cache takes its answer: whoever asked goes on once that is stored, as in nginx, and may find it. */
  #stored: Exchange | null = null;

  /** `done` is called once, with the exchange whose head came, or null where none did. */
  constructor(done: (x: Exchange | null) => void) {
    super();
    this.#done = done;
  }

  protected onHead(x: Exchange): void {
    if (isFetched(x)) {
      this.#stored = x;
      return;
    }
    this.#told = true;
    this.#done(x);
  }

  protected onPiece(_buf: Buffer, a: number, b: number): Flow {
    this.#dropped += b - a;
    return this.#dropped > DROPPED_BYTES && this.#stored === null ? ENOUGH : GO;
  }

  protected onOver(): void {
    if (this.#told) return;
    this.#told = true;
    this.#done(this.#stored);
  }
}

/** Goes its own way: the main exchange neither waits for it nor suffers from it. */
export class Aside extends HeadOnly {
  constructor() {
    super(() => {});
  }

  hangUp(): void {
    this.cancel();
  }
}

const NOTHING = Buffer.alloc(0);
