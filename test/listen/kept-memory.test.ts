// What is kept of answers' heads: their lines, not the whole head of the peer that these were cut from.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { startProxy } from '../support/proxy.ts';
import { exchangeRaw } from '../support/raw-client.ts';
import { startRawUpstream } from '../support/upstream.ts';

const HEADS = 64;
const HIDDEN_BYTES = 300_000;

setFlagsFromString('--expose-gc');
const gc: () => void = runInNewContext('gc');

it('nothing is held of fields that are hidden', async () => {
  let asked = 0;
  const peer = await startRawUpstream((socket) => {
    socket.on('data', () => {
      const body = 'b'.repeat(++asked);
      const hidden = `X-Big: ${'s'.repeat(HIDDEN_BYTES)}${asked}`;
      socket.write(
        `HTTP/1.1 200 OK\r\n${hidden}\r\nX-Small: ${'a'.repeat(40)}\r\nContent-Length: ${asked}\r\n\r\n${body}`,
      );
    });
  });
  const proxy = await startProxy(`http { upstream u { server ${peer.address}; keepalive 4; }
    proxy_buffer_size 1m; proxy_buffers 8 1m; proxy_busy_buffers_size 1m; proxy_hide_header X-Big;
    server { listen 127.0.0.1:0; location / { proxy_pass http://u; } } }`);
  try {
    gc();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < HEADS; i++)
      expect(
        await exchangeRaw(proxy.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'),
      ).toContain('X-Small');
    gc();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan((HEADS * HIDDEN_BYTES) / 4);
  } finally {
    await proxy.close();
    await peer.close();
  }
}, 30_000);
