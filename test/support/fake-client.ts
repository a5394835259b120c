// A client without a socket: records what a handler answers, takes only so much at a time when told to, and can leave.
import {
  type Client,
  Exchange,
  type LocationRuntime,
  type Root,
  type ServerRuntime,
} from '../../src/exchange/exchange.ts';
import { ENOUGH, type Flow, GO, LAST, type Source, WAIT } from '../../src/exchange/flow.ts';
import { type HeadLimits, parseRequestHead, RequestHead } from '../../src/http/request-head.ts';
import type { Failure } from '../../src/shared/failure.ts';

export interface FakeClientOptions {
  readonly localAddress?: string;
  readonly localPort?: number;
  readonly secure?: boolean;
  /** `write` and `start` return false each time; the test calls `drain()`. */
  readonly slow?: boolean;
}

/** What the client got, as far as it was sent. */
export interface FakeAnswer {
  readonly status: number;
  /** Field lines in order, Content-Length among them when there is one; no Server, Date, Connection. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  readonly closeAfter: boolean;
  /** finished: the answer is complete. */
  readonly end: 'finished' | Failure;
}

export class FakeClient implements Client, Root {
  readonly remoteAddress = '127.0.0.1';
  readonly remotePort = 50_000;
  readonly localAddress: string;
  readonly localPort: number;
  readonly secure: boolean;
  readonly tls = null;
  readonly proxyProtocol = null;
  readonly pipelined = false;
  readonly acceptedAtMs = 0;
  readonly id = 1;
  readonly requests = 1;
  readonly bodyIsBroken = false;
  readonly root: Root = this;

  get entry(): ServerRuntime {
    throw new Error('not part of this test');
  }

  readonly #slow: boolean;
  readonly #pieces: Buffer[] = [];
  #status = 0;
  #fields: [string, string][] = [];
  #exchange: Exchange | null = null;
  #resolve: (answer: FakeAnswer) => void = () => {};
  /** Settles when the answer is complete or aborted. */
  readonly answer: Promise<FakeAnswer>;
  /** Calls in their order: which ways of the contract a handler took. */
  readonly calls: string[] = [];
  gone = false;

  constructor(options: FakeClientOptions = {}) {
    this.localAddress = options.localAddress ?? '127.0.0.1';
    this.localPort = options.localPort ?? 80;
    this.secure = options.secure ?? false;
    this.#slow = options.slow ?? false;
    this.answer = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** Bytes of body taken so far. */
  get received(): number {
    return this.#pieces.reduce((sum, piece) => sum + piece.length, 0);
  }

  drain(): void {
    this.#exchange?.source?.onDrain();
  }

  leave(exchange: Exchange): void {
    this.gone = true;
    exchange.source?.onGone('client_aborted');
  }

  sendWhole(from: Source, exchange: Exchange, body: string | Buffer): void {
    if (this.gone || from !== exchange.source) return;
    this.calls.push('sendWhole');
    exchange.length = body.length;
    this.#head(exchange);
    this.#take(typeof body === 'string' ? Buffer.from(body, 'latin1') : body);
    this.#end('finished');
  }

  // biome-ignore lint/complexity/useMaxParams: as the contract has it
  start(from: Source, exchange: Exchange, piece: Buffer | null, a: number, b: number, flags: number): Flow {
    if (this.gone || from !== exchange.source) return ENOUGH;
    this.calls.push((flags & LAST) !== 0 ? 'start-last' : 'start');
    this.#head(exchange);
    if (piece !== null) this.#take(piece.subarray(a, b));
    if ((flags & LAST) !== 0) this.#end('finished');
    return this.#slow ? WAIT : GO;
  }

  writeKept(from: Source, piece: Buffer, a: number, b: number, flags: number): Flow {
    return this.write(from, piece, a, b, flags);
  }

  write(from: Source, piece: Buffer, a: number, b: number, flags: number): Flow {
    if (this.gone || from !== this.#exchange?.source) return ENOUGH;
    this.calls.push('write');
    this.#take(piece.subarray(a, b));
    if ((flags & LAST) !== 0) this.#end('finished');
    return this.#slow ? WAIT : GO;
  }

  finish(from: Source): void {
    if (this.gone || from !== this.#exchange?.source) return;
    this.calls.push('finish');
    this.#end('finished');
  }

  hangUp(): void {
    this.calls.push('abort');
    this.#end('client_aborted');
  }

  abort(from: Source, failure: Failure): void {
    if (this.gone || from !== this.#exchange?.source) return;
    this.calls.push('abort');
    this.#end(failure);
  }

  #head(exchange: Exchange): void {
    if (this.#exchange !== null) throw new Error('a second answer to one request');
    this.#exchange = exchange;
    exchange.headSent = true;
    this.#status = exchange.status;
    this.#fields = parseLines(exchange.lines);
    const bodyless = exchange.status === 204 || exchange.status === 304;
    if (!bodyless && exchange.length >= 0) this.#fields.push(['Content-Length', String(exchange.length)]);
  }

  #take(piece: Buffer): void {
    if (piece.length > 0 && this.#exchange?.request.method === 'HEAD') throw new Error('a body for HEAD');
    this.#pieces.push(Buffer.from(piece));
  }

  #end(end: 'finished' | Failure): void {
    const closeAfter = this.#exchange?.closeAfter ?? false;
    if (this.#exchange !== null) this.#exchange.source = null;
    this.#resolve({
      status: this.#status,
      fields: this.#fields,
      body: Buffer.concat(this.#pieces),
      closeAfter,
      end,
    });
  }

  informational(): void {}
  readBody(): void {}
  pauseBody(): void {}
  resumeBody(): void {}
  startTunnel(): void {}
}

function parseLines(lines: string): [string, string][] {
  if (lines === '') return [];
  if (!lines.endsWith('\r\n')) throw new Error(`lines do not end in CRLF: ${JSON.stringify(lines)}`);
  return lines
    .slice(0, -2)
    .split('\r\n')
    .map((line) => {
      const m = /^([A-Za-z0-9-]+): ?([^\r\n\0]*)$/.exec(line);
      if (m === null) throw new Error(`not a field line: ${JSON.stringify(line)}`);
      return [m[1], m[2]];
    });
}

const LIMITS: HeadLimits = { maxLine: 65_536, maxHead: 65_536, maxFields: 100 };

/** A request head as it stands on the wire. */
export function readHead(text: string): RequestHead {
  const head = new RequestHead();
  const bytes = Buffer.from(text, 'latin1');
  const end = parseRequestHead(head, bytes, { start: 0, end: bytes.length, scanned: 0 }, LIMITS);
  if (end <= 0) throw new Error(`the test's request is not one (${head.problem}): ${text}`);
  return head;
}

/** An exchange for one request (its head as text); the URI is the decoded path. Its location has no handler: tests call theirs. */
export function fakeExchange(
  client: FakeClient,
  head: string,
  location: Partial<LocationRuntime> = {},
  serverName = '',
): Exchange {
  const request = readHead(head);
  const unused = (): never => {
    throw new Error('not part of this test');
  };
  const root: LocationRuntime = {
    handle: unused,
    fail: unused,
    filters: null,
    files: null,
    log: null,
    script: null,
    logsSubrequests: false,
    own: null,
    client: {} as LocationRuntime['client'],
    ...location,
  };
  const server: ServerRuntime = {
    name: serverName,
    root,
    dispatch: unused,
    redirect: unused,
    toNamed: unused,
  };
  const exchange = new Exchange(client, request, server, 0);
  const [path, ...args] = request.path.split('?');
  exchange.uri = path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  exchange.args = args.join('?');
  exchange.hasArgs = args.length > 0;
  return exchange;
}
