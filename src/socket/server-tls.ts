// The server's side of TLS on a connection whose first bytes were read already: they are given back to it, and TLS begins with them.
import type { Server, Socket } from 'node:net';
import type { SecureContext, TLSSocket } from 'node:tls';
import { nodeTls } from '../shared/node-parts.ts';

export interface TlsOwner {
  /** The handshake is done. Called once, not after `socket` was destroyed. */
  onSecure(socket: TLSSocket): void;
}

/** How a handshake is led. */
export interface ServerHandshake {
  readonly context: SecureContext;
  /** At most 32 bytes, ASCII: what a session belongs to; one of another is not resumed. */
  readonly sessionContext: string;
  /** The client is asked for a certificate; whether it is a good one others say. */
  readonly asks: boolean;
  /** Takes sessions of clients that have no ticket; null = they are not kept. */
  readonly onSession: ((id: Buffer, session: Buffer, socket: TLSSocket) => void) | null;
  /** The session that the client wants to resume, where it is kept. */
  readonly session: Buffer | undefined;
  /** What is told of the certificate's revocation; null = nothing. */
  readonly staple: (() => Buffer | null) | null;
}

/** As nginx has it. */
const ALPN_PROTOCOLS = ['http/1.1', 'http/1.0', 'http/0.9'];

/**
 * `read` is what came so far. A handshake that fails, or whose client ends it, destroys the socket; so does an error of TLS later on.
 */
export function startServerTls(
  socket: Socket,
  read: Buffer,
  handshake: ServerHandshake,
  owner: TlsOwner,
): TLSSocket {
  socket.pause();
  socket.unshift(read);
  const { context, asks, onSession, staple } = handshake;
  bindSessions(context, handshake.sessionContext);
  const events = onSession === null && staple === null ? null : new HandshakeEvents(handshake);
  const secure = new (nodeTls().TLSSocket)(socket, {
    isServer: true,
    secureContext: context,
    ALPNProtocols: ALPN_PROTOCOLS,
    requestCert: asks,
    rejectUnauthorized: false,
    ...(events === null ? {} : { server: events as unknown as Server }),
  });
  events?.serve(secure, handshake.session);
  const onEnd = (): void => void secure.destroy();
  secure.once('end', onEnd);
  // A refused renegotiation says it again.
  secure.once('secure', () => {
    if (secure.destroyed) return;
    secure.off('end', onEnd);
    owner.onSecure(secure);
  });
  // Where a tls.Server would have told it: Node emits no 'error' for what TLS itself finds wrong unless one made the socket.
  secure.on('_tlsError', (error: Error) => secure.destroy(error));
  return secure;
}

/** A fatal alert, as TLS would say it, and the end of the connection. */
export function refuseHandshake(socket: Socket, alert: number): void {
  // What still comes is read, so that no reset overtakes it.
  socket.once('end', () => socket.destroy());
  socket.resume();
  socket.end(Buffer.from([0x15, 0x03, 0x03, 0, 2, 2, alert]));
}

/** Descriptions of alerts (RFC 8446 §6.2). */
export const INTERNAL_ERROR = 80;
export const UNRECOGNIZED_NAME = 112;

/**
 * What a tls.Server is to one of its sockets: it asks whether somebody listens, and emits. A session that a client asks for is given
 * before it asks, as `resumeSession` hears nothing of TLS 1.3.
 */
class HandshakeEvents {
  /** Whose certificate it is; Node asks for it under this name. */
  readonly _sharedCreds: SecureContext;
  readonly #onSession: ServerHandshake['onSession'];
  readonly #staple: ServerHandshake['staple'];
  #socket: TLSSocket | null = null;

  constructor({ context, onSession, staple }: ServerHandshake) {
    this._sharedCreds = context;
    this.#onSession = onSession;
    this.#staple = staple;
  }

  serve(socket: TLSSocket, session: Buffer | undefined): void {
    this.#socket = socket;
    const inner = (socket as unknown as { _handle?: { loadSession?(session: Buffer): void } | null })._handle;
    if (session !== undefined) inner?.loadSession?.(session);
  }

  listenerCount(event: string): number {
    if (event === 'newSession') return this.#onSession === null ? 0 : 1;
    return event === 'OCSPRequest' && this.#staple !== null ? 1 : 0;
  }

  emit(event: string, ...args: unknown[]): boolean {
    if (event === 'newSession' && this.#onSession !== null && this.#socket !== null) {
      const [id, session, done] = args as [Buffer, Buffer, () => void];
      this.#onSession(id, session, this.#socket);
      done();
      return true;
    }
    if (event !== 'OCSPRequest' || this.#staple === null) return false;
    const [, , done] = args as [Buffer, Buffer, (error: Error | null, answer: Buffer | null) => void];
    done(null, this.#staple());
    return true;
  }
}

/**
 * OpenSSL copies the session context of the secure context into each connection when that is made, so it can be another one for each.
 * Where Node does not let it be set, sessions belong to what the secure context was made with.
 */
function bindSessions(context: SecureContext, sessionContext: string): void {
  const inner = context.context as { setSessionIdContext?: (id: string) => void } | undefined;
  inner?.setSessionIdContext?.(sessionContext);
}
