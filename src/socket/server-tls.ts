// The server's side of TLS on a connection whose first bytes were read already: they are given back to it, and TLS begins with them.
import type { Socket } from 'node:net';
import type { SecureContext, TLSSocket } from 'node:tls';
import { nodeTls } from '../shared/node-parts.ts';

export interface TlsOwner {
  /** The handshake is done. Called once, not after `socket` was destroyed. */
  onSecure(socket: TLSSocket): void;
}

const ALPN_PROTOCOLS = ['http/1.1'];

/**
 * `read` is what came so far. A handshake that fails, or whose client ends it, destroys the socket; so does an error of TLS later on.
 * `sessionContext` (at most 32 bytes, ASCII) is what a session belongs to: one of another context is not resumed.
 */
export function startServerTls(
  socket: Socket,
  read: Buffer,
  context: SecureContext,
  sessionContext: string,
  owner: TlsOwner,
): TLSSocket {
  socket.pause();
  socket.unshift(read);
  bindSessions(context, sessionContext);
  const secure = new (nodeTls().TLSSocket)(socket, {
    isServer: true,
    secureContext: context,
    ALPNProtocols: ALPN_PROTOCOLS,
  });
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

/**
 * OpenSSL copies the session context of the secure context into each connection when that is made, so it can be another one for each.
 * Where Node does not let it be set, sessions belong to what the secure context was made with.
 */
function bindSessions(context: SecureContext, sessionContext: string): void {
  const inner = context.context as { setSessionIdContext?: (id: string) => void } | undefined;
  inner?.setSessionIdContext?.(sessionContext);
}
