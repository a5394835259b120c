// How the client's side of a TLS handshake is led.
import type { SecureContext } from 'node:tls';
import type { Accepted, OwnedSocket } from './accepted.ts';
import type { TlsEnd } from './tls/tls-end.ts';

export interface PeerHandshake {
  readonly context: SecureContext;
  /** What the peer is told by SNI; '' = nothing. */
  readonly serverName: string;
  /** Of an earlier connection, in OpenSSL's own form; undefined = a full handshake. */
  readonly session: Buffer | undefined;
  /** The handshake is done; the socket is to be given to who uses it. */
  onSecure(socket: Accepted | OwnedSocket, end: TlsEnd): void;
  /** A session that a later connection may begin with. That of TLS 1.2 comes before the handshake is done. */
  onSession(session: Buffer): void;
}
