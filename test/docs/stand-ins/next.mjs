#!/usr/bin/env node
// In the place of Next where it is not installed: `next dev -H HOST -p PORT`, the routes of app/, and the socket of its development.
import { createHash } from 'node:crypto';
import { copyFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const options = { H: { type: 'string', short: 'H' }, p: { type: 'string', short: 'p' } };
const { values, positionals } = parseArgs({ allowPositionals: true, options });
if (positionals[0] !== 'dev') throw new Error(`next ${positionals[0]}: this is next dev`);

const server = createServer(async (request, response) => {
  const { url, headers, method } = request;
  const file = resolve(`app${url}/route.js`);
  const copy = file.replace(/js$/, 'mjs');
  copyFileSync(file, copy);
  const route = await import(pathToFileURL(copy));
  const answer = await route[method](new Request(`http://${headers.host}${url}`, { headers }));
  response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text());
});
server.on('upgrade', ({ url, headers }, socket) => {
  const key = createHash('sha1')
    .update(`${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64');
  if (url !== '/_next/webpack-hmr') return socket.destroy();
  socket.on('error', () => {});
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\n\r\n`,
  );
});
server.listen(Number(values.p), values.H);
