// A large answer for a client that reads nothing for a while: its peer is rid of it, memory stays, and the temporary file is gone afterwards.
import { readdirSync, readlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { residentBytes, startLbproxy } from '../support/lbproxy-process.ts';
import { startRawUpstream } from '../support/upstream.ts';

const MB = 1024 * 1024;
const SIZE = 256 * MB;
const block = Buffer.alloc(MB, 'abcdefgh');

const openFilesOf = (pid: number): string[] =>
  readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/${pid}/fd/${fd}`);
      return /lbproxy-body|spooled/.test(target) ? [target] : [];
    } catch {
      return [];
    }
  });

it('costs a bounded amount of memory', async () => {
  let sent = 0;
  const peer = await startRawUpstream((socket) => {
    socket.once('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`);
      const more = (): void => {
        while (sent < SIZE) {
          sent += MB;
          if (!socket.write(block)) return void socket.once('drain', more);
        }
      };
      more();
    });
  });
  const lbproxy = await startLbproxy(
    `worker_processes 1; http { proxy_temp_path DIR/spooled; server { listen 127.0.0.1:PORT1; location / { proxy_pass http://${peer.address}; } } }`,
  );
  const [acceptor] = lbproxy.acceptorPids();
  const before = residentBytes(acceptor);
  const client = connect({ port: lbproxy.port, host: '127.0.0.1' });
  client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  client.pause();
  let most = 0;
  for (let i = 0; i < 2000 && sent < SIZE; i++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    most = Math.max(most, residentBytes(acceptor));
  }
  expect(sent).toBe(SIZE);
  expect(openFilesOf(acceptor)).toEqual([expect.stringContaining('(deleted)')]);
  let received = 0;
  for await (const chunk of client) {
    received += (chunk as Buffer).length;
    if (received % 64 === 0) most = Math.max(most, residentBytes(acceptor));
  }
  most = Math.max(most, residentBytes(acceptor));
  expect(received).toBeGreaterThan(SIZE);
  expect(most - before).toBeLessThan(48 * MB);
  await expect.poll(() => openFilesOf(acceptor)).toEqual([]);
  lbproxy.signal('SIGQUIT');
  expect(await lbproxy.exited).toEqual({ code: 0, signal: null });
  await peer.close();
});
