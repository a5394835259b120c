// Opens a TLS connection to an address: connects, shakes hands, lets the caller judge the peer, and gives the same socket as plain TCP.
import type { TcpNetConnectOpts } from 'node:net';
import type { ConnectionOptions, SecureContext, TLSSocket } from 'node:tls';
import { HANDSHAKE_FAILED } from '../shared/failure.ts';
import { nodeTls } from '../shared/node-parts.ts';
import { socketOf } from './accepted.ts';
import {
  type Connecting,
  type ConnectOwner,
  type ConnectTarget,
  LOCALHOST,
  LOOPBACKS,
} from './connect-socket.ts';

export interface ClientTls {
  readonly context: SecureContext;
  /** What the peer is told by SNI; '' = nothing. */
  readonly serverName: string;
  /** Of an earlier connection; undefined = a full handshake. */
  readonly session: Buffer | undefined;
  /** Why the peer is not who it should be; '' when it is. */
  judge(socket: TLSSocket): string;
  /** A session that a later connection may begin with; only of peers that were judged well. */
  onSession(session: Buffer): void;
  /** The handshake failed: the session may be why. */
  onFailed(): void;
}

export function connectTls(target: ConnectTarget, tls: ClientTls, owner: ConnectOwner): Connecting {
  return new ConnectingTls(target, tls, owner);
}

class ConnectingTls implements Connecting {
  readonly #target: ConnectTarget;
  readonly #tls: ClientTls;
  readonly #owner: ConnectOwner;
  #socket: TLSSocket;
  /** How many of the LOOPBACKS were tried. */
  #tried = 0;
  /** Why the first of them did not answer. */
  #firstError: NodeJS.ErrnoException | null = null;
  #done = false;
  #trusted = false;
  #session: Buffer | null = null;

  constructor(target: ConnectTarget, tls: ClientTls, owner: ConnectOwner) {
    this.#target = target;
    this.#tls = tls;
    this.#owner = owner;
    this.#socket = this.#open();
  }

  #open(): TLSSocket {
    const { context, serverName, session } = this.#tls;
    const options: ConnectionOptions & Pick<TcpNetConnectOpts, 'noDelay' | 'allowHalfOpen'> = {
      ...this.#place(),
      secureContext: context,
      servername: serverName,
      session,
      // Who the peer is, `judge` says.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
      allowHalfOpen: true,
      // The last of the handshake is under way when the request is written.
      noDelay: true,
    };
    const socket = nodeTls().connect(options);
    let connected = false;
    // That of TLS 1.2 comes before the peer is judged.
    socket.on('session', (session: Buffer) => {
      if (this.#trusted) this.#tls.onSession(session);
      else this.#session = session;
    });
    socket.once('connect', () => {
      connected = true;
    });
    const failed = (error: NodeJS.ErrnoException): void => this.#onFailed(socket, connected, error);
    socket.on('error', failed);
    socket.once('close', () => failed(new Error('it closed the connection')));
    socket.once('secureConnect', () => {
      if (!this.#done) this.#onSecure(socket, failed);
    });
    return socket;
  }

  #place(): ConnectTarget {
    const target = this.#target;
    if ('path' in target || target.host !== LOCALHOST) return target;
    return { ...target, host: LOOPBACKS[this.#tried++] };
  }

  #onSecure(socket: TLSSocket, failed: (error: NodeJS.ErrnoException) => void): void {
    const why = this.#tls.judge(socket);
    if (why !== '') return this.#fail(handshakeError(why));
    this.#done = true;
    socket.off('error', failed);
    this.#trusted = true;
    if (this.#session !== null) this.#tls.onSession(this.#session);
    this.#session = null;
    this.#owner.onConnected(socketOf(socket, this.#owner));
  }

  #onFailed(socket: TLSSocket, connected: boolean, error: NodeJS.ErrnoException): void {
    if (this.#done || socket !== this.#socket) return;
    if (connected) return this.#fail(handshakeError(reasonOf(error)));
    this.#firstError ??= error;
    if (this.#tried !== 1) return this.#fail(this.#firstError);
    socket.destroy();
    this.#socket = this.#open();
  }

  #fail(error: NodeJS.ErrnoException): void {
    this.#done = true;
    this.#socket.destroy();
    if (error.code === HANDSHAKE_FAILED) this.#tls.onFailed();
    this.#owner.onNotConnected(error);
  }

  cancel(): void {
    if (this.#done) return;
    this.#done = true;
    this.#socket.destroy();
  }
}

function handshakeError(why: string): NodeJS.ErrnoException {
  return Object.assign(new Error(why), { code: HANDSHAKE_FAILED });
}

/** What OpenSSL says, and what it most often means. */
const MEANINGS: readonly (readonly [RegExp, string])[] = [
  [/^ECONNRESET$/, 'it closed the connection'],
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
