// Opens a TLS connection to an address: connects, shakes hands, lets the caller judge the peer, and gives the same socket as plain TCP.
import type { SecureContext } from 'node:tls';
import { HANDSHAKE_FAILED } from '../shared/failure.ts';
import { nodeTls } from '../shared/node-parts.ts';
import { type Accepted, type OwnedSocket, socketOf } from './accepted.ts';
import {
  type Connecting,
  type ConnectOwner,
  type ConnectTarget,
  connectPublic,
  connectSocket,
} from './connect-socket.ts';
import { HandleSocket } from './handle-socket.ts';
import { handles, tlsHandles } from './node-handles.ts';
import type { PeerHandshake } from './peer-handshake.ts';
import { PeerTlsSocket } from './peer-tls-socket.ts';
import { PublicTlsEnd, type TlsEnd } from './tls/tls-end.ts';

export interface ClientTls {
  readonly context: SecureContext;
  /** What the peer is told by SNI; '' = nothing. */
  readonly serverName: string;
  /** Of an earlier connection; undefined = a full handshake. */
  readonly session: Buffer | undefined;
  /** Why the peer is not who it should be; '' when it is. */
  judge(end: TlsEnd): string;
  /** A session that a later connection may begin with; only of peers that were judged well. */
  onSession(session: Buffer): void;
  /** The handshake failed: the session may be why. */
  onFailed(): void;
}

export function connectTls(target: ConnectTarget, tls: ClientTls, owner: ConnectOwner): Connecting {
  return new ConnectingTls(target, tls, owner);
}

/** Owns the socket until the peer is trusted. */
class ConnectingTls implements Connecting, ConnectOwner, PeerHandshake {
  readonly context: SecureContext;
  readonly serverName: string;
  readonly session: Buffer | undefined;
  readonly #tls: ClientTls;
  readonly #owner: ConnectOwner;
  readonly #connecting: Connecting;
  #end: TlsEnd | null = null;
  #done = false;
  #trusted = false;
  #firstSession: Buffer | null = null;

  constructor(target: ConnectTarget, tls: ClientTls, owner: ConnectOwner) {
    this.context = tls.context;
    this.serverName = tls.serverName;
    this.session = tls.session;
    this.#tls = tls;
    this.#owner = owner;
    // TLS on a handle, or all of it on public sockets.
    this.#connecting = (tlsHandles() === null ? connectPublic : connectSocket)(target, this);
  }

  onConnected(plain: OwnedSocket): void {
    this.#end = shakeHands(plain, this, this);
  }

  onNotConnected(error: NodeJS.ErrnoException): void {
    this.#done = true;
    this.#owner.onNotConnected(error);
  }

  onSecure(socket: Accepted | OwnedSocket, end: TlsEnd): void {
    this.#end = end;
    if (this.#done) return;
    const why = this.#tls.judge(end);
    if (why !== '') return this.#fail(handshakeError(why));
    this.#done = true;
    this.#trusted = true;
    if (this.#firstSession !== null) this.#tls.onSession(this.#firstSession);
    this.#firstSession = null;
    this.#owner.onConnected(socketOf(socket, this.#owner));
  }

  onSession(session: Buffer): void {
    if (this.#trusted) this.#tls.onSession(session);
    else this.#firstSession = session;
  }

  /** Nothing of HTTP comes before the handshake is done. */
  onBytes(): void {}

  onDrained(): void {}

  onEnd(): void {
    this.#fail(handshakeError(CLOSED));
  }

  onClosed(error: NodeJS.ErrnoException | null): void {
    this.#fail(handshakeError(error === null ? CLOSED : reasonOf(error)));
  }

  #fail(error: NodeJS.ErrnoException): void {
    if (this.#done) return;
    this.#done = true;
    this.#end?.destroy();
    this.#tls.onFailed();
    this.#owner.onNotConnected(error);
  }

  cancel(): void {
    if (this.#done) return;
    this.#done = true;
    this.#connecting.cancel();
    this.#end?.destroy();
  }
}

/** On the connection's own handle, or, where Node does not offer that, on public sockets. */
function shakeHands(plain: OwnedSocket, about: PeerHandshake, owner: ConnectOwner): TlsEnd {
  const tls = tlsHandles();
  if (plain instanceof HandleSocket && handles !== null && tls !== null)
    return new PeerTlsSocket({ handles, tls }, plain, about, owner);
  if (plain instanceof HandleSocket) throw new Error('no TLS on handles here');
  const socket = nodeTls().connect({
    socket: plain.release(),
    secureContext: about.context,
    servername: about.serverName,
    session: about.session,
    // Who the peer is, its judge says.
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  });
  const end = new PublicTlsEnd(socket);
  let error: NodeJS.ErrnoException | null = null;
  const onError = (why: NodeJS.ErrnoException): void => {
    error = why;
  };
  const onClosed = (): void => owner.onClosed(error);
  socket.on('error', onError);
  socket.once('close', onClosed);
  socket.on('session', (session: Buffer) => about.onSession(session));
  socket.once('secureConnect', () => {
    // Whoever gets the socket listens to its errors; one that nobody gets is destroyed.
    socket.off('close', onClosed);
    about.onSecure(socket, end);
  });
  return end;
}

const CLOSED = 'it closed the connection';

function handshakeError(why: string): NodeJS.ErrnoException {
  return Object.assign(new Error(why), { code: HANDSHAKE_FAILED });
}

/** What OpenSSL says, and what it most often means. */
const MEANINGS: readonly (readonly [RegExp, string])[] = [
  [/^ECONNRESET$/, CLOSED],
  [
    /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST/,
    'what it sent is no TLS; perhaps it speaks plain HTTP',
  ],
  [
    /UNRECOGNIZED_NAME/,
    'it does not serve the name that it was told (proxy_ssl_server_name, proxy_ssl_name)',
  ],
  [
    /CERTIFICATE_REQUIRED|ALERT_BAD_CERTIFICATE|ALERT_UNKNOWN_CA/,
    'it refused our certificate (proxy_ssl_certificate)',
  ],
  [/PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/, 'no TLS version suits both sides (proxy_ssl_protocols)'],
  [
    /HANDSHAKE_FAILURE|NO_SHARED_CIPHER/,
    'nothing suits both sides (proxy_ssl_ciphers), or it asks for a certificate or a name',
  ],
];

function reasonOf(error: NodeJS.ErrnoException & { readonly reason?: string }): string {
  const { code = '', reason, message } = error;
  const meaning = MEANINGS.find(([pattern]) => pattern.test(code))?.[1];
  const said = reason ?? (code === '' || /^E[A-Z]+$/.test(code) ? '' : code);
  if (meaning === undefined) return reason ?? (code === '' ? message : `${message} (${code})`);
  return said === '' ? meaning : `${meaning} (${said})`;
}
