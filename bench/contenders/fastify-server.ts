// The program behind the @fastify/http-proxy contender: node fastify-server.ts PORT UPSTREAM,UPSTREAM KEEPALIVE
import proxy from '@fastify/http-proxy';
import fastify from 'fastify';

const [port, upstreams, keepalive] = process.argv.slice(2);
const targets = upstreams.split(',').map((p) => `http://127.0.0.1:${p}`);
let next = 0;
const app = fastify({ logger: false, bodyLimit: 16 * 2 ** 20 });
await app.register(proxy, {
  upstream: '',
  undici: { connections: Number(keepalive), pipelining: 1, keepAliveTimeout: 60_000 },
  replyOptions: {
    getUpstream: () => targets[next++ % targets.length],
    rewriteRequestHeaders: (req, headers) => ({
      ...headers,
      host: req.headers.host,
      'x-real-ip': req.socket.remoteAddress,
    }),
  },
});
await app.listen({ port: Number(port), host: '127.0.0.1' });
