// The demo app: a plain node:http server that says which process answered, with a long poll and an echo.
// One process per port: node hello.mjs --port=8001
import { createServer } from 'node:http';

const port = Number(process.argv.find((a) => a.startsWith('--port='))?.slice(7) ?? process.env.PORT ?? 8001);

const server = createServer((req, res) => {
  const url = new URL(req.url ?? '/', 'http://demo');
  if (url.pathname === '/') {
    res.end(`${port}\n`);
  } else if (url.pathname === '/headers') {
    res.setHeader('Content-Type', 'application/json');
    res.end(`${JSON.stringify({ port, method: req.method, url: req.url, headers: req.headers }, null, 2)}\n`);
  } else if (url.pathname === '/slow') {
    const seconds = Math.min(60, Number(url.searchParams.get('seconds') ?? 1));
    setTimeout(() => res.end(`${port} after ${seconds} s\n`), seconds * 1000);
  } else if (url.pathname === '/echo') {
    req.pipe(res);
  } else {
    res.statusCode = 404;
    res.end(`${port}: there is no ${url.pathname}; try /, /headers, /slow?seconds=2, /echo\n`);
  }
});

// Longer than the balancer keeps idle connections, as it should be for any app behind one.
server.keepAliveTimeout = 5000;
server.listen(port, '127.0.0.1', () => console.log(`listening on ${port}`));

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
}
