// Answers for clients that are slower than their peers: where they wait, what the peer sees of that, and that nothing stays behind.
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { openPeerConnections } from '../../../src/upstream/connection.ts';
import { type Proxy, startProxy } from '../../support/proxy.ts';
import { startRawUpstream, type TestPeer } from '../../support/upstream.ts';

const dir = mkdtempSync(join(tmpdir(), 'lbproxy-spool-'));
const temp = join(dir, 'temp');
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const MB = 1024 * 1024;
/** More than the kernel keeps between two sockets of this machine. */
const SIZE = 24 * MB;

/** The disk of a busy machine may stand still for longer than a second. */
const PATIENCE_MS = 20_000;

/** Every 4 bytes say where they are. */
const body = Buffer.alloc(SIZE);
for (let i = 0; i < SIZE; i += 4) body.writeUInt32BE(i, i);

type Ending = 'length' | 'chunked' | 'close' | 'cut';

/** Sends `body` as fast as it goes; `taken` tells once all of it is in the kernel. */
async function bigPeer(lines: string, ending: Ending): Promise<TestPeer & { taken: Promise<void> }> {
  let tell = (): void => {};
  const taken = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const peer = await startRawUpstream((socket) => {
    socket.once('data', () => {
      const framing = {
        length: `Content-Length: ${SIZE}\r\n`,
        chunked: 'Transfer-Encoding: chunked\r\n',
        close: '',
      };
      const extra = ending === 'cut' ? `Content-Length: ${SIZE + 1}\r\n` : framing[ending];
      socket.write(`HTTP/1.1 200 OK\r\n${extra}${lines}\r\n`);
      if (ending === 'chunked') socket.write(`${SIZE.toString(16)}\r\n`);
      socket.write(body, () => tell());
      if (ending === 'chunked') socket.write('\r\n0\r\n\r\n');
      if (ending === 'close' || ending === 'cut') socket.end();
    });
  });
  return Object.assign(peer, { taken });
}

const within = (promise: Promise<unknown>, ms: number): Promise<boolean> =>
  Promise.race([
    promise.then(() => true),
    new Promise<boolean>((resolve) => setTimeout(() => resolve(false), ms)),
  ]);

/** Asks and reads nothing. */
function slowClient(port: number, head = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'): Socket {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => {});
  socket.write(head);
  return socket;
}

/** Reads the rest of an answer. */
async function bodyOf(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  const all = Buffer.concat(chunks);
  const head = all.indexOf('\r\n\r\n');
  if (!all.toString('latin1', 0, head).includes('chunked')) return all.subarray(head + 4);
  const pieces: Buffer[] = [];
  for (let at = head + 4; at < all.length; ) {
    const line = all.indexOf('\r\n', at);
    const size = Number.parseInt(all.toString('latin1', at, line), 16);
    pieces.push(all.subarray(line + 2, line + 2 + size));
    at = line + 4 + size;
  }
  return Buffer.concat(pieces);
}

/** Files of the temporary directory that are open, also those without a name. */
function openFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return target.startsWith(temp) ? [target] : [];
    } catch {
      return [];
    }
  });
}

async function until(what: () => boolean): Promise<void> {
  for (let i = 0; i < PATIENCE_MS / 20 && !what(); i++)
    await new Promise((resolve) => setTimeout(resolve, 20));
  expect(what()).toBe(true);
}

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function start(
  settings: string,
  ending: Ending = 'length',
  lines = '',
): Promise<{ proxy: Proxy; peer: Awaited<ReturnType<typeof bigPeer>> }> {
  const peer = await bigPeer(lines, ending);
  const proxy = await startProxy(
    `http { proxy_temp_path ${temp} 1 2; server { listen 127.0.0.1:0; location / { ${settings} proxy_pass http://${peer.address}; } } }`,
  );
  closers.push(proxy.close, peer.close);
  return { proxy, peer };
}

describe('an answer for a slow client', () => {
  it.each<[Ending]>([['length'], ['chunked'], ['close']])(
    'is taken from its peer at once: %s',
    async (ending) => {
      const { proxy, peer } = await start('', ending);
      const client = slowClient(proxy.port);
      client.pause();
      expect(await within(peer.taken, PATIENCE_MS)).toBe(true);
      await until(() => openFiles().length === 1);
      expect(openFiles()[0]).toMatch(/ \(deleted\)$/);
      expect((await bodyOf(client)).equals(body)).toBe(true);
      await until(() => openFiles().length === 0);
      expect(proxy.log).toEqual([
        expect.stringMatching(
          new RegExp(
            `^warn: an upstream response is buffered to a temporary file ${temp}/\\d/\\d\\d/\\d{10}$`,
          ),
        ),
      ]);
    },
  );

  it.each([
    ['with buffering off', 'proxy_buffering off;', ''],
    ['without a temporary file', 'proxy_max_temp_file_size 0;', ''],
    ['with a small one', 'proxy_max_temp_file_size 1m;', ''],
    ['when it says so', '', 'X-Accel-Buffering: no\r\n'],
    ['when the disk takes nothing', 'proxy_temp_path /dev/null/temp;', ''],
  ])('stays with its peer %s', async (_how, settings, lines) => {
    const { proxy, peer } = await start(settings, 'length', lines);
    const client = slowClient(proxy.port);
    client.pause();
    expect(await within(peer.taken, 700)).toBe(false);
    expect((await bodyOf(client)).equals(body)).toBe(true);
    expect(await within(peer.taken, PATIENCE_MS)).toBe(true);
    await until(() => openFiles().length === 0);
  });

  it.each([
    ['when it says so', 'proxy_buffering off;', 'X-Accel-Buffering: yes\r\n'],
    ['when what it says is ignored', 'proxy_ignore_headers X-Accel-Buffering;', 'X-Accel-Buffering: no\r\n'],
  ])('is taken %s', async (_how, settings, lines) => {
    const { proxy, peer } = await start(settings, 'length', lines);
    const client = slowClient(proxy.port);
    client.pause();
    expect(await within(peer.taken, PATIENCE_MS)).toBe(true);
    expect((await bodyOf(client)).equals(body)).toBe(true);
  });

  it('arrives as far as it came when its peer cuts it, and looks cut', async () => {
    const { proxy, peer } = await start('', 'cut');
    const client = slowClient(proxy.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    client.pause();
    expect(await within(peer.taken, PATIENCE_MS)).toBe(true);
    await until(() => proxy.log.some((line) => line.includes('body_truncated')));
    // All that came, and then the end of the connection, which was to stay.
    expect((await bodyOf(client)).equals(body)).toBe(true);
    await until(() => openFiles().length === 0);
  });
});

describe('a client that goes', () => {
  it.each([
    ['while its answer comes in', 0, '', 'reset'],
    ['when it has all come', 5000, '', 'reset'],
    ['by closing, when it has all come', 5000, '', 'close'],
    ['while the peer waits', 300, 'proxy_max_temp_file_size 1m;', 'reset'],
  ])('leaves nothing behind %s', async (_when, ms, settings, how) => {
    const { proxy, peer } = await start(settings);
    const client = slowClient(proxy.port);
    client.pause();
    await new Promise((resolve) => client.once('readable', resolve));
    await within(peer.taken, ms);
    if (how === 'reset') client.resetAndDestroy();
    else client.destroy();
    await until(() => openFiles().length === 0);
    await until(() => openPeerConnections <= 1);
    expect(readdirSync(temp, { recursive: true, withFileTypes: true }).filter((e) => e.isFile())).toEqual([]);
  });
});

describe('proxy_limit_rate', () => {
  const QUARTER = 256 * 1024;

  async function duration(settings: string): Promise<number> {
    const peer = await startRawUpstream((socket) => {
      socket.once('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${QUARTER}\r\n\r\n`);
        socket.write(body.subarray(0, QUARTER));
      });
    });
    const proxy = await startProxy(
      `http { server { listen 127.0.0.1:0; location / { ${settings} proxy_pass http://${peer.address}; } } }`,
    );
    closers.push(proxy.close, peer.close);
    const before = performance.now();
    expect((await bodyOf(slowClient(proxy.port))).equals(body.subarray(0, QUARTER))).toBe(true);
    return performance.now() - before;
  }

  it('reads no faster than it says', async () => {
    expect(await duration('proxy_limit_rate 100k;')).toBeGreaterThan(1000);
  });

  it('has no effect without buffering', async () => {
    // With it 250 s.
    expect(await duration('proxy_limit_rate 1k; proxy_buffering off;')).toBeLessThan(20_000);
  });
});
