// Bodies that are read whole before a peer is asked: stored while they come, sent as often as it takes, and gone afterwards.
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { residentBytes, startLbproxy } from '../support/lbproxy-process.ts';
import { type Proxy, startProxy } from '../support/proxy.ts';
import { rawClient } from '../support/raw-client.ts';
import { startRawUpstream, startUpstream, type TestPeer } from '../support/upstream.ts';

const MB = 2 ** 20;
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-bodies-'));
  closing.push(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

const filesIn = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, withFileTypes: true, encoding: 'utf8' })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);

/** Open files of a process that lie, or lay, in a directory. */
function openIn(pid: number | 'self', dir: string): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/${pid}/fd/${fd}`);
      return path.startsWith(dir) ? [path] : [];
    } catch {
      return [];
    }
  });
}

async function proxyTo(peers: readonly TestPeer[], dir: string, more = ''): Promise<Proxy> {
  const servers = peers.map(({ address }) => `server ${address} fail_timeout=60s;`).join(' ');
  const proxy = await startProxy(`http { upstream u { ${servers} } client_max_body_size 0;
    client_body_temp_path ${dir} 1 2; client_body_buffer_size 16k; error_detail on; ${more}
    server { listen 127.0.0.1:0; location / { proxy_pass http://u; } } }`);
  closing.push(() => proxy.close());
  return proxy;
}

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Answers with the digest of what it got, its length and its Content-Length. */
async function digester(): Promise<TestPeer & { requests: number }> {
  const peer = await startUpstream((req, res) => {
    told.requests++;
    const hash = createHash('sha256');
    let length = 0;
    req.on('data', (piece: Buffer) => {
      hash.update(piece);
      length += piece.length;
    });
    req.on('end', () => res.end(`${hash.digest('hex')} ${length} ${req.headers['content-length']}`));
  });
  const told = Object.assign(peer, { requests: 0 });
  closing.push(() => peer.close());
  return told;
}

/** Reads so much of each request and then resets. */
async function breaker(bytes: number): Promise<TestPeer & { connections: number }> {
  const peer = await startRawUpstream((socket) => {
    let read = 0;
    socket.on('data', (piece: Buffer) => {
      read += piece.length;
      if (read > bytes) socket.resetAndDestroy();
    });
  });
  closing.push(() => peer.close());
  return peer;
}

const upload = (port: number, body: Buffer, chunked = false): Promise<Response> =>
  fetch(`http://127.0.0.1:${port}/up`, {
    method: 'PUT',
    body: chunked ? ReadableStream.from([body.subarray(0, 100_000), body.subarray(100_000)]) : body,
    duplex: 'half',
  } as RequestInit);

describe('a body that does not fit the buffer', () => {
  it.each([
    ['with a length', false],
    ['in chunks', true],
  ])('%s goes whole to a second peer when the first dies in the middle', async (_how, chunked) => {
    const dir = tempDir();
    const [bad, good] = [await breaker(5 * MB), await digester()];
    const proxy = await proxyTo([bad, good], dir);
    const body = Buffer.alloc(24 * MB, 'body of a request ');
    const answer = await upload(proxy.port, body, chunked);
    expect([answer.status, await answer.text()]).toEqual([
      200,
      `${digest(body)} ${body.length} ${body.length}`,
    ]);
    expect([bad.connections, good.requests]).toEqual([1, 1]);
    expect(filesIn(dir)).toEqual([]);
    await expect.poll(() => openIn('self', dir)).toEqual([]);
  });

  it('is nothing to a peer before it is complete, and never when its client leaves', async () => {
    const dir = tempDir();
    const peer = await breaker(0);
    const proxy = await proxyTo([peer], dir, 'client_body_in_file_only clean;');
    const client = rawClient(proxy.port);
    client.write('PUT /up HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n');
    client.write(Buffer.alloc(2_000_000, 'x'));
    await expect.poll(() => filesIn(dir).length).toBe(1);
    client.destroy();
    await expect.poll(() => [filesIn(dir), openIn('self', dir)]).toEqual([[], []]);
    expect(peer.connections).toBe(0);
  });

  it('is 500 with the cause where it cannot be stored, and the connection can be used again', async () => {
    const dir = tempDir();
    writeFileSync(join(dir, 'file'), '');
    const peer = await digester();
    const proxy = await proxyTo([peer], join(dir, 'file'));
    const answer = await upload(proxy.port, Buffer.alloc(50_000, 'x'));
    expect(answer.status).toBe(500);
    expect(await answer.text()).toContain('client_body_temp_path');
    expect(proxy.refused.join('\n')).toMatch(/500: .*cannot be stored in .*\/file.* ENOTDIR/);
    expect((await upload(proxy.port, Buffer.alloc(10_000, 'x'))).status).toBe(200);
    expect(peer.requests).toBe(1);
  });

  it('that a peer refuses early is answered all the same', async () => {
    const dir = tempDir();
    const peer = await startRawUpstream((socket) => {
      socket.once('data', () =>
        socket.end('HTTP/1.1 413 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno'),
      );
    });
    closing.push(() => peer.close());
    const proxy = await proxyTo([peer], dir);
    const answer = await upload(proxy.port, Buffer.alloc(200_000, 'x'));
    expect([answer.status, await answer.text()]).toEqual([413, 'no']);
    await expect.poll(() => openIn('self', dir)).toEqual([]);
  });
});

describe('a body larger than memory', () => {
  it('costs a slow peer’s acceptor nothing, and leaves nothing when the acceptor is killed', async () => {
    const dir = tempDir();
    const total = 128 * MB;
    let read = 0;
    const peer = await startRawUpstream((socket) => {
      socket.on('data', (piece: Buffer) => {
        read += piece.length;
        socket.pause();
        setTimeout(() => socket.resume(), 3);
      });
    });
    closing.push(() => peer.close());
    const lbproxy =
      await startLbproxy(`worker_processes 1; http { client_max_body_size 0; client_body_temp_path ${dir};
      server { listen 127.0.0.1:PORT1; location / { proxy_pass http://${peer.address}; } } }`);
    const [pid] = lbproxy.acceptorPids();
    const client = rawClient(lbproxy.port);
    await pause(200);
    const before = residentBytes(pid);
    client.write(`PUT /up HTTP/1.1\r\nHost: a\r\nContent-Length: ${total}\r\n\r\n`);
    const piece = Buffer.alloc(MB, 'x');
    let most = 0;
    for (let sent = 0; sent < total; sent += MB) {
      client.write(piece);
      while (client.socket.writableLength > 4 * MB) await pause(1);
      most = Math.max(most, residentBytes(pid) - before);
    }
    await expect.poll(() => read, { timeout: 10_000 }).toBeGreaterThan(10 * MB);
    most = Math.max(most, residentBytes(pid) - before);
    expect(most).toBeLessThan(64 * MB);
    expect(openIn(pid, dir).length).toBe(1);
    process.kill(pid, 'SIGKILL');
    await lbproxy.acceptors(1, [pid]);
    expect(filesIn(dir)).toEqual([]);
    client.destroy();
  }, 40_000);
});
