// The kit of this room: an application's own node:http server with a balancer in it, and clients that look at what comes back.
import { type Agent, createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type Balancer, type BalancerOptions, createBalancer } from '../../src/embed/index.ts';

export interface App {
  readonly balancer: Balancer;
  readonly server: Server;
  readonly port: number;
  close(): Promise<void>;
}

export async function startApp(options: BalancerOptions, host = '127.0.0.1'): Promise<App> {
  const balancer = createBalancer(options);
  const server = createServer((req, res) => balancer.web(req, res));
  server.on('upgrade', (req, socket: Socket, head) => balancer.ws(req, socket, head));
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return {
    balancer,
    server,
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        balancer.close();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface Ask {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: Buffer | string;
  readonly agent?: Agent;
  readonly localAddress?: string;
}

/** One request over a connection of its own unless an agent is given. */
export function ask(port: number, { body, ...options }: Ask = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = request({ host: '127.0.0.1', port, agent: false, ...options }, (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk) => chunks.push(chunk));
      res.on('error', reject);
      res.on('end', () =>
        resolve({
          status: res.statusCode ?? 0,
          headers: res.headers,
          body: Buffer.concat(chunks).toString('latin1'),
        }),
      );
    });
    req.on('error', reject);
    req.end(body);
  });
}

/** The bodies of `times` requests made one after the other. */
export async function bodies(port: number, times: number, options: Ask = {}): Promise<string[]> {
  const seen: string[] = [];
  for (let i = 0; i < times; i++) seen.push((await ask(port, options)).body);
  return seen;
}

/** Waits until a value does not change for 300 ms and gives it; fails after five seconds. */
export async function settled(value: () => number): Promise<number> {
  let last = value();
  let since = performance.now();
  await until(() => {
    if (value() !== last) {
      last = value();
      since = performance.now();
    }
    return performance.now() - since > 300;
  }, 'the pause');
  return last;
}

/** Waits until `test` is true; fails with `what` after `ms`. */
export async function until(test: () => boolean, what: string, ms = 5000): Promise<void> {
  const end = performance.now() + ms;
  while (!test()) {
    if (performance.now() > end) throw new Error(`${what} did not happen within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
