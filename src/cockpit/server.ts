// The live view's own web server, in the primary: the page to everybody, all else to who has the token.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { nodeHttp } from '../shared/node-parts.ts';
import { refusalOfOrigin, refusalOfToken } from './access.ts';
import { answerCall } from './calls.ts';
import type { CockpitFace } from './face.ts';
import type { Page } from './page.ts';
import type { LiveViewAddress } from './rows.ts';
import { LiveStreams } from './streams.ts';

const HEAD_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;
const MAX_CONNECTIONS = 64;
/** How many ports are tried where any will do. */
const TRIES = 50;

export interface CockpitOptions {
  readonly face: CockpitFace;
  readonly token: string;
  /** Makes the page when it is first asked for. */
  readonly page: () => Promise<Page>;
  readonly report: (text: string) => void;
}

export class CockpitServer {
  readonly #options: CockpitOptions;
  readonly #streams: LiveStreams;
  #server: Server | null = null;

  constructor(options: CockpitOptions) {
    this.#options = options;
    this.#streams = new LiveStreams(options.face, options.report);
  }

  /** `first`: where it was before. Rejects with why it cannot listen there. */
  async open({ host, port, mayMove }: LiveViewAddress, first = port): Promise<void> {
    const next = mayMove ? Array.from({ length: TRIES }, (_, i) => port + i) : [];
    const ports = new Set([mayMove ? first : port, ...next]);
    let problem: NodeJS.ErrnoException | null = null;
    for (const each of ports) {
      const server = this.#create();
      try {
        await listen(server, host, each);
        this.#server = server;
        return;
      } catch (error) {
        problem = error as NodeJS.ErrnoException;
        if (problem.code !== 'EADDRINUSE') break;
      }
    }
    throw new Error(`the live view cannot listen on ${host}:${port}: ${problem?.message}`);
  }

  /** Where a browser finds it, with the token; '' while it is closed. */
  get url(): string {
    const { port } = this;
    return port === 0 ? '' : `http://${this.#host()}:${port}/#${this.#options.token}`;
  }

  #host(): string {
    const address = (this.#server?.address() as AddressInfo | null)?.address ?? '';
    return address.includes(':') ? `[${address}]` : address;
  }

  get port(): number {
    return (this.#server?.address() as AddressInfo | null)?.port ?? 0;
  }

  #create(): Server {
    const server = nodeHttp().createServer({
      headersTimeout: HEAD_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: 2000,
      keepAliveTimeout: 30_000,
    });
    server.maxConnections = MAX_CONNECTIONS;
    server.on('clientError', (_error, socket) => socket.destroy());
    server.on('request', (request, response) => {
      response.on('error', () => undefined);
      void this.#answer(request, response).catch((error: Error) => {
        this.#options.report(`the live view failed: ${error.stack ?? error.message}`);
        if (!response.headersSent) sendText(response, 500, 'internal error');
        else response.destroy();
      });
    });
    return server;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of COMMON) response.setHeader(name, value);
    const foreign = refusalOfOrigin(request);
    if (foreign !== null) return sendText(response, foreign.status, foreign.text);
    const { method, url = '/' } = request;
    if (url === '/' || url === '/index.html') {
      if (method !== 'GET' && method !== 'HEAD') return sendText(response, 405, 'the page is read by GET');
      const page = await this.#options.page();
      response.setHeader('Content-Security-Policy', page.policy);
      response.setHeader('Content-Type', 'text/html; charset=utf-8');
      return void response.end(method === 'HEAD' ? undefined : page.html);
    }
    const refusal = refusalOfToken(request, this.#options.token);
    if (refusal !== null) return sendText(response, refusal.status, refusal.text);
    await answerCall({ face: this.#options.face, streams: this.#streams }, request, response);
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    this.#streams.close();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  }
}

const COMMON: readonly (readonly [name: string, value: string])[] = [
  ['Cache-Control', 'no-store'],
  ['X-Content-Type-Options', 'nosniff'],
  ['Referrer-Policy', 'no-referrer'],
  ['X-Frame-Options', 'DENY'],
  ['Cross-Origin-Opener-Policy', 'same-origin'],
  ['Cross-Origin-Resource-Policy', 'same-origin'],
];

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', reject);
      server.on('error', () => undefined);
      resolve();
    });
  });
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.statusCode = status;
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  response.end(`${text}\n`);
}
