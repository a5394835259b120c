// Two hundred megabytes that sub_filter makes longer, to a client that reads now and then: memory stays as it is.

import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { startProxy } from '../../support/proxy.ts';
import { startUpstream } from '../../support/upstream.ts';

const PIECE = Buffer.alloc(65_536, `a needle ${'and much hay '.repeat(20)}.\n`);
const PIECES = 3200;
const NEEDLES = PIECE.latin1Slice().split('needle').length - 1;

it('holds no more than the client takes', async () => {
  const peer = await startUpstream(async (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html' });
    for (let i = 0; i < PIECES; i++) if (!response.write(PIECE)) await once(response, 'drain');
    response.end();
  });
  const proxy = await startProxy(
    `http { server { listen 127.0.0.1:0; location / { proxy_pass http://${peer.address}; sub_filter needle "haystack, a large one"; sub_filter_once off; } } }`,
  );
  const socket = connect({ port: proxy.port, host: '127.0.0.1' });
  socket.write('GET / HTTP/1.0\r\n\r\n');
  let taken = 0;
  let largest = 0;
  const before = process.memoryUsage().rss;
  for await (const piece of socket) {
    const bytes = (piece as Buffer).length;
    // Each time it has taken eight megabytes it does nothing for a while.
    if (Math.floor((taken + bytes) / 8_388_608) > Math.floor(taken / 8_388_608)) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      largest = Math.max(largest, process.memoryUsage().rss);
    }
    taken += bytes;
  }
  await proxy.close();
  await peer.close();
  // The strings that lie across two pieces are in both counts alike: the period of the text does not divide a piece.
  expect(taken).toBeGreaterThan(PIECES * (PIECE.length + NEEDLES * 15));
  // Peer, proxy and client are one process here: what waits for its garbage collection is up to 90 MB.
  expect(largest - before).toBeLessThan(130_000_000);
}, 60_000);
