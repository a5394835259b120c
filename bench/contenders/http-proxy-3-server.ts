// The program behind the http-proxy-3 contender: node http-proxy-3-server.ts PORT UPSTREAM,UPSTREAM KEEPALIVE
import { Agent, createServer } from 'node:http';
import httpProxy from 'http-proxy-3';

const [port, upstreams, keepalive] = process.argv.slice(2);
const targets = upstreams.split(',').map((p) => `http://127.0.0.1:${p}`);
const proxy = httpProxy.createProxyServer({
  agent: new Agent({ keepAlive: true, maxSockets: 1024, maxFreeSockets: Number(keepalive) }),
});
proxy.on('error', (_error, _req, res) => {
  if ('writeHead' in res && !res.headersSent) res.writeHead(502).end();
});
let next = 0;
createServer((req, res) => {
  const target = targets[next++ % targets.length];
  proxy.web(req, res, { target, headers: { 'x-real-ip': req.socket.remoteAddress ?? '' } });
}).listen(Number(port), '127.0.0.1');
