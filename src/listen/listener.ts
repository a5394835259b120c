// One listening socket: accepts, does TLS, keeps its connections. The socket may be one that another process bound.
import { createServer as createTcpServer, type Server } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls';
import { type Accepted, acceptBare, turnAway } from '../socket/accepted.ts';
import { ClientConnection, type ConnectionHome } from './client-connection.ts';
import type { Front } from './front.ts';
import type { ListenModel } from './rows.ts';
import type { SecureContexts } from './secure-contexts.ts';

/** What a listener serves; replaced as a whole by a reload. */
export interface ListenerPlan {
  readonly key: string;
  readonly listen: ListenModel;
  readonly front: Front;
  /** null = plain HTTP. */
  readonly secure: SecureContexts | null;
  readonly maxConnections: number;
}

/** A client that does not finish its handshake is gone after this. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

export class Listener implements ConnectionHome {
  #plan: ListenerPlan;
  draining = false;
  readonly #server: Server;
  readonly #connections = new Set<ClientConnection>();
  #onIdle: (() => void) | null = null;

  constructor(plan: ListenerPlan) {
    this.#plan = plan;
    this.#server = plan.secure === null ? this.#plainServer() : this.#tlsServer(plan.secure);
    this.#server.maxConnections = plan.maxConnections;
  }

  get front(): Front {
    return this.#plan.front;
  }

  get key(): string {
    return this.#plan.key;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** What a drain waits for. */
  get busy(): { readonly exchanges: number; readonly tunnels: number } {
    let [exchanges, tunnels] = [0, 0];
    for (const { busyWith } of this.#connections) {
      if (busyWith === 'tunnel') tunnels++;
      else if (busyWith === 'exchange') exchanges++;
    }
    return { exchanges, tunnels };
  }

  /** The port it has, once it listens. */
  get port(): number {
    const address = this.#server.address();
    return address !== null && typeof address === 'object' ? address.port : 0;
  }

  /** Serves another plan of the same address from the next request on; connections stay. */
  update(plan: ListenerPlan): void {
    this.#plan = plan;
    this.#server.maxConnections = plan.maxConnections;
    if (plan.secure !== null) (this.#server as TlsServer).setSecureContext(plan.secure.options);
  }

  /** Whether a plan can replace the present one without a new socket. */
  accepts(plan: ListenerPlan): boolean {
    return (plan.secure === null) === (this.#plan.secure === null);
  }

  #plainServer(): Server {
    return createTcpServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket, null));
  }

  #tlsServer(secure: SecureContexts): TlsServer {
    const server = createTlsServer(
      {
        ...secure.options,
        allowHalfOpen: true,
        noDelay: true,
        ALPNProtocols: ['http/1.1'],
        handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
        SNICallback: (name, done) => done(null, this.#plan.secure?.contextFor(name)),
      },
      (socket: TLSSocket) => {
        // false without SNI.
        const name: unknown = socket.servername;
        if (!socket.destroyed) this.#accept(socket, typeof name === 'string' ? name : '');
      },
    );
    // A client that speaks no TLS, or stands still in the handshake: with a listener here Node leaves the closing to it.
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    return server;
  }

  /** `sniName` is null without TLS. */
  #accept(accepted: Accepted, sniName: string | null): void {
    this.#connections.add(new ClientConnection(accepted, sniName, this));
  }

  /** From the server's handle itself: what `maxConnections` does for Node's own sockets is done here. */
  #acceptBare(accepted: Accepted): void {
    if (this.#connections.size < this.#plan.maxConnections) this.#accept(accepted, null);
    else turnAway(accepted);
  }

  /** Binds the address, or has `listenOnBound` take a socket that is bound already. */
  listen(listenOnBound?: (server: Server, backlog: number) => void): Promise<void> {
    const { listen } = this.#plan;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      const ready = (): void => {
        this.#server.off('error', reject);
        this.#server.on('error', () => {
          // An accept that failed (out of descriptors): the connection is lost, the listener is not.
        });
        if (this.#plan.secure === null) acceptBare(this.#server, (accepted) => this.#acceptBare(accepted));
        resolve();
      };
      this.#server.once('listening', ready);
      if (listenOnBound !== undefined) listenOnBound(this.#server, listen.backlog);
      else this.#server.listen(listenOptions(listen));
    });
  }

  onClosed(connection: ClientConnection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#onIdle?.();
  }

  /** Accepts nothing more; resolves when the last connection ended. Idle ones end now, busy ones after their answer. */
  drain(): Promise<void> {
    this.draining = true;
    this.#server.close();
    for (const connection of this.#connections) connection.drain();
    if (this.#connections.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }

  /** Ends everything at once. */
  destroy(): void {
    this.#server.close();
    for (const connection of this.#connections) connection.destroy();
  }
}

/** What `server.listen` takes for an address. */
export function listenOptions(listen: ListenModel): {
  host?: string;
  port?: number;
  path?: string;
  backlog: number;
  ipv6Only?: boolean;
} {
  if (listen.path !== '') return { path: listen.path, backlog: listen.backlog };
  const host = listen.host === '*' ? '0.0.0.0' : listen.host;
  return { host, port: listen.port, backlog: listen.backlog, ipv6Only: listen.ipv6only };
}
