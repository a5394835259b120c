// An application that has used up its descriptors: GET /fill opens files until it may open no more, everything else is balanced.
import { openSync } from 'node:fs';
import { createServer } from 'node:http';
import { createBalancer } from 'lbproxy';

const balancer = createBalancer({ upstream: { servers: process.argv.slice(2) } });
balancer.on('error', (error, _req, res) => {
  const fails = balancer.upstream.peers.map((peer) => peer.fails);
  res.end(JSON.stringify({ failure: error.failure, code: error.code, status: error.status, fails }));
});
const server = createServer((req, res) => {
  if (req.url !== '/fill') return balancer.web(req, res);
  try {
    while (true) openSync('/dev/null', 'r');
  } catch (error) {
    res.end(error.code);
  }
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
