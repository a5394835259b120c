// Between http-proxy-3 and its request to a peer. Of itself it hears of the head of an answer and of errors: not of an answer that
// ends early or is none, of an upgrade that nobody asked for, or of a request that closes without a word; and an error behind a
// whole answer reaches it as if there were none. So its listeners are taken, and called for what they are made for.
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { markInternal } from './failure-of.ts';
import { holdWriteErrors, takesNoMore } from './held-writes.ts';

/** Interim answers that a peer may send before the final one, as in the data plane. */
const MAX_INFORMATIONAL = 16;
/** What node:http does not take as a reason phrase. */
const NOT_IN_REASON = /[^\t\x20-\x7e\x80-\xff]/;
/** Fields that HTTP/2 has no place for; node:http2 throws. `connection` and `keep-alive` are http-proxy-3's to leave out. */
const NOT_IN_HTTP2 = ['upgrade', 'proxy-connection', 'http2-settings'];

/** Whose request it is. That no answer came at all, http-proxy-3's own listener tells. */
export interface Overseer {
  /** The client's protocol. */
  readonly httpVersionMajor: number;
  /** An answer began; http-proxy-3 hears of it next. */
  onAnswer(answer: IncomingMessage): void;
  /** An answer began, and the client cannot have the whole of it. */
  onBroken(error: NodeJS.ErrnoException, answer: IncomingMessage): void;
  /** Nobody needs the rest of the request's body. */
  onBodyUnwanted(request: ClientRequest): void;
}

const OVERSEEN = new WeakMap<ClientRequest, Oversight>();

/** To be called when the request has got its socket, and http-proxy-3 has set its listeners. */
export function oversee(request: ClientRequest, socket: Socket, overseer: Overseer): void {
  const known = OVERSEEN.get(request);
  // A redirect that is followed brings a further socket.
  if (known !== undefined) return known.watch(socket);
  const oversight = new Oversight(request, overseer);
  OVERSEEN.set(request, oversight);
  oversight.begin();
  oversight.watch(socket);
}

/** The one on the wire: where redirects are followed, `request` stands for one after another, and keeps most events to itself. */
function onWire(request: ClientRequest): ClientRequest {
  return (request as ClientRequest & { readonly _currentRequest?: ClientRequest })._currentRequest ?? request;
}

function takeListeners(request: ClientRequest, event: 'response' | 'error'): ((argument: unknown) => void)[] {
  const listeners = request.listeners(event) as ((argument: unknown) => void)[];
  request.removeAllListeners(event);
  return listeners;
}

class Oversight {
  readonly #request: ClientRequest;
  readonly #overseer: Overseer;
  readonly #onResponse: ((answer: unknown) => void)[];
  readonly #onError: ((error: unknown) => void)[];
  #socket: Socket | null = null;
  #answer: IncomingMessage | null = null;
  /** What is known of the reason when an answer breaks off. */
  #cause: Error | null = null;
  #informational = 0;
  #over = false;

  constructor(request: ClientRequest, overseer: Overseer) {
    this.#request = request;
    this.#overseer = overseer;
    this.#onResponse = takeListeners(request, 'response');
    this.#onError = takeListeners(request, 'error');
  }

  begin(): void {
    this.#request.on('response', (answer) => this.#begun(answer));
    this.#request.on('error', (error) => this.#failed(error));
  }

  /** The request goes out on this socket. */
  watch(socket: Socket): void {
    this.#socket = socket;
    const wire = onWire(this.#request);
    wire.on('information', () => {
      if (++this.#informational > MAX_INFORMATIONAL) this.#refuse('the peer sent too many interim answers');
    });
    if (wire.listenerCount('upgrade') === 0) wire.once('upgrade', (_answer, other) => this.#unasked(other));
    else wire.once('upgrade', () => this.#end());
    wire.once('close', () => {
      if (this.#answer === null && wire === onWire(this.#request))
        this.#failed(withCode('the peer closed without an answer', 'ECONNRESET'));
    });
    holdWriteErrors(socket, () => {
      if (this.#answer !== null) this.#overseer.onBodyUnwanted(this.#request);
    });
  }

  #end(): void {
    this.#over = true;
  }

  /** An error before any answer is http-proxy-3's; one behind a whole answer is nobody's. */
  #failed(error: Error): void {
    const answer = this.#answer;
    this.#cause ??= error;
    // Node takes an answer without a length for whole when its connection is reset; at this moment it does not yet.
    if (answer !== null && !answer.complete) this.#broken(error);
    if (this.#over || answer !== null) return;
    this.#end();
    for (const listener of this.#onError) listener.call(this.#request, error);
  }

  #refuse(text: string): void {
    if (this.#over) return;
    this.#failed(withCode(text, 'EPROTO'));
    this.#request.destroy();
  }

  #unasked(socket: Socket): void {
    socket.on('error', () => {});
    socket.destroy();
    this.#refuse('the peer switched protocols unasked');
  }

  #begun(answer: IncomingMessage): void {
    if (this.#over) return void answer.destroy();
    const http2 = this.#overseer.httpVersionMajor > 1;
    const status = answer.statusCode ?? 0;
    if (!isFinalStatus(status, http2)) return this.#refuse(`the peer answered with status ${status}`);
    this.#answer = answer;
    answer.on('error', (error) => {
      this.#cause ??= error;
    });
    answer.once('end', () => this.#answered());
    answer.once('close', () => {
      // One without a length that is given up counts as complete by now.
      if (!answer.readableEnded)
        this.#broken(this.#cause ?? withCode('the peer closed inside its answer', 'ECONNRESET'));
    });
    makeSendable(answer, http2);
    try {
      this.#overseer.onAnswer(answer);
      for (const listener of this.#onResponse) listener.call(this.#request, answer);
    } catch (error) {
      this.#broken(markInternal(error as Error));
      this.#request.destroy();
    }
    if (this.#socket !== null && takesNoMore(this.#socket)) this.#overseer.onBodyUnwanted(this.#request);
  }

  /** nginx too gives up the rest of a request whose answer is whole, and with it the connection. */
  #answered(): void {
    if (this.#request.writableFinished) return;
    this.#overseer.onBodyUnwanted(this.#request);
    this.#request.destroy();
  }

  #broken(error: Error): void {
    if (this.#over || this.#answer === null) return;
    this.#end();
    this.#answer.unpipe();
    this.#overseer.onBroken(error, this.#answer);
    this.#answer.destroy();
  }
}

function withCode(text: string, code: string): Error {
  return Object.assign(new Error(text), { code });
}

/** Whether a client can be given it. */
export function isFinalStatus(status: number, http2: boolean): boolean {
  return status >= 200 && status <= (http2 ? 599 : 999);
}

/** http-proxy-3 throws as it rewrites a Location that is no URL; one that is no plain string it lets alone. */
export function keepLocation(answer: IncomingMessage): void {
  const { location } = answer.headers;
  if (location === undefined || URL.canParse(location, 'http://base.invalid')) return;
  (answer.headers as Record<string, string | string[]>).location = [location];
}

/** A refused handshake: http-proxy-3 writes it as it is, and closes. */
export function readyRefusal(answer: IncomingMessage): void {
  answer.headers.connection = 'close';
  keepLocation(answer);
  const { statusCode, headers } = answer;
  if (statusCode !== 204 && statusCode !== 304) return;
  // It frames as chunked what has no length of its own, also where there is no body; it copies what can be enumerated.
  delete headers['transfer-encoding'];
  if (headers['content-length'] === undefined)
    Object.defineProperty(headers, 'content-length', { value: '0', enumerable: false });
}

/** The application's own Trailer, where the answer has no place for trailers: node:http throws. */
export function dropTrailer(answer: IncomingMessage, req: IncomingMessage, res: ServerResponse): void {
  if (res.headersSent || !res.hasHeader('trailer')) return;
  const whole =
    req.httpVersion === '1.0' || req.method === 'HEAD' || answer.headers['content-length'] !== undefined;
  const { statusCode } = answer;
  if (whole || statusCode === 204 || statusCode === 304) res.removeHeader('trailer');
}

/** Takes away what would make Node throw as the answer is written to the client. */
export function makeSendable(answer: IncomingMessage, http2: boolean): void {
  // What the peer says of its own connection.
  if (!/^close$/i.test(answer.headers.connection ?? 'close')) delete answer.headers.connection;
  // http-proxy-3 passes no trailers, and node:http throws on announcing some beside a length.
  delete answer.headers.trailer;
  if (NOT_IN_REASON.test(answer.statusMessage ?? '')) answer.statusMessage = '';
  if (http2) for (const name of NOT_IN_HTTP2) delete answer.headers[name];
}
