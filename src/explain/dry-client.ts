// The client of a request that is only explained: it has a body to give, and takes of the answer no more than its head.
import type { BodyReader, Client, Exchange, Root, ServerRuntime } from '../exchange/exchange.ts';
import { ENOUGH, type Flow, type Source } from '../exchange/flow.ts';
import type { Failure } from '../shared/failure.ts';
import type { ClientTls } from '../socket/tls/client-tls.ts';

/** Who asks, and where. */
export interface DryAddress {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly tls: ClientTls | null;
}

/** How it ended. */
export type DryEnd =
  | { readonly kind: 'answer'; readonly body: Buffer | null }
  | { readonly kind: 'closed' }
  | { readonly kind: 'broken'; readonly why: Failure };

export class DryClient implements Client, Root {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly secure: boolean;
  readonly tls: ClientTls | null;
  readonly proxyProtocol = null;
  readonly acceptedAtMs = 0;
  readonly pipelined = false;
  readonly id = 1;
  readonly requests = 1;
  readonly bodyIsBroken = false;
  readonly root: Root = this;
  readonly entry: ServerRuntime;
  readonly #body: Buffer;
  readonly #done: (end: DryEnd) => void;
  #exchange: Exchange | null = null;
  #reader: BodyReader | null = null;

  /** `done` is called once. */
  constructor(address: DryAddress, entry: ServerRuntime, body: Buffer, done: (end: DryEnd) => void) {
    this.remoteAddress = address.remoteAddress;
    this.remotePort = address.remotePort;
    this.localAddress = address.localAddress;
    this.localPort = address.localPort;
    this.tls = address.tls;
    this.secure = address.tls !== null;
    this.entry = entry;
    this.#body = body;
    this.#done = done;
  }

  begin(exchange: Exchange): void {
    this.#exchange = exchange;
  }

  // The request's body: it has come with the head, and is handed on when the call that asked for it is over, as on the road.

  readBody(reader: BodyReader): void {
    const x = this.#exchange;
    if (x === null || !x.request.hasBody) return reader.onBodyEnd('');
    const limit = x.location.client.maxBodyBytes;
    this.#reader = reader;
    queueMicrotask(() => {
      x.bodyBytesReceived = this.#body.length;
      if (x.request.chunked && limit > 0 && this.#body.length > limit) {
        x.closeAfter = true;
        return this.#take()?.onBodyFailed('client_body_too_large');
      }
      this.#reader?.onBody(this.#body, 0, this.#body.length);
      this.#take()?.onBodyEnd('');
    });
  }

  #take(): BodyReader | null {
    const reader = this.#reader;
    this.#reader = null;
    return reader;
  }

  pauseBody(): void {}
  resumeBody(): void {}
  informational(): void {}
  startTunnel(): void {}

  // The answer.

  sendWhole(from: Source, x: Exchange, body: string | Buffer): void {
    if (!this.#mayBegin(from, x)) return;
    x.length = body.length;
    this.#head(x, typeof body === 'string' ? Buffer.from(body, 'latin1') : body);
  }

  start(from: Source, x: Exchange, buf: Buffer | null, a: number, b: number): Flow {
    if (this.#mayBegin(from, x)) this.#head(x, buf === null ? null : Buffer.from(buf.subarray(a, b)));
    return ENOUGH;
  }

  write(): Flow {
    return ENOUGH;
  }

  writeKept(): Flow {
    return ENOUGH;
  }

  finish(): void {}

  abort(from: Source, why: Failure): void {
    const x = this.#exchange;
    if (x !== null && from === x.source && !x.headSent) this.#done({ kind: 'broken', why });
  }

  hangUp(): void {
    this.#done({ kind: 'closed' });
  }

  #mayBegin(from: Source, x: Exchange): boolean {
    return x === this.#exchange && from === x.source && !x.headSent;
  }

  #head(x: Exchange, body: Buffer | null): void {
    x.takeError();
    x.headSent = true;
    this.#done({ kind: 'answer', body });
  }
}
