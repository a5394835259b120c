// A connection to a TLS port until it is one of TLS: reads the ClientHello, finds its server, runs the handshake. One timer, from accept
// on, which no byte moves: client_header_timeout, as in nginx.
import type { Exchange } from '../exchange/exchange.ts';
import type { ProxyHead } from '../http/proxy-protocol.ts';
import { copyOf } from '../shared/buffers.ts';
import { joined } from '../shared/joined.ts';
import { rethrowLater } from '../shared/rethrow-later.ts';
import type { Listed } from '../shared/roster.ts';
import { Deadline, wheel } from '../shared/timer-wheel.ts';
import { type Accepted, type OwnedSocket, socketOf } from '../socket/accepted.ts';
import type { ServerHandshake, TlsOwner } from '../socket/server-handshake.ts';
import { INTERNAL_ERROR, refuseHandshake, startServerTls, UNRECOGNIZED_NAME } from '../socket/server-tls.ts';
import { beforeHandshake, type ClientTls, SecuredClient, type Terms } from '../socket/tls/client-tls.ts';
import type { TlsEnd } from '../socket/tls/tls-end.ts';
import { type ClientHello, HelloReader } from './client-hello.ts';
import { endSoon } from './fresh.ts';
import type { Front } from './front.ts';
import type { NamedTls, SecureContexts } from './secure-contexts.ts';
import { exchangeOfHandshake } from './tls/before-handshake.ts';
import type { ServerTls } from './tls/server-tls.ts';

/** Who keeps the handshakes of a listener, and takes what becomes of them. */
export interface HandshakeHome {
  readonly front: Front;
  /** null where the listener does no TLS. */
  readonly secureContexts: SecureContexts | null;
  onSecured(handshake: Handshake, socket: Accepted | OwnedSocket, tls: ClientTls): void;
  /** It was refused, and not for the client's sake. */
  onHandshakeProblem(message: string): void;
  /** The client speaks no TLS; `read` is what it said. */
  onPlain(handshake: Handshake, socket: OwnedSocket, read: Buffer): void;
  onHandshakeClosed(handshake: Handshake): void;
}

export class Handshake implements TlsOwner, Listed {
  rosterPlace = -1;
  readonly acceptedAtMs: number;
  /** What was said before TLS began. */
  proxyProtocol: ProxyHead | null = null;
  readonly #socket: OwnedSocket;
  readonly #home: HandshakeHome;
  readonly #deadline: Deadline;
  #secure: TlsEnd | null = null;
  /** Of the server that was chosen. */
  #tls: ServerTls | null = null;
  #hello: ClientHello | null = null;
  #terms: Terms | null = null;
  #read: Buffer | null = null;
  /** Null once the opening is known: what else comes is dropped. */
  #reader: HelloReader | null = new HelloReader();

  /** `acceptedAtMs`: of one that said something else before, its time began there. */
  constructor(accepted: Accepted | OwnedSocket, home: HandshakeHome, acceptedAtMs = wheel.nowMs) {
    this.acceptedAtMs = acceptedAtMs;
    this.#home = home;
    this.#deadline = new Deadline(() => this.destroy());
    this.#socket = socketOf(accepted, this);
    this.#watch();
  }

  /** The process stops: a client that says nothing is not waited for long. */
  drain(): void {
    if (this.#read === null) endSoon(this.#deadline, this.acceptedAtMs);
  }

  /** From accept on, whatever bytes come. */
  #watch(): void {
    const { headTimeoutMs } = this.#home.front;
    if (headTimeoutMs === 0) wheel.disarm(this.#deadline);
    else wheel.arm(this.#deadline, Math.max(1, this.acceptedAtMs + headTimeoutMs - wheel.nowMs));
  }

  onBytes(buf: Buffer, length: number): void {
    const reader = this.#reader;
    if (reader === null) return;
    // A drain may have cut the time for the first byte.
    if (this.#read === null) this.#watch();
    const read = this.#read === null ? copyOf(buf, 0, length) : joined(this.#read, 0, buf, length);
    this.#read = read;
    const opening = reader.read(read);
    if (opening.kind === 'incomplete') return;
    this.#reader = null;
    if (opening.kind === 'plain') this.#leaveAsPlain(read);
    else this.#startTls(read, opening.hello);
  }

  /** FIN before the handshake was done, or behind a refusal. */
  onEnd(): void {
    this.destroy();
  }

  onDrained(): void {}

  onClosed(): void {
    wheel.remove(this.#deadline);
    this.#endJudging();
    this.#home.onHandshakeClosed(this);
  }

  #startTls(read: Buffer, hello: ClientHello): void {
    const named = this.#home.secureContexts?.find(hello.name);
    if (named === undefined) return this.destroy();
    const { tls } = named;
    if (tls.rejects) return refuseHandshake(this.#socket, UNRECOGNIZED_NAME);
    const coming = tls.coming(hello.name);
    if (coming === null) return this.#shakeHands(read, hello, named);
    // What the client says meanwhile stays with the system.
    this.#socket.pause();
    coming
      .then(() => {
        if (!this.#socket.closed) this.#shakeHands(read, hello, named);
      })
      .catch((error: unknown) => {
        rethrowLater(error);
        this.destroy();
      });
  }

  #shakeHands(read: Buffer, hello: ClientHello, named: NamedTls): void {
    const { tls, serverName } = named;
    const terms = { serverName, trust: tls.trust, depth: tls.depth };
    const handshake = this.#handshakeOf(named, hello, terms);
    if (handshake === null) return refuseHandshake(this.#socket, INTERNAL_ERROR);
    this.#tls = tls;
    this.#hello = hello;
    this.#terms = terms;
    this.#secure = startServerTls(this.#socket, read, handshake, this);
    tls.begin(this.#secure);
  }

  /** Null where the server has no certificate to show. */
  #handshakeOf({ tls }: NamedTls, hello: ClientHello, terms: Terms): ServerHandshake | null {
    try {
      const context = tls.contextFor(hello.name, () => this.#asExchange(hello, terms));
      return {
        context,
        sessionContext: tls.sessionContext(hello.name),
        asks: tls.asks,
        onSession: tls.onSession,
        session: tls.sessionOf(hello),
        staple: tls.staple,
      };
    } catch (error) {
      const { message } = error as Error;
      this.#home.onHandshakeProblem(`no certificate for "${hello.name}": ${message}`);
      return null;
    }
  }

  #asExchange(hello: ClientHello, terms: Terms): Exchange {
    const { remoteAddress, remotePort, localAddress, localPort } = this.#socket;
    const place = {
      remoteAddress: remoteAddress || 'unix:',
      remotePort,
      localAddress: localAddress || 'unix:',
      localPort,
    };
    const tls = beforeHandshake(hello, terms);
    return exchangeOfHandshake({ ...place, tls }, this.#home.front.serverBefore({ tls }));
  }

  onSecure(socket: Accepted | OwnedSocket, end: TlsEnd): void {
    wheel.remove(this.#deadline);
    const [tls, hello, terms] = [this.#tls, this.#hello, this.#terms];
    if (tls === null || hello === null || terms === null) return;
    // What else was said is not kept.
    const { name, ciphers, groups } = hello;
    const client = new SecuredClient(end, { name, ciphers, groups }, terms, tls.asks);
    // Tickets of TLS 1.3 are made within this call, behind what is done here.
    if (tls.asks) setImmediate(() => this.#endJudging());
    if (tls.recordBytes > 0) end.limitRecords(tls.recordBytes);
    this.#home.onSecured(this, socket, client);
  }

  #endJudging(): void {
    if (this.#secure !== null) this.#tls?.end(this.#secure);
  }

  #leaveAsPlain(read: Buffer): void {
    wheel.remove(this.#deadline);
    this.#home.onPlain(this, this.#socket, read);
  }

  destroy(): void {
    (this.#secure ?? this.#socket).destroy();
  }
}
