// The Node app of the programs sweep: about 1 ms of CPU for each request: node node-app.ts PORT
import { pbkdf2Sync } from 'node:crypto';
import { createServer } from 'node:http';

/** A fixed amount of work, not a time: on a busy core it takes longer, as an app's does. */
const ITERATIONS = 4500;

createServer((_req, res) => {
  const key = pbkdf2Sync('password', 'salt', ITERATIONS, 32, 'sha256');
  res.setHeader('Content-Type', 'text/plain');
  res.end(`Hello ${key.toString('hex', 0, 4)}\n`);
}).listen(Number(process.argv[2]), '127.0.0.1');
