// A balancer as a middleware `(req, res, next)`, as connect, Express, Polka and Vite call it. No framework is needed to run this:
//   node express-style.mjs 8080 127.0.0.1:8001 127.0.0.1:8002
import { createServer } from 'node:http';
import { createBalancer } from 'lbproxy';

const [port = '8080', ...servers] = process.argv.slice(2);
const balancer = createBalancer({
  upstream: { servers: servers.length > 0 ? servers : ['127.0.0.1:8001', '127.0.0.1:8002'] },
});

// Mount it before any body parser: a body that was read is gone.
const proxy = (req, res, next) => balancer.web(req, res, {}, next);

// In Express:
//   app.use('/api', proxy);
//   app.listen(8080).on('upgrade', (req, socket, head) => balancer.ws(req, socket, head));
const server = createServer((req, res) => {
  const next = (error) => {
    res.statusCode = error === undefined ? 404 : (error.status ?? 502);
    res.end(error === undefined ? 'not here\n' : `${error.message}\n`);
  };
  if (req.url?.startsWith('/api/')) proxy(req, res, next);
  else next();
});
server.on('upgrade', (req, socket, head) => balancer.ws(req, socket, head));
server.listen(Number(port), '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
