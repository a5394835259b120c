// How the server's side of a TLS handshake is led.
import type { SecureContext } from 'node:tls';
import type { Accepted, OwnedSocket } from './accepted.ts';
import type { SocketOwner } from './byte-socket.ts';
import type { TlsEnd } from './tls/tls-end.ts';

/** Who leads a handshake: of its socket it hears the end. */
export interface TlsOwner extends SocketOwner {
  /** The handshake is done. Called once, not after the socket was destroyed; the socket is to be given to who uses it. */
  onSecure(socket: Accepted | OwnedSocket, end: TlsEnd): void;
}

export interface ServerHandshake {
  readonly context: SecureContext;
  /** At most 32 bytes, ASCII: what a session belongs to; one of another is not resumed. */
  readonly sessionContext: string;
  /** The client is asked for a certificate; whether it is a good one others say. */
  readonly asks: boolean;
  /** Takes sessions of clients that have no ticket; null = they are not kept. */
  readonly onSession: ((id: Buffer, session: Buffer, end: TlsEnd) => void) | null;
  /** The session that the client wants to resume, where it is kept. */
  readonly session: Buffer | undefined;
  /** What is told of the certificate's revocation; null = nothing. */
  readonly staple: (() => Buffer | null) | null;
}

/**
 * OpenSSL copies the session context of the secure context into each connection when that is made, so it can be another one for each.
 * Where Node does not let it be set, sessions belong to what the secure context was made with.
 */
export function bindSessions(context: SecureContext, sessionContext: string): void {
  const inner = context.context as { setSessionIdContext?: (id: string) => void } | undefined;
  inner?.setSessionIdContext?.(sessionContext);
}
