// A node:http server in front of a group of peers, WebSockets included.
//   node node-http.mjs 8080 127.0.0.1:8001 127.0.0.1:8002
import { createServer } from 'node:http';
import { createBalancer } from 'lbproxy';

const [port = '8080', ...servers] = process.argv.slice(2);
const balancer = createBalancer({
  upstream: {
    servers: servers.length > 0 ? servers : ['127.0.0.1:8001', { address: '127.0.0.1:8002', weight: 2 }],
    next_upstream: ['error', 'timeout', 'http_502', 'http_503'],
  },
  xfwd: true,
});

balancer.on('error', (error, _req, res) => {
  console.error(error.message);
  // For a WebSocket `res` is the socket; it is closed after this.
  if ('writeHead' in res) res.writeHead(error.status ?? 502).end('Nobody is in.\n');
});

const server = createServer((req, res) => {
  if (req.url === '/status') res.end(`${JSON.stringify(balancer.upstream.peers, null, 2)}\n`);
  else balancer.web(req, res);
});
server.on('upgrade', (req, socket, head) => balancer.ws(req, socket, head));
server.listen(Number(port), '127.0.0.1', () => console.log(`listening on ${server.address().port}`));

process.once('SIGTERM', () => {
  server.close();
  balancer.close();
});
