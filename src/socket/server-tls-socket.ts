// The server's side of a TLS handshake on the handle of a client's connection, and the connection behind it.
import { rethrowLater } from '../shared/rethrow-later.ts';
import { type HandleSocket, type OwnHandle, SOCKET } from './handle-socket.ts';
import type { TlsHandle } from './node-handles.ts';
import { bindSessions, type ServerHandshake, type TlsOwner } from './server-handshake.ts';
import { type OwnTls, TlsHandleSocket, tlsOn } from './tls-handle-socket.ts';

/** As nginx has it: http/1.1, http/1.0, http/0.9, each behind its length. */
const ALPN_PROTOCOLS = Buffer.from('\x08http/1.1\x08http/1.0\x08http/0.9', 'latin1');

/** Less than what Node's first buffer holds (NodeBIO's kInitialBufferLength, 1,024). */
const PIECE_BYTES = 1000;

/** A client that begins anew more often is attacking, as Node has it. OpenSSL itself refuses to. */
const MAX_RENEGOTIATIONS = 3;
const RENEGOTIATIONS_MS = 600_000;

export class ServerTlsSocket extends TlsHandleSocket {
  #handshaking: TlsOwner | null;
  readonly #onSession: ServerHandshake['onSession'];
  readonly #staple: ServerHandshake['staple'];
  #begunAtMs = 0;
  #renegotiations = 0;

  /** `plain` ends: its connection goes on as TLS, beginning with what was `read` of it. */
  constructor(own: OwnTls, plain: HandleSocket, read: Buffer, about: ServerHandshake, owner: TlsOwner) {
    bindSessions(about.context, about.sessionContext);
    super(own.handles, tlsOn(own, plain, about.context.context, true), owner);
    this.takeNames(plain);
    this.#handshaking = owner;
    this.#onSession = about.onSession;
    this.#staple = about.staple;
    this.#prepare(about);
    this.#receive(read);
  }

  /**
   * Where nobody looks at the hello but OpenSSL it is given in pieces: Node keeps a buffer of 16 KB for as long as the connection lives once one
   * of its first kilobyte was filled to the end.
   */
  #receive(read: Buffer): void {
    const most = this.#onSession === null ? PIECE_BYTES : read.length;
    for (let at = 0; at < read.length && !this.closed; at += most)
      this.tls.receive(read.subarray(at, at + most));
  }

  #prepare({ asks, session }: ServerHandshake): void {
    const { tls } = this;
    tls.onhandshakestart = onHandshakeStart;
    tls.onhandshakedone = onHandshakeDone;
    tls.setALPNProtocols(ALPN_PROTOCOLS);
    if (asks) tls.setVerifyMode(true, false);
    if (this.#onSession !== null) {
      tls.onclienthello = onClientHello;
      tls.onnewsession = onNewSession;
      tls.enableSessionCallbacks();
    }
    if (this.#staple !== null) {
      tls.oncertcb = onCertificate;
      tls.enableCertCb();
    }
    // Before the client asks: where it is asked, Node hears nothing of TLS 1.3.
    if (session !== undefined) tls.loadSession(session);
  }

  // Called by the handle.

  onHandshakeStart(nowMs: number): void {
    const isLong = this.#begunAtMs === 0 || nowMs - this.#begunAtMs >= RENEGOTIATIONS_MS;
    this.#renegotiations = this.#begunAtMs === 0 ? 0 : isLong ? 1 : this.#renegotiations + 1;
    this.#begunAtMs = nowMs;
    if (this.#renegotiations > MAX_RENEGOTIATIONS) this.destroy();
  }

  /** A refused renegotiation says it again. */
  onHandshakeDone(): void {
    const owner = this.#handshaking;
    this.#handshaking = null;
    if (owner === null || this.closed) return;
    try {
      owner.onSecure(this, this);
    } catch (error) {
      rethrowLater(error);
      this.destroy();
    }
  }

  onNewSession(id: Buffer, session: Buffer): void {
    this.#onSession?.(id, session, this);
    if (!this.closed) this.tls.newSessionDone();
  }

  /** `asked`: the client wants to know of the certificate's revocation. */
  onCertificate(asked: boolean): void {
    const answer = asked ? this.#staple?.() : null;
    if (answer != null) this.tls.setOCSPResponse(answer);
    this.tls.certCbDone();
  }
}

type ServerHandle = TlsHandle & OwnHandle & { [SOCKET]?: ServerTlsSocket };

function onHandshakeStart(this: ServerHandle, nowMs: number): void {
  this[SOCKET]?.onHandshakeStart(nowMs);
}

function onHandshakeDone(this: ServerHandle): void {
  this[SOCKET]?.onHandshakeDone();
}

/** Sessions are given before: nothing is looked for. */
function onClientHello(this: ServerHandle): void {
  if (this.clientHelloDone === undefined) this.endParser?.();
  else this.clientHelloDone();
}

function onNewSession(this: ServerHandle, id: Buffer, session: Buffer): void {
  this[SOCKET]?.onNewSession(id, session);
}

function onCertificate(this: ServerHandle, { OCSPRequest }: { readonly OCSPRequest: boolean }): void {
  this[SOCKET]?.onCertificate(OCSPRequest);
}
