// One listening socket: accepts, does TLS, keeps its connections. The socket may be one that another process bound.
import { createServer, type Server, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type Accepted, acceptBare } from '../socket/accepted.ts';
import { ClientConnection, type ConnectionHome } from './client-connection.ts';
import type { Door } from './door.ts';
import { type Front, frontOfPlain } from './front.ts';
import { Handshake, type HandshakeHome } from './handshake.ts';
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
  /** Whether there is room for another client; the same for all listeners of a configuration. */
  readonly door: Door;
}

export class Listener implements ConnectionHome, HandshakeHome {
  #plan: ListenerPlan;
  draining = false;
  readonly #server: Server;
  readonly #connections = new Set<ClientConnection>();
  readonly #handshakes = new Set<Handshake>();
  #onIdle: (() => void) | null = null;

  constructor(plan: ListenerPlan) {
    this.#plan = plan;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  get front(): Front {
    return this.#plan.front;
  }

  get key(): string {
    return this.#plan.key;
  }

  get secureContexts(): SecureContexts | null {
    return this.#plan.secure;
  }

  /** Those in their handshake among them. */
  get connections(): number {
    return this.#connections.size + this.#handshakes.size;
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
  }

  /** Whether a plan can replace the present one without a new socket. */
  accepts(plan: ListenerPlan): boolean {
    return (plan.secure === null) === (this.#plan.secure === null);
  }

  #accept(accepted: Accepted): void {
    const { door, maxConnections, secure } = this.#plan;
    if (!door.lets(accepted, this.connections, maxConnections, secure === null)) return;
    // Handshakes need a public socket: their listener never gives bare handles.
    if (secure === null) this.#connections.add(new ClientConnection(accepted, null, this));
    else this.#handshakes.add(new Handshake(accepted as Socket, this));
  }

  onSecured(handshake: Handshake, socket: TLSSocket): void {
    this.#connections.add(new ClientConnection(socket, handshake.name, this, handshake.acceptedAtMs));
    this.#handshakes.delete(handshake);
  }

  onPlain(handshake: Handshake, socket: Socket): void {
    this.#connections.add(new ClientConnection(socket, null, new PlainHome(this), handshake.acceptedAtMs));
    this.#handshakes.delete(handshake);
  }

  onHandshakeClosed(handshake: Handshake): void {
    this.#handshakes.delete(handshake);
    this.#onEnded();
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
        if (this.#plan.secure === null) acceptBare(this.#server, (accepted) => this.#accept(accepted));
        resolve();
      };
      this.#server.once('listening', ready);
      if (listenOnBound !== undefined) listenOnBound(this.#server, listen.backlog);
      else this.#server.listen(listenOptions(listen));
    });
  }

  onClosed(connection: ClientConnection): void {
    this.#connections.delete(connection);
    this.#onEnded();
  }

  #onEnded(): void {
    if (this.connections === 0) this.#onIdle?.();
  }

  /** Accepts nothing more; resolves when the last connection ended. Idle ones end now, busy ones after their answer. */
  drain(): Promise<void> {
    this.draining = true;
    this.#server.close();
    for (const connection of this.#connections) connection.drain();
    for (const handshake of this.#handshakes) if (handshake.silent) handshake.destroy();
    if (this.connections === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }

  /** Ends everything at once. */
  destroy(): void {
    this.#server.close();
    for (const connection of this.#connections) connection.destroy();
    for (const handshake of this.#handshakes) handshake.destroy();
  }
}

/** The listener to clients that speak plain HTTP where it speaks TLS. */
class PlainHome implements ConnectionHome {
  readonly #listener: Listener;

  constructor(listener: Listener) {
    this.#listener = listener;
  }

  get front(): Front {
    return frontOfPlain(this.#listener.front);
  }

  get draining(): boolean {
    return this.#listener.draining;
  }

  onClosed(connection: ClientConnection): void {
    this.#listener.onClosed(connection);
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
