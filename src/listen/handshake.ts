// A connection to a TLS port until it is one of TLS: reads the ClientHello, finds its server, runs the handshake. One timer, from accept
// on, which no byte moves: client_header_timeout, as in nginx.
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { joined } from '../shared/joined.ts';
import { Deadline, wheel } from '../shared/timer-wheel.ts';
import { startServerTls, type TlsOwner } from '../socket/server-tls.ts';
import { HelloReader } from './client-hello.ts';
import type { Front } from './front.ts';
import type { SecureContexts } from './secure-contexts.ts';

/** Who keeps the handshakes of a listener, and takes what becomes of them. */
export interface HandshakeHome {
  readonly front: Front;
  /** null where the listener does no TLS. */
  readonly secureContexts: SecureContexts | null;
  onSecured(handshake: Handshake, socket: TLSSocket): void;
  /** The client speaks no TLS; `socket` gives what it said. */
  onPlain(handshake: Handshake, socket: Socket): void;
  onHandshakeClosed(handshake: Handshake): void;
}

export class Handshake implements TlsOwner {
  readonly acceptedAtMs = wheel.nowMs;
  /** TLS server name, '' without. */
  name = '';
  readonly #socket: Socket;
  readonly #home: HandshakeHome;
  readonly #deadline: Deadline;
  #secure: TLSSocket | null = null;
  #read: Buffer | null = null;
  readonly #hello = new HelloReader();

  constructor(socket: Socket, home: HandshakeHome) {
    this.#socket = socket;
    this.#home = home;
    this.#deadline = new Deadline(() => this.destroy());
    const { headTimeoutMs } = home.front;
    if (headTimeoutMs > 0) wheel.arm(this.#deadline, headTimeoutMs);
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('close', this.#onClosed);
    socket.on('error', ignore);
  }

  /** The client has said nothing yet. */
  get silent(): boolean {
    return this.#read === null;
  }

  readonly #onData = (chunk: Buffer): void => {
    const read = this.#read === null ? chunk : joined(this.#read, 0, chunk, chunk.length);
    this.#read = read;
    const opening = this.#hello.read(read);
    if (opening.kind === 'incomplete') return;
    this.#socket.off('data', this.#onData);
    this.#socket.off('end', this.#onEnd);
    if (opening.kind === 'plain') this.#leaveAsPlain(read);
    else this.#startTls(read, opening.name);
  };

  /** FIN before the hello was whole. */
  readonly #onEnd = (): void => void this.#socket.destroy();

  readonly #onClosed = (): void => {
    wheel.remove(this.#deadline);
    this.#home.onHandshakeClosed(this);
  };

  #startTls(read: Buffer, name: string): void {
    const choice = this.#home.secureContexts?.contextFor(name);
    if (choice === undefined) return this.destroy();
    this.name = name;
    this.#secure = startServerTls(this.#socket, read, choice.context, choice.sessionsOf(name), this);
    this.#secure.on('error', ignore);
  }

  onSecure(socket: TLSSocket): void {
    this.#let();
    socket.off('error', ignore);
    this.#home.onSecured(this, socket);
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
