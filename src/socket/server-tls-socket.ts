// TLS towards a client on the handle of its connection, without a public socket in between: Node's streams and events around a handshake
// cost as much as an eighth of it, and kilobytes for as long as the connection lives (docs/decisions/010).
import type { DetailedPeerCertificate } from 'node:tls';
import { rethrowLater } from '../shared/rethrow-later.ts';
import { type HandleSocket, type OwnHandle, onClosed, SOCKET } from './handle-socket.ts';
import type { Handles, StreamHandle, TlsHandle, TlsHandles } from './node-handles.ts';
import { bindSessions, type ServerHandshake, type TlsOwner } from './server-handshake.ts';
import type { TlsEnd, VerifyError } from './tls/tls-end.ts';
import { TlsHandleSocket } from './tls-handle-socket.ts';

/** As nginx has it: http/1.1, http/1.0, http/0.9, each behind its length. */
const ALPN_PROTOCOLS = Buffer.from('\x08http/1.1\x08http/1.0\x08http/0.9', 'latin1');

/** A client that begins anew more often is attacking, as Node has it. OpenSSL itself refuses to. */
const MAX_RENEGOTIATIONS = 3;
const RENEGOTIATIONS_MS = 600_000;

export class ServerTlsSocket extends TlsHandleSocket implements TlsEnd {
  rosterPlace = -1;
  readonly #wire: StreamHandle;
  readonly #tls: TlsHandle;
  #handshaking: TlsOwner | null;
  readonly #onSession: ServerHandshake['onSession'];
  readonly #staple: ServerHandshake['staple'];
  #begunAtMs = 0;
  #renegotiations = 0;

  private constructor(
    handles: Handles,
    tls: TlsHandle,
    wire: StreamHandle,
    about: ServerHandshake,
    owner: TlsOwner,
  ) {
    super(handles, tls, owner);
    this.#tls = tls;
    this.#wire = wire;
    this.#handshaking = owner;
    this.#onSession = about.onSession;
    this.#staple = about.staple;
    // The close of the connection comes from there.
    this.answersFor(wire);
    tls.onhandshakestart = onHandshakeStart;
    tls.onhandshakedone = onHandshakeDone;
    tls.onerror = onError;
  }

  /** `plain` ends: its connection goes on as TLS, beginning with what was `read` of it. */
  static start(
    own: { readonly handles: Handles; readonly tls: TlsHandles },
    plain: HandleSocket,
    read: Buffer,
    about: ServerHandshake,
    owner: TlsOwner,
  ): ServerTlsSocket {
    bindSessions(about.context, about.sessionContext);
    const wire = plain.release();
    const tls = own.tls.wrap(wire, about.context.context, true, false);
    // As it is: a handle that reads is not started again.
    tls.reading = wire.reading === true;
    const socket = new ServerTlsSocket(own.handles, tls, wire, about, owner);
    socket.takeNames(plain);
    // What goes out before the client's first request would else hold up its answer.
    socket.setNoDelay();
    socket.#prepare(about);
    tls.receive(read);
    return socket;
  }

  #prepare({ asks, session }: ServerHandshake): void {
    const tls = this.#tls;
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

  protected override get wire(): StreamHandle {
    return this.#wire;
  }

  // Called by the handle.

  onHandshakeStart(nowMs: number): void {
    const isFirst = this.#begunAtMs === 0;
    this.#renegotiations = isFirst
      ? 0
      : nowMs - this.#begunAtMs >= RENEGOTIATIONS_MS
        ? 1
        : this.#renegotiations + 1;
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

  onTlsError(error: Error): void {
    this.error ??= error;
    this.destroy();
  }

  onNewSession(id: Buffer, session: Buffer): void {
    this.#onSession?.(id, session, this);
    if (!this.closed) this.#tls.newSessionDone();
  }

  /** `asked`: the client wants to know of the certificate's revocation. */
  onCertificate(asked: boolean): void {
    const answer = asked ? this.#staple?.() : null;
    if (answer != null) this.#tls.setOCSPResponse(answer);
    this.#tls.certCbDone();
  }

  // What TLS knows.

  get protocol(): string {
    return (this.closed ? null : this.#tls.getProtocol()) ?? '';
  }

  get cipher(): string {
    return (this.closed ? undefined : this.#tls.getCipher()?.name) ?? '';
  }

  get alpn(): string {
    const agreed = this.closed ? false : this.#tls.getALPNNegotiatedProtocol();
    return typeof agreed === 'string' ? agreed : '';
  }

  get reused(): boolean {
    return !this.closed && this.#tls.isSessionReused();
  }

  get session(): Buffer | undefined {
    return this.closed ? undefined : this.#tls.getSession();
  }

  get shown(): DetailedPeerCertificate | undefined {
    const certificate = this.closed ? undefined : this.#tls.getPeerCertificate(true);
    return certificate?.fingerprint256 === undefined ? undefined : certificate;
  }

  get verifyError(): VerifyError | null | undefined {
    return this.closed ? undefined : (this.#tls.verifyError() ?? null);
  }

  limitRecords(bytes: number): void {
    if (!this.closed) this.#tls.setMaxSendFragment(bytes);
  }

  // Ending.

  protected override sayEnd(done: () => void): void {
    this.shutDownNow(done);
  }

  protected override closeWithNotice(): void {
    this.shutDownNow(() => this.destroy());
  }

  protected override closeHandle(): void {
    this.#wire.close(onClosed);
  }

  /** Nothing of TLS is under way in the call of a close. */
  override onClosed(): void {
    this.#tls.destroySSL();
    super.onClosed();
  }
}

type OwnTls = TlsHandle & OwnHandle & { [SOCKET]?: ServerTlsSocket };

function onHandshakeStart(this: OwnTls, nowMs: number): void {
  this[SOCKET]?.onHandshakeStart(nowMs);
}

function onHandshakeDone(this: OwnTls): void {
  this[SOCKET]?.onHandshakeDone();
}

function onError(this: OwnTls, error: Error): void {
  this[SOCKET]?.onTlsError(error);
}

/** Sessions are given before: nothing is looked for. */
function onClientHello(this: OwnTls): void {
  if (this.clientHelloDone === undefined) this.endParser?.();
  else this.clientHelloDone();
}

function onNewSession(this: OwnTls, id: Buffer, session: Buffer): void {
  this[SOCKET]?.onNewSession(id, session);
}

function onCertificate(this: OwnTls, { OCSPRequest }: { readonly OCSPRequest: boolean }): void {
  this[SOCKET]?.onCertificate(OCSPRequest);
}
