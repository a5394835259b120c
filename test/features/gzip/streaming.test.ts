// Compressed answers that are streamed: what the peer sent is with the client at once where it asked for that; a client that leaves in
// the middle leaves nothing behind.
import * as zlib from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCodecs } from '../../../src/features/gzip/codec-link.ts';
import { until as untilWithin } from '../../support/http-client.ts';
import { type Proxy, startProxy } from '../../support/proxy.ts';
import { rawClient } from '../../support/raw-client.ts';
import { startUpstream, type TestPeer } from '../../support/upstream.ts';

const until = (condition: () => boolean): Promise<void> => untilWithin(condition, 4000, String(condition));

const EVENT = 'data: an event that is told at once\n\n';

/** Fifty megabytes in few. */
const zipped = zlib.gzipSync(Buffer.alloc(50_000_000), { level: 1 });

describe('streamed', () => {
  let peer: TestPeer;
  let proxy: Proxy;
  /** Sends one more event to all that are still there. */
  const streams = new Set<() => void>();
  /** Peers' answers that were cut by their client. */
  let closed = 0;

  beforeAll(async () => {
    peer = await startUpstream((request, response) => {
      const url = new URL(request.url ?? '', 'http://x');
      response.writeHead(200, JSON.parse(url.searchParams.get('fields') ?? '{}') as Record<string, string>);
      const flood = url.searchParams.has('flood');
      const send = (): void => void response.write(flood ? zipped : EVENT);
      send();
      streams.add(send);
      response.on('close', () => {
        closed++;
        streams.delete(send);
      });
    });
    const pass = `proxy_pass http://${peer.address};`;
    proxy = await startProxy(`http { gzip_types text/event-stream; brotli_types text/event-stream;
      server { listen 127.0.0.1:0;
        location /gzip { gzip on; ${pass} }
        location /now { gzip on; proxy_buffering off; ${pass} }
        location /br { brotli on; ${pass} }
        location /gunzip { gunzip on; ${pass} } } }`);
  });
  afterAll(async () => {
    await proxy?.close();
    await peer?.close();
  });

  const open = (path: string, fields: Readonly<Record<string, string>>, accept: string, more = '') => {
    const client = rawClient(proxy.port);
    const query = `fields=${encodeURIComponent(JSON.stringify(fields))}${more}`;
    client.write(`GET ${path}?${query} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: ${accept}\r\n\r\n`);
    return client;
  };

  const STREAM = { 'Content-Type': 'text/event-stream' };
  const HTML = { 'Content-Type': 'text/html' };
  it.each([
    ['server-sent events', '/gzip', STREAM, 'gzip'],
    ['server-sent events with br', '/br', STREAM, 'br'],
    ['X-Accel-Buffering: no', '/gzip', { ...HTML, 'X-Accel-Buffering': 'no' }, 'gzip'],
    ['proxy_buffering off', '/now', HTML, 'gzip'],
  ] as const)('%s', async (_, path, fields, coding) => {
    const client = open(path, fields, coding);
    for (let events = 1; events <= 3; events++) {
      await until(() => contentOf(client.received(), coding) === EVENT.repeat(events));
      for (const send of streams) send();
    }
    client.destroy();
    await until(() => streams.size === 0 && openCodecs.count === 0);
  });

  it.each([
    ['an ordinary answer', '/gzip', HTML],
    ['X-Accel-Buffering: yes', '/now', { ...HTML, 'X-Accel-Buffering': 'yes' }],
  ] as const)('%s is gathered', async (_, path, fields) => {
    const client = open(path, fields, 'gzip');
    await until(() => client.received().includes('\r\n\r\n') && streams.size === 1);
    for (const send of streams) send();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(contentOf(client.received(), 'gzip')).toBe('');
    client.destroy();
    await until(() => streams.size === 0);
  });

  it('a client that leaves in the middle of what it does not read', async () => {
    const before = closed;
    const fields = { 'Content-Type': 'text/html', 'Content-Encoding': 'gzip' };
    const clients = [1, 2, 3, 4].map(() => {
      const client = open('/gunzip', fields, 'identity', '&flood');
      client.socket.pause();
      return client;
    });
    await until(() => openCodecs.count === 4);
    const memory = process.memoryUsage().rss;
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(process.memoryUsage().rss - memory).toBeLessThan(60_000_000);
    for (const client of clients) client.destroy();
    await until(() => openCodecs.count === 0 && closed === before + 4);
  });
});

/** What the chunks so far can be decompressed to. */
function contentOf(text: string, coding: 'gzip' | 'br'): string {
  let rest = text.slice(text.indexOf('\r\n\r\n') + 4);
  let body = '';
  for (let end = rest.indexOf('\r\n'); end > 0; end = rest.indexOf('\r\n')) {
    const size = Number.parseInt(rest.slice(0, end), 16);
    body += rest.slice(end + 2, end + 2 + size);
    rest = rest.slice(end + 2 + size + 2);
  }
  const bytes = Buffer.from(body, 'latin1');
  if (coding === 'gzip')
    return zlib.gunzipSync(bytes, { finishFlush: zlib.constants.Z_SYNC_FLUSH }).latin1Slice();
  const finishFlush = zlib.constants.BROTLI_OPERATION_FLUSH;
  return zlib.brotliDecompressSync(bytes, { finishFlush }).latin1Slice();
}
