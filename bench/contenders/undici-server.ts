// The program behind "node:http + undici", the least that Node's own parts cost: node undici-server.ts PORT UPSTREAM,UPSTREAM KEEPALIVE
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Dispatcher, Pool } from 'undici';

const [port, upstreams, keepalive] = process.argv.slice(2);
const pools = upstreams
  .split(',')
  .map((p) => new Pool(`http://127.0.0.1:${p}`, { connections: Number(keepalive) }));
let next = 0;

/** Fields of the client's connection, which end here. */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding']);

function endToEnd(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Record<string, string | string[]> {
  const kept: Record<string, string | string[]> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined && !HOP_BY_HOP.has(name)) kept[name] = value;
  }
  return kept;
}

function relay(res: ServerResponse): Dispatcher.DispatchHandler {
  return {
    // undici tells handlers of this form from older ones by it.
    onRequestStart: () => {},
    onResponseStart: (_controller, status, headers) => {
      res.writeHead(status, endToEnd(headers));
    },
    onResponseData: (controller, chunk) => {
      if (res.write(chunk)) return;
      controller.pause();
      res.once('drain', () => controller.resume());
    },
    onResponseEnd: () => {
      res.end();
    },
    onResponseError: () => {
      if (res.headersSent) res.destroy();
      else res.writeHead(502).end();
    },
  };
}

createServer((req: IncomingMessage, res) => {
  const headers = { ...endToEnd(req.headers), 'x-real-ip': req.socket.remoteAddress ?? '' };
  const body = req.method === 'GET' ? null : req;
  pools[next++ % pools.length].dispatch(
    { path: req.url ?? '/', method: req.method as Dispatcher.HttpMethod, headers, body },
    relay(res),
  );
}).listen(Number(port), '127.0.0.1');
