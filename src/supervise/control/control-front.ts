// Where a control server listens. What answers there, and Node's HTTP, is loaded with the first connection: acceptors are sooner up
// without it. A little later it is loaded in any case, as its files may be replaced under the running process.
import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { nodeHttp } from '../../shared/node-parts.ts';

const MAX_CONNECTIONS = 64;
const HEAD_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
const CHECK_EVERY_MS = 2000;
const PROBE_AFTER_MS = 60_000;
/** Supervisor's own client does not open a closed connection anew. */
const IDLE_TIMEOUT_MS = 30 * 60_000;

type OnRequest = (request: IncomingMessage, response: ServerResponse) => void;

export class ControlFront {
  readonly server: Server;
  readonly #onRequest: OnRequest;
  readonly #connections = new Connections();
  #http: HttpServer | null = null;

  constructor(onRequest: OnRequest) {
    this.#onRequest = onRequest;
    this.server = createServer({
      allowHalfOpen: true,
      noDelay: true,
      // A reader of a log whose machine is gone is found out.
      keepAlive: true,
      keepAliveInitialDelay: PROBE_AFTER_MS,
    });
    this.server.on('connection', (socket) => {
      this.#http ??= this.#makeHttp();
      this.#http.emit('connection', socket);
      this.#connections.add(socket);
    });
  }

  #makeHttp(): HttpServer {
    const http = nodeHttp().createServer({
      headersTimeout: HEAD_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: IDLE_TIMEOUT_MS,
      connectionsCheckingInterval: CHECK_EVERY_MS,
    });
    http.on('clientError', (_error, socket) => socket.destroy());
    http.on('request', (request, response) => {
      const { socket } = request;
      this.#connections.use(socket, true);
      response.once('close', () => this.#connections.use(socket, false));
      this.#onRequest(request, response);
    });
    // It looks after the times of its connections from here on; none of them came through a socket of its own.
    http.emit('listening');
    return http;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.#http?.close();
    this.#connections.end();
    await closed;
  }
}

/** Above the limit, the connection that has been idle for longest is closed; when all are busy, the new one. */
class Connections {
  readonly #open = new Set<Socket>();
  readonly #idle = new Set<Socket>();

  add(socket: Socket): void {
    this.#open.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => {
      this.#open.delete(socket);
      this.#idle.delete(socket);
    });
    if (this.#open.size > MAX_CONNECTIONS) {
      const [longest = socket] = this.#idle;
      longest.destroy();
    }
    this.#idle.add(socket);
  }

  use(socket: Socket, isBusy: boolean): void {
    this.#idle.delete(socket);
    if (!isBusy && !socket.destroyed) this.#idle.add(socket);
  }

  end(): void {
    for (const socket of this.#open) socket.destroy();
  }
}
