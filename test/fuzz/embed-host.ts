// An application with balancers in it. It says its port, and what nobody caught.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type Balancer, createBalancer } from '../../src/embed/index.ts';
import type { FromHost, HostJob } from './embed.ts';

const job = JSON.parse(process.argv[2]) as HostJob;
const say = (message: FromHost): void => void process.send?.(message);

process.on('disconnect', () => process.exit(1));
for (const event of ['uncaughtException', 'unhandledRejection'] as const)
  process.on(event, (error: unknown) =>
    say({ type: 'bug', what: `${event}: ${error instanceof Error ? error.stack : String(error)}` }),
  );

const TIMES = { proxyTimeout: 3000, connectTimeout: 5000 } as const;
const balancers: Readonly<Record<string, Balancer>> = {
  one: createBalancer({ ...TIMES, upstream: { servers: [{ address: job.one, max_fails: 0 }] } }),
  group: createBalancer({
    ...TIMES,
    proxyTimeout: 1000,
    upstream: {
      servers: job.group.map((address) => ({ address, max_fails: 2, fail_timeout: '100ms' })),
      next_upstream: [
        'error',
        'timeout',
        'invalid_header',
        'http_500',
        'http_503',
        'http_404',
        'non_idempotent',
      ],
    },
  }),
  innocent: createBalancer({ upstream: { servers: [{ address: job.echo, max_fails: 0 }] } }),
};
// One application listens, another does not.
balancers.group.on('error', (_error, _req, res) => {
  if ('headersSent' in res && !res.headersSent) (res as ServerResponse).writeHead(502).end('none');
});

const balancerOf = (url = ''): Balancer => balancers[url.split('/')[1]] ?? balancers.innocent;
let open = 0;
// Clients keep their connections.
const server = createServer({ keepAliveTimeout: 600_000 }, (req, res) => {
  open++;
  res.once('close', () => open--);
  balancerOf(req.url).web(req, res);
});
server.on('upgrade', (req, socket: Socket, head) => balancerOf(req.url).ws(req, socket, head));
process.on('message', () => say({ type: 'open', requests: open }));
server.listen(0, '127.0.0.1', () => say({ type: 'ready', port: (server.address() as AddressInfo).port }));
