// What the inspector keeps of requests that really passed, what it hides, and that what it sends again is the same.
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, answerTo, type Question } from '../../src/inspect/questions.ts';
import type { Detail, Summary } from '../../src/inspect/view.ts';
import { get, until } from '../support/http-client.ts';
import { type Proxy, startProxy } from '../support/proxy.ts';
import { exchangeRaw, rawClient } from '../support/raw-client.ts';
import { deadPort } from '../support/upstream.ts';

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

let peer: http.Server;
let proxy: Proxy;
const seen: Seen[] = [];
/** Sends what is left of a stream of events. */
let goOn: () => void = () => undefined;

function answer(request: http.IncomingMessage, response: http.ServerResponse, body: Buffer): void {
  const { method = '', url = '', rawHeaders } = request;
  seen.push({ method, url, rawHeaders, body });
  if (url.startsWith('/gzip')) {
    response.setHeader('Content-Encoding', 'gzip');
    return void response.end(gzipSync('a text that was compressed'));
  }
  if (url.startsWith('/events')) {
    response.setHeader('Content-Type', 'text/event-stream');
    response.write('data: 1\n\n');
    goOn = () => response.end('data: 2\n\n');
    return;
  }
  if (url.startsWith('/cookie')) response.setHeader('Set-Cookie', ['a=secret1', 'b=secret2']);
  response.end(`${method} ${url} ${body.length}`);
}

beforeAll(async () => {
  peer = http.createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => answer(request, response, Buffer.concat(pieces)));
  });
  peer.on('upgrade', (_request, socket) => {
    socket.on('error', () => undefined);
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n');
    socket.write(Buffer.from([0x81, 5, ...Buffer.from('hello')]));
    socket.on('data', () => socket.end(Buffer.from([0x88, 0])));
  });
  await new Promise<void>((resolve) => peer.listen(0, '127.0.0.1', resolve));
  const { port } = peer.address() as AddressInfo;
  proxy = await startProxy(`worker_processes 1; inspector 64m; inspector_mask X-Key;
    http { client_max_body_size 8m;
      upstream app { server 127.0.0.1:${await deadPort()}; server 127.0.0.1:${port}; }
      server { listen 127.0.0.1:0; server_name one;
        location / { proxy_pass http://app; proxy_set_header X-Forwarded-For $remote_addr; }
        location /text { return 200 hello; }
        location /away { return 302 /text; }
        location /streamed { proxy_pass http://app; proxy_request_buffering off; }
      } }`);
});

afterAll(async () => {
  await proxy.close();
  peer.closeAllConnections();
  peer.close();
});

function send(method: string, path: string, body: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      { port: proxy.port, host: '127.0.0.1', method, path, agent: false },
      (answer) => {
        answer.resume().on('end', resolve);
      },
    );
    request.on('error', reject).end(body);
  });
}

function ask(question: Question): Promise<Answer> {
  if (proxy.inspector === null) throw new Error('nobody looks on');
  return answerTo(proxy.inspector, ['x-key'], question);
}

async function list(filter = ''): Promise<readonly Summary[]> {
  const found = await ask({ ask: 'list', filter, after: 0, limit: 1000 });
  if (!('list' in found)) throw new Error(JSON.stringify(found));
  return found.list;
}

/** The last request whose target has this in it, once it is over. */
async function show(part: string, unmasked = false): Promise<Detail> {
  let last: Summary | undefined;
  await until(
    async () => {
      last = (await list(`path~${part}`)).at(-1);
      return last !== undefined && last.ms >= 0;
    },
    5000,
    `a request for ${part}`,
  );
  const found = await ask({ ask: 'show', id: last?.id ?? 0, unmasked });
  if (!('detail' in found)) throw new Error(JSON.stringify(found));
  return found.detail;
}

async function again(id: number, wish: Partial<Extract<Question, { ask: 'replay' }>> = {}): Promise<Answer> {
  return ask({ ask: 'replay', id, to: '', head: '', body: null, times: 1, ...wish });
}

describe('the inspector', () => {
  it('keeps heads, attempts, times and bodies of a request that was forwarded', async () => {
    await exchangeRaw(
      proxy.port,
      'POST /first?x=1 HTTP/1.1\r\nHost: one\r\nContent-Length: 5\r\nX-A: b\r\nConnection: close\r\n\r\n12345',
    );
    const detail = await show('/first');
    expect(detail).toMatchObject({
      method: 'POST',
      target: '/first?x=1',
      status: 200,
      server: 'one',
      failure: '',
    });
    expect(detail.requestHead).toContain('X-A: b\r\n');
    expect(detail.requestBody).toMatchObject({ length: 5, text: '12345', form: 'text' });
    expect(detail.answerHead).toMatch(/^HTTP\/1\.1 200 OK\r\nServer: lbproxy/);
    expect(detail.answerBody.text).toBe('POST /first?x=1 5');
    expect(detail.peerAnswer).toContain('200 OK');
    const { attempts } = detail;
    expect(attempts.map(({ outcome }) => outcome)).toEqual(
      attempts.length === 2 ? ['connect_refused', 'ok'] : ['ok'],
    );
    expect(attempts.at(-1)?.head).toMatch(
      /^POST \/first\?x=1 HTTP\/1\.1\r\nHost: app\r\nX-Forwarded-For: 127/,
    );
    expect(detail.ms).toBeGreaterThanOrEqual(detail.firstByteMs);
  });

  it('shows what is answered here', async () => {
    await get(proxy.port, '/text');
    const detail = await show('/text');
    expect(detail.answerBody).toMatchObject({ text: 'hello', length: 5 });
    await get(proxy.port, '/away');
    expect((await show('/away')).answerHead).toMatch(/^HTTP\/1\.1 302 .*Location: http:/s);
  });

  it('shows what is no request', async () => {
    await exchangeRaw(proxy.port, 'GET /broken HTTP/1.1\r\nHost: one\r\nno field\r\n\r\n');
    const [last] = (await list('status=400')).slice(-1);
    expect(last).toMatchObject({ status: 400, failure: 'client_head_malformed', server: 'one' });
  });

  it('decodes what was compressed', async () => {
    await get(proxy.port, '/gzip');
    expect((await show('/gzip')).answerBody).toMatchObject({
      text: 'a text that was compressed',
      decoded: 'gzip',
    });
  });

  it('hides who somebody is, unless asked', async () => {
    const headers = { cookie: 'sid=secret3', authorization: 'Bearer secret4', 'x-key': 'secret5' };
    await get(proxy.port, '/cookie', { headers });
    const hidden = await show('/cookie');
    expect(JSON.stringify(hidden)).not.toMatch(/secret\d/);
    expect(hidden.answerHead).toContain('Set-Cookie: ********');
    const shown = JSON.stringify(await show('/cookie', true));
    for (const n of [1, 2, 3, 4, 5]) expect(shown).toContain(`secret${n}`);
    const replayed = JSON.stringify(await again(hidden.id));
    expect(replayed).toContain('Set-Cookie: ********');
    expect(seen.at(-1)?.rawHeaders).toContain('Bearer secret4');
  });

  it('sends a body of 1 MB again, byte for byte', async () => {
    const body = Buffer.from(Array.from({ length: 1 << 20 }, (_, i) => ((i * 7919) >> 3) & 0xff));
    await send('POST', '/upload', body);
    const { id } = await show('/upload');
    const first = seen.at(-1);
    await until(async () => (await show('/upload')).noReplay === '', 5000, 'a copy of the body');
    for (const to of ['', (await show('/upload')).attempts.at(-1)?.peer ?? '']) {
      const replayed = await again(id, { to });
      expect(replayed).toMatchObject({ replayed: [{ status: 200, problem: '' }] });
      expect(seen.at(-1)).not.toBe(first);
      expect(seen.at(-1)?.body.equals(body)).toBe(true);
    }
  });

  it('sends what somebody changed, and puts hidden values back', async () => {
    await get(proxy.port, '/edit', { headers: { authorization: 'Basic secret6' } });
    const { id, requestHead } = await show('/edit');
    const head = requestHead.replace('/edit', '/edited').replace('GET', 'PUT');
    const body = Buffer.from('new').toString('base64');
    expect(await again(id, { head, body, times: 3 })).toMatchObject({
      replayed: [{ status: 200 }, { status: 200 }, { status: 200 }],
    });
    expect(seen.at(-1)).toMatchObject({ method: 'PUT', url: '/edited', body: Buffer.from('new') });
    expect(seen.at(-1)?.rawHeaders).toContain('Basic secret6');
  });

  it.each([
    ['no request line', { head: 'GET\r\nHost: a' }, '"GET" is no request line: METHOD /target HTTP/1.1'],
    ['a line that is no field', { head: 'GET / HTTP/1.1\r\nHost' }, '"Host" is no field: Name: value'],
    ['a peer that it did not go to', { to: '127.0.0.1:9' }, 'it did not go to "127.0.0.1:9"'],
    ['a request that is gone', { id: 1e9 }, 'request 1000000000 is not kept any more'],
  ])('says what is wrong with %s', async (_what, wish, problem) => {
    const { id } = (await list()).at(-1) ?? { id: 0 };
    expect(await again(id, wish)).toEqual({ problem });
  });

  it('does not send again what it does not have', async () => {
    const body = Buffer.alloc(3 << 20, 'x');
    await send('POST', '/streamed', body);
    const { id, noReplay } = await show('/streamed');
    expect(noReplay).toContain('its body was not kept: it was passed on while it came');
    expect(await again(id)).toEqual({ problem: `it cannot be sent again: ${noReplay}` });
  });

  it('shows events of a stream as they come', async () => {
    const client = rawClient(proxy.port);
    client.write('GET /events HTTP/1.1\r\nHost: one\r\nConnection: close\r\n\r\n');
    await client.until((text) => text.includes('data: 1'));
    goOn();
    await client.closed();
    client.destroy();
    const { frames } = await show('/events');
    expect(frames.map(({ body }) => body.text).join('')).toBe('data: 1\n\ndata: 2\n\n');
    expect(frames.length).toBe(2);
  });

  it('shows the frames of a WebSocket, unmasked', async () => {
    const socket = connect(proxy.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(
      'GET /socket HTTP/1.1\r\nHost: one\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: a\r\nSec-WebSocket-Version: 13\r\n\r\n',
    );
    await new Promise((resolve) => socket.once('data', resolve));
    const mask = [1, 2, 3, 4];
    const text = Buffer.from('a long text '.repeat(30));
    const masked = text.map((byte, i) => byte ^ mask[i & 3]);
    const head = Buffer.from([0x81, 0x80 | 126, text.length >> 8, text.length & 0xff, ...mask]);
    for (const byte of Buffer.concat([head, masked])) socket.write(Buffer.from([byte]));
    await new Promise((resolve) => socket.once('close', resolve));
    const { frames, noReplay, status } = await show('/socket');
    expect(status).toBe(101);
    expect(frames.map(({ from, kind }) => `${from} ${kind}`)).toEqual(
      expect.arrayContaining(['peer text', 'client text', 'peer close']),
    );
    const byKind = (who: string) =>
      frames.find(({ from, kind }) => from === who && kind === 'text')?.body.text;
    expect(byKind('peer')).toBe('hello');
    expect(byKind('client')).toBe(text.toString());
    expect(noReplay).toBe('it became another protocol (Upgrade)');
  });

  it('finds what a filter asks for', async () => {
    await get(proxy.port, '/find/a?q=1');
    await show('/find/a');
    const count = async (filter: string): Promise<number> => (await list(`path~/find ${filter}`)).length;
    for (const yes of [
      'status=200',
      'status=2xx',
      'ms>0',
      'method=GET',
      'query~q=1',
      'FIND/A',
      'attempts>=1',
    ])
      expect([yes, await count(yes)]).toEqual([yes, 1]);
    for (const no of ['status>=500', 'method!=GET', 'path!~find', 'peer=9', 'ms>60000', 'nowhere'])
      expect([no, await count(no)]).toEqual([no, 0]);
    // How far it is, and nothing else.
    expect(await ask({ ask: 'list', filter: '', after: 0, limit: 0 })).toMatchObject({
      list: [],
      version: proxy.inspector?.version,
    });
    expect(await ask({ ask: 'list', filter: 'size>1', after: 0, limit: 9 })).toMatchObject({
      problem: expect.stringContaining('"size" is unknown; there are status'),
      at: 0,
    });
    expect(await ask({ ask: 'list', filter: 'a ms>x', after: 0, limit: 9 })).toEqual({
      problem: '"ms>x": > wants a number',
      at: 2,
    });
  });

  it('tells which do not pass a filter any more', async () => {
    const socket = connect(proxy.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write('POST /slow HTTP/1.1\r\nHost: one\r\nContent-Length: 2\r\nConnection: close\r\n\r\n1');
    const filter = 'status=0 path~/slow';
    await until(async () => (await list(filter)).length === 1, 5000, 'a request that is not over');
    const [{ id, version }] = await list(filter);
    socket.end('2');
    await show('/slow');
    expect(await ask({ ask: 'list', filter, after: version, limit: 9 })).toMatchObject({
      list: [],
      left: [id],
    });
    expect(await ask({ ask: 'list', filter, after: 0, limit: 9 })).toMatchObject({ list: [], left: [] });
  });

  it('keeps little of many WebSockets, and more again when they are gone', async () => {
    const ring = proxy.inspector?.ring;
    if (ring === undefined) throw new Error('nobody looks on');
    const before = ring.limitBytes;
    ring.resize(400_000);
    const frame = Buffer.concat([Buffer.from([0x82, 126, 4, 0]), Buffer.alloc(1024, 'f')]);
    const sockets = Array.from({ length: 10 }, () => connect(proxy.port, '127.0.0.1'));
    for (const socket of sockets) {
      socket.on('error', () => undefined);
      socket.write(
        'GET /frames HTTP/1.1\r\nHost: one\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: a\r\nSec-WebSocket-Version: 13\r\n\r\n',
      );
      await new Promise((resolve) => socket.once('data', resolve));
    }
    const frames = async (): Promise<number[]> => {
      const counts: number[] = [];
      for (const { id, passed } of await list('path~/frames')) {
        const found = await ask({ ask: 'show', id, unmasked: false });
        if ('detail' in found && passed >= 50) counts.push(found.detail.frames.length);
      }
      return counts;
    };
    for (const socket of sockets) socket.write(Buffer.concat(Array.from({ length: 50 }, () => frame)));
    await until(async () => (await list('path~/frames')).every(({ passed }) => passed >= 50), 5000, 'frames');
    const kept = await frames();
    expect(kept.reduce((sum, count) => sum + count)).toBeLessThanOrEqual(300);
    for (const count of kept) expect(count).toBeLessThanOrEqual(100);
    for (const socket of sockets) socket.destroy();
    await until(async () => (await list('path~/frames')).every(({ ms }) => ms >= 0), 5000, 'their end');
    ring.resize(before);
    await send('POST', '/after', Buffer.alloc(64_000, 'x'));
    expect((await show('/after')).noReplay).toBe('');
  });

  it('keeps no more than it may', async () => {
    const ring = proxy.inspector?.ring;
    if (ring === undefined) throw new Error('nobody looks on');
    const before = (await list()).length;
    ring.resize(20_000);
    expect(ring.bytes).toBeLessThanOrEqual(20_000);
    expect((await list()).length).toBeLessThan(before);
    for (let i = 0; i < 50; i++) await get(proxy.port, `/many/${i}`);
    await show('/many/49');
    expect(ring.bytes).toBeLessThanOrEqual(20_000);
    expect((await list('path~/many')).length).toBeGreaterThan(3);
    expect(await list('path~/many/0')).toEqual([]);
  });
});
