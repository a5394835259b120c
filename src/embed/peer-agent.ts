// Agents for connections to peers: one that keeps idle connections as the data plane does, one that hands over a connection made
// beforehand.
import { Agent, type ClientRequest } from 'node:http';
import type { Socket } from 'node:net';
import { balanceDefaults } from '../balance/rows.ts';

/** Keeps idle connections a shorter time than app servers do, so that a request rarely meets a connection being closed. */
export class PeerAgent extends Agent {
  #retired = false;

  constructor() {
    super({ keepAlive: true, maxFreeSockets: balanceDefaults.upstreamKeepalive, scheduling: 'lifo' });
  }

  override keepSocketAlive(socket: Socket): boolean {
    // Its type says void; Node's documentation and code say whether to keep it.
    const keep: unknown = super.keepSocketAlive(socket);
    if (this.#retired || keep === false) return false;
    socket.setTimeout(balanceDefaults.upstreamKeepaliveTimeoutMs);
    return true;
  }

  override reuseSocket(socket: Socket, request: ClientRequest): void {
    socket.setTimeout(0);
    super.reuseSocket(socket, request);
  }

  /** Closes the idle connections now and those in use when their request is done. */
  retire(): void {
    this.#retired = true;
    for (const sockets of Object.values(this.freeSockets)) {
      for (const socket of [...(sockets ?? [])]) socket.destroy();
    }
  }
}

/** Gives the one connection that stands already. */
export class HandoverAgent extends Agent {
  readonly #connection: Socket;
  /** Hears of the request that goes out on it. */
  readonly onRequest: (request: ClientRequest) => void;

  constructor(connection: Socket, onRequest: (request: ClientRequest) => void) {
    super();
    this.#connection = connection;
    this.onRequest = onRequest;
  }

  override createConnection(): Socket {
    return this.#connection;
  }
}
