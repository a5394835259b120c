// The program behind the http-proxy-3 contender: node http-proxy-3-server.ts PORT UPSTREAM,UPSTREAM
import { Agent, createServer } from 'node:http';
import httpProxy from 'http-proxy-3';

const [port, upstreams] = process.argv.slice(2);
const targets = upstreams.split(',').map((p) => `http://127.0.0.1:${p}`);
const proxy = httpProxy.createProxyServer({ agent: new Agent({ keepAlive: true, maxSockets: 256 }) });
proxy.on('error', (_error, _req, res) => {
  if ('writeHead' in res && !res.headersSent) res.writeHead(502).end();
});
let next = 0;
createServer((req, res) => {
  proxy.web(req, res, { target: targets[next++ % targets.length] });
}).listen(Number(port), '127.0.0.1');
