// A Vite plugin that sends /api and its WebSockets to a group of peers: what `server.proxy` does for one target.
// Copy into vite.config.ts; the shapes below stand for Vite's own `Plugin` and `ViteDevServer`.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type BalancerOptions, createBalancer } from 'lbproxy';

type Next = (error?: unknown) => void;

interface DevServer {
  readonly middlewares: {
    use(handle: (req: IncomingMessage, res: ServerResponse, next: Next) => void): unknown;
  };
  /** null in middleware mode. */
  readonly httpServer: Pick<Server, 'on'> | null;
}

function balanced(prefix: string, options: BalancerOptions) {
  return {
    name: 'balanced',
    configureServer({ middlewares, httpServer }: DevServer): void {
      const balancer = createBalancer(options);
      const isOurs = (req: IncomingMessage): boolean => req.url?.startsWith(prefix) === true;
      middlewares.use((req, res, next) => {
        if (isOurs(req)) balancer.web(req, res, {}, next);
        else next();
      });
      // Vite's own hot-reload socket comes on another path and is left alone.
      httpServer?.on('upgrade', (req: IncomingMessage, socket: Socket, head: Buffer) => {
        if (isOurs(req)) balancer.ws(req, socket, head);
      });
      httpServer?.on('close', () => balancer.close());
    },
  };
}

export default {
  plugins: [balanced('/api', { upstream: { servers: ['127.0.0.1:8001', '127.0.0.1:8002'] }, xfwd: true })],
};
