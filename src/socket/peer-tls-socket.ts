// The client's side of a TLS handshake on the handle of a connection to a peer, and the connection behind it.
import { rethrowLater } from '../shared/rethrow-later.ts';
import type { SocketOwner } from './byte-socket.ts';
import { type HandleSocket, type OwnHandle, SOCKET } from './handle-socket.ts';
import type { TlsHandle } from './node-handles.ts';
import type { PeerHandshake } from './peer-handshake.ts';
import { type OwnTls, TlsHandleSocket, tlsOn } from './tls-handle-socket.ts';

export class PeerTlsSocket extends TlsHandleSocket {
  readonly #about: PeerHandshake;
  #secured = false;

  /** `plain` ends: its connection goes on as TLS. */
  constructor(own: OwnTls, plain: HandleSocket, about: PeerHandshake, owner: SocketOwner) {
    super(own.handles, tlsOn(own, plain, about.context.context, false), owner);
    this.takeNames(plain);
    this.#about = about;
    const { tls } = this;
    tls.onhandshakestart = ignore;
    tls.onhandshakedone = onHandshakeDone;
    tls.onnewsession = onNewSession;
    tls.enableSessionCallbacks();
    try {
      // OpenSSL may refuse a session.
      if (about.session !== undefined) tls.setSession(about.session);
      if (about.serverName !== '') tls.setServername(about.serverName);
      tls.start();
    } catch (error) {
      this.onTlsError(error instanceof Error ? error : new Error(String(error)));
    }
  }

  // Called by the handle.

  onHandshakeDone(): void {
    if (this.#secured || this.closed) return;
    this.#secured = true;
    try {
      this.#about.onSecure(this, this);
    } catch (error) {
      rethrowLater(error);
      this.destroy();
    }
  }

  onNewSession(session: Buffer): void {
    this.#about.onSession(session);
  }
}

type PeerHandle = TlsHandle & OwnHandle & { [SOCKET]?: PeerTlsSocket };

function onHandshakeDone(this: PeerHandle): void {
  this[SOCKET]?.onHandshakeDone();
}

function onNewSession(this: PeerHandle, _id: Buffer, session: Buffer): void {
  this[SOCKET]?.onNewSession(session);
}

function ignore(): void {}
