// What http-proxy-3 gets of a request and its response for one attempt. It writes to both, adds listeners to both and cannot be
// told to leave them alone; so each attempt has its own pair, and the real ones see only the attempt that answers.
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Readable, Writable } from 'node:stream';
import type { ReplayBody } from './replay-body.ts';

/** Fields of one connection only (RFC 9110 §7.6.1), and Expect, which our side has answered already. */
const CONNECTION_FIELDS = ['connection', 'keep-alive', 'proxy-connection', 'te', 'upgrade', 'expect'];
/** Of the answer's fields, those that node:http writes for the client's connection itself. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);
/** Naming these in Connection must not take them away: they say where the message goes and where it ends. */
const NOT_NAMEABLE: ReadonlySet<string> = new Set(['host', 'content-length', 'transfer-encoding']);

/** How the body goes to the peer, decided from the client's head before anything could change it. */
export type Framing = 'none' | 'length' | 'chunked';

export function framingOf(req: IncomingMessage): Framing {
  if (req.headers['transfer-encoding'] !== undefined) return 'chunked';
  const length = req.headers['content-length'];
  if (length !== undefined) return length === '0' ? 'none' : 'length';
  // HTTP/2 knows of a body without any field.
  const { stream } = req as IncomingMessage & { readonly stream?: { readonly endAfterHeaders: boolean } };
  return stream !== undefined && !stream.endAfterHeaders ? 'chunked' : 'none';
}

/** The request of one attempt: its head a copy, its body held back until `open`. */
export class CarriedRequest extends Readable {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: string[];
  readonly httpVersion: string;
  readonly httpVersionMajor: number;
  readonly socket: Socket;
  readonly framing: Framing;
  readonly #body: ReplayBody | null;
  #open = false;
  #asked = false;

  constructor(req: IncomingMessage, framing: Framing, body: ReplayBody | null) {
    super();
    this.method = req.method;
    this.url = req.url;
    this.headers = endToEnd(req.headers);
    this.rawHeaders = req.rawHeaders;
    this.httpVersion = req.httpVersion;
    this.httpVersionMajor = req.httpVersionMajor;
    this.socket = req.socket;
    this.framing = framing;
    this.#body = body;
    body?.attach(this);
  }

  /** The older name, which http-proxy-3 reads. */
  get connection(): Socket {
    return this.socket;
  }

  /** Writes the framing fields anew, after http-proxy-3 had its way with them (it gives a chunked DELETE a length of 0). */
  frame(length: string | undefined): void {
    if (this.framing !== 'chunked') delete this.headers['transfer-encoding'];
    if (this.framing === 'chunked') {
      delete this.headers['content-length'];
      this.headers['transfer-encoding'] = 'chunked';
    } else if (this.framing === 'length') {
      this.headers['content-length'] = length;
    }
  }

  /** The connection stands: from here on bytes are sent. */
  open(): void {
    this.#open = true;
    if (this.#asked) this._read();
  }

  override _read(): void {
    this.#asked = true;
    if (!this.#open) return;
    if (this.#body === null) this.push(null);
    else this.#body.pull(this);
  }
}

function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const kept = { ...headers };
  for (const token of (headers.connection ?? '').split(',')) {
    const name = token.trim().toLowerCase();
    if (!NOT_NAMEABLE.has(name)) delete kept[name];
  }
  for (const name of CONNECTION_FIELDS) delete kept[name];
  return kept;
}

/** The response of one attempt: writes through to the real one, unless its answer is passed over. */
export class CarriedResponse extends Writable {
  readonly #res: ServerResponse;
  readonly #onThrown: (error: Error) => void;
  /** Makes http-proxy-3 leave the answer alone: to it, the response looks written and finished. */
  passedOver = false;

  /** `onThrown`: Node did not take what is to be written. */
  constructor(res: ServerResponse, onThrown: (error: Error) => void) {
    super();
    this.#res = res;
    this.#onThrown = onThrown;
  }

  get headersSent(): boolean {
    return this.passedOver || this.#res.headersSent;
  }

  get finished(): boolean {
    return this.passedOver || this.#res.writableEnded;
  }

  get statusCode(): number {
    return this.#res.statusCode;
  }

  set statusCode(status: number) {
    this.#res.statusCode = status;
  }

  set statusMessage(text: string) {
    this.#res.statusMessage = text;
  }

  get statusMessage(): string {
    return this.#res.statusMessage;
  }

  setHeader(name: string, value: string | string[]): void {
    if (!OWN_FIELDS.has(name.toLowerCase())) this.#res.setHeader(name, value);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    try {
      if (this.#res.write(chunk)) done();
      else this.#res.once('drain', done);
    } catch (error) {
      this.#onThrown(error as Error);
    }
  }

  override _final(done: () => void): void {
    try {
      this.#res.end(() => done());
    } catch (error) {
      this.#onThrown(error as Error);
    }
  }
}
