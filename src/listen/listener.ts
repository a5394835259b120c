// One listening socket: accepts, does TLS, keeps its connections. The socket may be one that another process bound.
import { createServer, type Server } from 'node:net';
import type { Exchange } from '../exchange/exchange.ts';
import { type Populated, type Population, population } from '../shared/population.ts';
import { Roster } from '../shared/roster.ts';
import { wheel } from '../shared/timer-wheel.ts';
import { type Accepted, acceptBare, localAddressOf, type OwnedSocket } from '../socket/accepted.ts';
import { takesBareHandles } from '../socket/server-tls.ts';
import type { ClientTls } from '../socket/tls/client-tls.ts';
import { ClientConnection, type ConnectionHome } from './client-connection.ts';
import type { Door } from './door.ts';
import { type Front, frontOfPlain } from './front.ts';
import { Handshake, type HandshakeHome } from './handshake.ts';
import { listenOptions } from './listen-options.ts';
import { type PrefaceHome, ProxyPreface } from './proxy-preface.ts';
import type { ListenModel } from './rows.ts';
import type { SecureContexts } from './secure-contexts.ts';

/** What clients of an address get. */
export interface AddressPlan {
  readonly front: Front;
  /** null = plain HTTP. */
  readonly secure: SecureContexts | null;
}

/** What a listener serves; replaced as a whole by a reload. */
export interface ListenerPlan extends AddressPlan {
  readonly key: string;
  readonly listen: ListenModel;
  /** Where the socket is that of all addresses: those that have servers of their own. null = none. */
  readonly addresses: ReadonlyMap<string, AddressPlan> | null;
  readonly maxConnections: number;
  /** Whether there is room for another client; the same for all listeners of a configuration. */
  readonly door: Door;
  /** Hears why a client cannot be served that is not to blame, for the error log. */
  readonly tell: (message: string) => void;
}

export class Listener implements ConnectionHome, HandshakeHome, Populated {
  #plan: ListenerPlan;
  draining = false;
  readonly #server: Server;
  readonly #connections = new Roster<ClientConnection>();
  readonly #handshakes = new Roster<Handshake>();
  /** Of TLS ports before which the PROXY protocol is spoken. */
  readonly #prefaces = new Roster<ProxyPreface>();
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
    return this.#connections.size + this.#handshakes.size + this.#prefaces.size;
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

  get population(): Population {
    const sum = { active: this.connections, reading: 0, writing: 0, waiting: 0 };
    for (const { activity } of this.#connections) sum[activity]++;
    return sum;
  }

  /** Shows each exchange under way, and whether it is a tunnel by now. */
  eachExchange(see: (exchange: Exchange, isTunnel: boolean) => void): void {
    for (const { busyWith, exchange } of this.#connections)
      if (exchange !== null) see(exchange, busyWith === 'tunnel');
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
    const { door, maxConnections, secure, addresses } = this.#plan;
    population.accepted++;
    if (!door.lets(accepted, this.connections, maxConnections, secure === null)) return;
    population.handled++;
    const home = addresses === null ? this : this.#homeAt(localAddressOf(accepted));
    if (secure === null) this.#connections.add(new ClientConnection(accepted, null, home));
    else if (home.front.proxyProtocol) this.#readPreface(accepted, home);
    else this.#handshakes.add(new Handshake(accepted, home));
  }

  #readPreface(accepted: Accepted, home: ConnectionHome & HandshakeHome): void {
    const prefaceHome: PrefaceHome = {
      onPreface: (preface, head, socket, rest) => {
        this.#prefaces.delete(preface);
        const handshake = new Handshake(socket, home, preface.acceptedAtMs);
        handshake.proxyProtocol = head;
        this.#handshakes.add(handshake);
        if (this.draining) handshake.drain();
        if (rest.length > 0) handshake.onBytes(rest, rest.length);
      },
      onPrefaceClosed: (preface) => {
        this.#prefaces.delete(preface);
        this.#onEnded();
      },
    };
    this.#prefaces.add(new ProxyPreface(accepted, home.front.headTimeoutMs, prefaceHome));
  }

  #homeAt(address: string): ConnectionHome & HandshakeHome {
    return this.#plan.addresses?.has(address) === true ? new AddressHome(this, address) : this;
  }

  /** What an address gets now: where it has no servers of its own any more, what all others get. */
  planAt(address: string): AddressPlan {
    return this.#plan.addresses?.get(address) ?? this.#plan;
  }

  onSecured(
    handshake: Handshake,
    socket: Accepted | OwnedSocket,
    tls: ClientTls,
    home: ConnectionHome = this,
  ): void {
    this.#becomes(handshake, new ClientConnection(socket, tls, home, handshake.acceptedAtMs));
  }

  onPlain(handshake: Handshake, socket: OwnedSocket, read: Buffer, home: ConnectionHome = this): void {
    const connection = new ClientConnection(socket, null, new PlainHome(home), handshake.acceptedAtMs);
    this.#becomes(handshake, connection);
    connection.onBytes(read, read.length);
  }

  #becomes(handshake: Handshake, connection: ClientConnection): void {
    connection.proxyProtocol = handshake.proxyProtocol;
    this.#connections.add(connection);
    this.#handshakes.delete(handshake);
    if (this.draining) connection.drain(wheel.nowMs);
  }

  onHandshakeClosed(handshake: Handshake): void {
    this.#handshakes.delete(handshake);
    this.#onEnded();
  }

  onHandshakeProblem(message: string): void {
    this.#plan.tell(message);
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
        population.enter(this);
        if (this.#plan.secure === null || takesBareHandles())
          acceptBare(this.#server, (accepted) => this.#accept(accepted));
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
    if (this.connections > 0) return;
    if (this.draining) population.leave(this);
    this.#onIdle?.();
  }

  /** Accepts nothing more; resolves when the last connection ended. Idle ones end now, busy ones after their answer, new ones soon. */
  drain(): Promise<void> {
    this.draining = true;
    this.#server.close();
    for (const connection of this.#connections) connection.drain();
    for (const handshake of this.#handshakes) handshake.drain();
    for (const preface of this.#prefaces) preface.drain();
    if (this.connections === 0) {
      population.leave(this);
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }

  /** Ends everything at once. */
  destroy(): void {
    this.#server.close();
    population.leave(this);
    for (const connection of this.#connections) connection.destroy();
    for (const handshake of this.#handshakes) handshake.destroy();
    for (const preface of this.#prefaces) preface.destroy();
  }
}

/** The listener to clients of an address that has servers of its own. */
class AddressHome implements ConnectionHome, HandshakeHome {
  readonly #listener: Listener;
  readonly #address: string;

  constructor(listener: Listener, address: string) {
    this.#listener = listener;
    this.#address = address;
  }

  get front(): Front {
    return this.#listener.planAt(this.#address).front;
  }

  get secureContexts(): SecureContexts | null {
    return this.#listener.planAt(this.#address).secure;
  }

  get draining(): boolean {
    return this.#listener.draining;
  }

  onClosed(connection: ClientConnection): void {
    this.#listener.onClosed(connection);
  }

  onSecured(handshake: Handshake, socket: Accepted | OwnedSocket, tls: ClientTls): void {
    this.#listener.onSecured(handshake, socket, tls, this);
  }

  onHandshakeProblem(message: string): void {
    this.#listener.onHandshakeProblem(message);
  }

  onPlain(handshake: Handshake, socket: OwnedSocket, read: Buffer): void {
    this.#listener.onPlain(handshake, socket, read, this);
  }

  onHandshakeClosed(handshake: Handshake): void {
    this.#listener.onHandshakeClosed(handshake);
  }
}

/** The listener, or one of its addresses, to clients that speak plain HTTP where it speaks TLS. */
class PlainHome implements ConnectionHome {
  readonly #home: ConnectionHome;

  constructor(home: ConnectionHome) {
    this.#home = home;
  }

  get front(): Front {
    return frontOfPlain(this.#home.front);
  }

  get draining(): boolean {
    return this.#home.draining;
  }

  onClosed(connection: ClientConnection): void {
    this.#home.onClosed(connection);
  }
}
