// The server's side of TLS on a connection whose first bytes were read already: TLS begins with them. On the connection's own handle, or,
// where Node does not offer that, on public sockets.
import type { Server } from 'node:net';
import type { SecureContext, TLSSocket } from 'node:tls';
import { nodeTls } from '../shared/node-parts.ts';
import type { OwnedSocket } from './accepted.ts';
import type { ByteSocket } from './byte-socket.ts';
import { HandleSocket } from './handle-socket.ts';
import { handles, tlsHandles } from './node-handles.ts';
import { bindSessions, type ServerHandshake, type TlsOwner } from './server-handshake.ts';
import { ServerTlsSocket } from './server-tls-socket.ts';
import type { StreamSocket } from './stream-socket.ts';
import { PublicTlsEnd, type TlsEnd } from './tls/tls-end.ts';

/** As nginx has it. */
const ALPN_PROTOCOLS = ['http/1.1', 'http/1.0', 'http/0.9'];

/** Whether connections that come as bare handles can go on as TLS. */
export function takesBareHandles(): boolean {
  return tlsHandles() !== null;
}

/**
 * `plain` ends: from now on the owner hears of its TLS. `read` is what came so far. A handshake that fails destroys the connection; so does an
 * error of TLS later on.
 */
export function startServerTls(
  plain: OwnedSocket,
  read: Buffer,
  handshake: ServerHandshake,
  owner: TlsOwner,
): TlsEnd {
  const tls = tlsHandles();
  if (!(plain instanceof HandleSocket)) return startPublicTls(plain, read, handshake, owner);
  if (handles === null || tls === null) throw new Error('no TLS on handles here');
  return new ServerTlsSocket({ handles, tls }, plain, read, handshake, owner);
}

function startPublicTls(
  plain: StreamSocket,
  read: Buffer,
  handshake: ServerHandshake,
  owner: TlsOwner,
): TlsEnd {
  const socket = plain.release();
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
  const end = new PublicTlsEnd(secure);
  events?.serve(secure, end, handshake.session);
  const onEnd = (): void => void secure.destroy();
  const onClosed = (): void => owner.onClosed(null);
  secure.once('end', onEnd);
  secure.once('close', onClosed);
  secure.on('error', ignore);
  // A refused renegotiation says it again.
  secure.once('secure', () => {
    if (secure.destroyed) return;
    secure.off('end', onEnd).off('close', onClosed);
    owner.onSecure(secure, end);
  });
  // Where a tls.Server would have told it: Node emits no 'error' for what TLS itself finds wrong unless one made the socket.
  secure.on('_tlsError', (error: Error) => secure.destroy(error));
  return end;
}

/** What went wrong ends the connection, and 'close' says so. */
function ignore(): void {}

/** A fatal alert, as TLS would say it, and the end of the connection: what still comes is to be read, so that no reset overtakes it. */
export function refuseHandshake(socket: ByteSocket, alert: number): void {
  socket.writeText(String.fromCharCode(0x15, 3, 3, 0, 2, 2, alert));
  socket.end();
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
  #end: TlsEnd | null = null;

  constructor({ context, onSession, staple }: ServerHandshake) {
    this._sharedCreds = context;
    this.#onSession = onSession;
    this.#staple = staple;
  }

  serve(socket: TLSSocket, end: TlsEnd, session: Buffer | undefined): void {
    this.#end = end;
    const inner = (socket as unknown as { _handle?: { loadSession?(session: Buffer): void } | null })._handle;
    if (session !== undefined) inner?.loadSession?.(session);
  }

  listenerCount(event: string): number {
    if (event === 'newSession') return this.#onSession === null ? 0 : 1;
    return event === 'OCSPRequest' && this.#staple !== null ? 1 : 0;
  }

  emit(event: string, ...args: unknown[]): boolean {
    if (event === 'newSession' && this.#onSession !== null && this.#end !== null) {
      const [id, session, done] = args as [Buffer, Buffer, () => void];
      this.#onSession(id, session, this.#end);
      done();
      return true;
    }
    if (event !== 'OCSPRequest' || this.#staple === null) return false;
    const [, , done] = args as [Buffer, Buffer, (error: Error | null, answer: Buffer | null) => void];
    done(null, this.#staple());
    return true;
  }
}
