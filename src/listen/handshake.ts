// A connection to a TLS port until it is one of TLS: reads the ClientHello, finds its server, runs the handshake. One timer, from accept
// on, which no byte moves: client_header_timeout, as in nginx.
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Exchange } from '../exchange/exchange.ts';
import { joined } from '../shared/joined.ts';
import type { Listed } from '../shared/roster.ts';
import { Deadline, wheel } from '../shared/timer-wheel.ts';
import { plainAddress } from '../socket/byte-socket.ts';
import {
  INTERNAL_ERROR,
  refuseHandshake,
  type ServerHandshake,
  startServerTls,
  type TlsOwner,
  UNRECOGNIZED_NAME,
} from '../socket/server-tls.ts';
import { beforeHandshake, type ClientTls, SecuredClient, type Terms } from '../socket/tls/client-tls.ts';
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
  onSecured(handshake: Handshake, socket: TLSSocket, tls: ClientTls): void;
  /** It was refused, and not for the client's sake. */
  onHandshakeProblem(message: string): void;
  /** The client speaks no TLS; `socket` gives what it said. */
  onPlain(handshake: Handshake, socket: Socket): void;
  onHandshakeClosed(handshake: Handshake): void;
}

export class Handshake implements TlsOwner, Listed {
  rosterPlace = -1;
  readonly acceptedAtMs = wheel.nowMs;
  readonly #socket: Socket;
  readonly #home: HandshakeHome;
  readonly #deadline: Deadline;
  #secure: TLSSocket | null = null;
  /** Of the server that was chosen. */
  #tls: ServerTls | null = null;
  #hello: ClientHello | null = null;
  #terms: Terms | null = null;
  #read: Buffer | null = null;
  readonly #reader = new HelloReader();

  constructor(socket: Socket, home: HandshakeHome) {
    this.#socket = socket;
    this.#home = home;
    this.#deadline = new Deadline(() => this.destroy());
    this.#watch();
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('close', this.#onClosed);
    socket.on('error', ignore);
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

  readonly #onData = (chunk: Buffer): void => {
    // A drain may have cut the time for the first byte.
    if (this.#read === null) this.#watch();
    const read = this.#read === null ? chunk : joined(this.#read, 0, chunk, chunk.length);
    this.#read = read;
    const opening = this.#reader.read(read);
    if (opening.kind === 'incomplete') return;
    this.#socket.off('data', this.#onData);
    this.#socket.off('end', this.#onEnd);
    if (opening.kind === 'plain') this.#leaveAsPlain(read);
    else this.#startTls(read, opening.hello);
  };

  /** FIN before the hello was whole. */
  readonly #onEnd = (): void => void this.#socket.destroy();

  readonly #onClosed = (): void => {
    wheel.remove(this.#deadline);
    this.#endJudging();
    this.#home.onHandshakeClosed(this);
  };

  #startTls(read: Buffer, hello: ClientHello): void {
    const named = this.#home.secureContexts?.find(hello.name);
    if (named === undefined) return this.destroy();
    const { tls } = named;
    if (tls.rejects) return refuseHandshake(this.#socket, UNRECOGNIZED_NAME);
    const coming = tls.coming(hello.name);
    if (coming === null) return this.#shakeHands(read, hello, named);
    // What the client says meanwhile stays with the system.
    this.#socket.pause();
    void coming.then(() => {
      if (!this.#socket.destroyed) this.#shakeHands(read, hello, named);
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
    this.#secure.on('error', ignore);
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
        onSession: tls.sessions === null ? null : (id, session, socket) => tls.keep(id, session, socket),
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
    const socket = this.#socket;
    const place = {
      remoteAddress: plainAddress(socket.remoteAddress ?? '') || 'unix:',
      remotePort: socket.remotePort ?? 0,
      localAddress: plainAddress(socket.localAddress ?? '') || 'unix:',
      localPort: socket.localPort ?? 0,
    };
    const tls = beforeHandshake(hello, terms);
    return exchangeOfHandshake({ ...place, tls }, this.#home.front.serverBefore({ tls }));
  }

  onSecure(socket: TLSSocket): void {
    this.#let();
    socket.off('error', ignore);
    const [tls, hello, terms] = [this.#tls, this.#hello, this.#terms];
    if (tls === null || hello === null || terms === null) return;
    // What else was said is not kept.
    const { name, ciphers, groups } = hello;
    const client = new SecuredClient(socket, { name, ciphers, groups }, terms, tls.asks);
    // Tickets of TLS 1.3 are made within this call, behind what is done here.
    if (tls.asks) setImmediate(() => this.#endJudging());
    if (tls.recordBytes > 0) socket.setMaxSendFragment(tls.recordBytes);
    this.#home.onSecured(this, socket, client);
  }

  #endJudging(): void {
    if (this.#secure !== null) this.#tls?.end(this.#secure);
  }

  #leaveAsPlain(read: Buffer): void {
    const socket = this.#socket;
    socket.pause();
    socket.unshift(read);
    this.#let();
    socket.off('error', ignore);
    this.#home.onPlain(this, socket);
    socket.resume();
  }

  /** The connection is another's now. */
  #let(): void {
    wheel.remove(this.#deadline);
    this.#socket.off('close', this.#onClosed);
  }

  destroy(): void {
    (this.#secure ?? this.#socket).destroy();
  }
}

/** What went wrong ends the connection, and 'close' says so. */
function ignore(): void {}
