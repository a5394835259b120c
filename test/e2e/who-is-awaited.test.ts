// A time-out names who was waited for: a peer that takes nothing is no slow client, a client that sends slowly is no silent peer, and
// what lbproxy itself lacks or does wrong is nobody's fault.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { AnswerRoot } from '../../src/listen/answer-root.ts';
import { readAnswers } from '../support/answers.ts';
import { pause } from '../support/http-client.ts';
import { type Proxy, startProxy } from '../support/proxy.ts';
import { rawClient } from '../support/raw-client.ts';
import { startRawUpstream, type TestPeer } from '../support/upstream.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const close of closing.splice(0)) await close();
});

async function proxyTo(peer: TestPeer, more: string): Promise<Proxy> {
  const server = `server ${peer.address} fail_timeout=60s;`;
  const proxy = await startProxy(
    `http { upstream u { ${server} ${server} } client_max_body_size 0; proxy_request_buffering off; ${more}
       server { listen 127.0.0.1:0; location / { proxy_pass http://u; } } }`,
  );
  closing.push(
    () => proxy.close(),
    () => peer.close(),
  );
  return proxy;
}

const fails = (proxy: Proxy): number[] => proxy.runtime.upstreams.of('u', '').group.peers.map((p) => p.fails);

describe.each([
  ['with a length', 'Content-Length: 60000000', false],
  ['in chunks', 'Transfer-Encoding: chunked', true],
])('a body %s', (_what, field, chunked) => {
  const head = `POST / HTTP/1.1\r\nHost: a\r\n${field}\r\n\r\n`;
  const piece = chunked ? `4000\r\n${'x'.repeat(16_384)}\r\n` : 'x'.repeat(16_384);

  it.each([
    ['goes on sending', 0],
    ['sends a little now and then', 100],
  ])(
    'that the peer does not read, of a client that %s, is a 504',
    async (_how, everyMs) => {
      const peer = await startRawUpstream((socket) => socket.pause());
      const proxy = await proxyTo(
        peer,
        'client_body_timeout 1000ms; proxy_send_timeout 2000ms; proxy_read_timeout 60s;',
      );
      const client = rawClient(proxy.port);
      client.write(head);
      let taking = true;
      client.socket.on('close', () => {
        taking = false;
      });
      const sending = (async () => {
        // First as much as all buffers take, then as the case says.
        for (let i = 0; taking && client.socket.writable; i++) {
          if (client.socket.writableLength < 1_000_000) client.write(piece);
          await pause(i < 800 ? 0 : everyMs);
        }
      })();
      const seen = await client.until((text) => text.includes('\r\n\r\n'), 15_000);
      taking = false;
      await sending;
      client.destroy();
      expect(readAnswers(seen)[0].status).toBe(504);
      expect(proxy.log.join('\n')).toContain('send_timeout');
    },
    20_000,
  );

  it('that the client stops sending is a 408, however soon a peer should answer', async () => {
    const peer = await startRawUpstream((socket) => socket.resume());
    const proxy = await proxyTo(
      peer,
      'client_body_timeout 900ms; proxy_send_timeout 200ms; proxy_read_timeout 200ms;',
    );
    const client = rawClient(proxy.port);
    client.write(head + piece);
    const seen = await client.until((text) => text.includes('\r\n\r\n'), 5000);
    client.destroy();
    expect(readAnswers(seen)[0].status).toBe(408);
    expect(fails(proxy)).toEqual([0, 0]);
  });

  it('that is still coming keeps an answer that began from timing out', async () => {
    const peer = await startRawUpstream((socket) => {
      let bytes = 0;
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'));
      socket.on('data', (data) => {
        bytes += data.length;
        if (bytes > 40_000) socket.write('world');
      });
    });
    const proxy = await proxyTo(peer, 'client_body_timeout 5s; proxy_read_timeout 200ms;');
    const client = rawClient(proxy.port);
    client.write(head + piece);
    await client.until((text) => text.endsWith('hello'));
    await pause(700);
    client.write(piece + piece);
    expect(await client.until((text) => text.endsWith('helloworld'))).toContain('200 OK');
    client.destroy();
  });
});

describe('a peer that takes nothing more and does not say so', () => {
  it('ends the exchange all the same, and lets its client go', async () => {
    // Node cannot shut down a reading side; Python can.
    const path = join(mkdtempSync(join(tmpdir(), 'lbproxy-shut-')), 'u.sock');
    const child = spawn('/usr/bin/python3', ['-c', SHUT_READING, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    const proxy = await startProxy(
      `http { client_max_body_size 0; proxy_request_buffering off; client_body_timeout 1s; proxy_send_timeout 1s; proxy_read_timeout 1s;
         server { listen 127.0.0.1:0; location / { proxy_pass http://unix:${path}; } } }`,
    );
    closing.push(
      () => proxy.close(),
      async () => void child.kill('SIGKILL'),
    );
    const client = rawClient(proxy.port);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n');
    client.write(Buffer.alloc(20_000_000, 'x'));
    expect(await client.until((text) => text.includes('\r\n\r\n'), 10_000)).toMatch(/^HTTP\/1\.1 50[24] /);
    client.destroy();
    await expect.poll(() => proxy.listeners[0].connections, { timeout: 8000 }).toBe(0);
  }, 30_000);
});

/** Shuts its reading side after the head, and then makes room for writers that wait, so that they learn of it. */
const SHUT_READING = `
import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(5); print('up', flush=True)
keep = []
while True:
    c, _ = s.accept(); c.recv(1000); time.sleep(0.5); c.shutdown(socket.SHUT_RD)
    for _ in range(6): c.recv(100000)
    keep.append(c)
`;

describe('what is nobody’s fault', () => {
  it('is an answer that breaks off or stands still, for the peer', async () => {
    const peer = await startRawUpstream((socket) => {
      let n = 0;
      socket.on('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello');
        if (n++ === 0 && peer.connections % 2 === 0) setTimeout(() => socket.end(), 20);
      });
    });
    const proxy = await proxyTo(peer, 'proxy_read_timeout 1000ms;');
    for (let i = 0; i < 4; i++) {
      const client = rawClient(proxy.port);
      client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      expect(await client.closed()).toMatch(/hello$/);
      client.destroy();
    }
    expect(proxy.log.join()).toMatch(/body_truncated[\s\S]*body_timeout|body_timeout[\s\S]*body_truncated/);
    expect(fails(proxy)).toEqual([0, 0]);
  });

  it('is an exception of our own while a peer speaks, for the peer', async () => {
    const uncaught: unknown[] = [];
    const others = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => uncaught.push(error));
    const peer = await startRawUpstream((socket) =>
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')),
    );
    const proxy = await proxyTo(peer, '');
    vi.spyOn(AnswerRoot.prototype, 'start').mockImplementationOnce(() => {
      throw new Error('a bug');
    });
    const client = rawClient(proxy.port);
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const seen = await client.closed();
    client.destroy();
    process.removeAllListeners('uncaughtException');
    for (const other of others) process.on('uncaughtException', other);
    expect(readAnswers(seen)[0].status).toBe(500);
    expect(uncaught.map(String)).toEqual(['Error: a bug']);
    expect(proxy.log.join()).toContain('internal_error internal error');
    expect(fails(proxy)).toEqual([0, 0]);
  });
});
