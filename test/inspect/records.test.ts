// What a record tells where a request or its answer is unusual: it is what passed, and nothing that is hidden leaves.

import { mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import http from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, answerTo, type Question } from '../../src/inspect/questions.ts';
import type { Detail, Summary } from '../../src/inspect/view.ts';
import { get, until } from '../support/http-client.ts';
import { type Proxy, startProxy } from '../support/proxy.ts';
import { exchangeRaw, rawClient } from '../support/raw-client.ts';
import { deadPort } from '../support/upstream.ts';

const dir = mkdtempSync(join(tmpdir(), 'inspect-'));
const bodies = join(dir, 'körper-体');
const socketPath = join(dir, 'später-日本.sock');

let proxy: Proxy;
const peers: http.Server[] = [];

const UPGRADE =
  'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: a\r\nSec-WebSocket-Version: 13\r\n\r\n';

function startPeer(where: number | string): Promise<http.Server> {
  const peer = http.createServer((request, response) => {
    request.resume().on('end', () => {
      if (request.url === '/chunked') {
        response.write('a');
        return void response.end();
      }
      if (request.url?.startsWith('/never')) return;
      if (request.url === '/filed/cut')
        for (const name of readdirSync(bodies)) truncateSync(join(bodies, name), 9);
      response.setHeader('Cache-Control', 'max-age=60');
      response.end(request.method === 'HEAD' ? '' : 'a body');
    });
  });
  peer.on('upgrade', (_request, socket) => {
    socket.on('error', () => undefined).resume();
    socket.on('end', () => socket.end());
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nhello',
    );
  });
  peers.push(peer);
  return new Promise((resolve) => {
    if (typeof where === 'string') peer.listen(where, () => resolve(peer));
    else peer.listen(where, '127.0.0.1', () => resolve(peer));
  });
}

beforeAll(async () => {
  const { port } = (await startPeer(0)).address() as AddressInfo;
  await startPeer(socketPath);
  proxy = await startProxy(`worker_processes 1; inspector 1m;
    http { proxy_cache_path ${dir}/cache keys_zone=c:1m; client_max_body_size 1000;
      upstream named { server unix:${socketPath}; }
      server { listen 127.0.0.1:0; server_name пример.рф *.пример.рф;
        location / { proxy_pass http://127.0.0.1:${port}; }
        location /unix { proxy_pass http://named; }
        location /filed { proxy_pass http://127.0.0.1:${port}; client_max_body_size 1m;
          client_body_in_file_only on; client_body_temp_path ${bodies}; }
        location /app { fastcgi_pass 127.0.0.1:${await deadPort()}; }
        location /cached { proxy_pass http://127.0.0.1:${port}; proxy_cache c; }
        location /nothing { return 204 text; }
        location /text { return 200 text; }
        location /real { set_real_ip_from 127.0.0.1; real_ip_header X-Real-IP; proxy_pass http://127.0.0.1:${port}; }
      }
      server { listen 127.0.0.1:0; server_name ~^(.+)\\.named$; return 200 text; } }`);
});

afterAll(async () => {
  await proxy.close();
  for (const peer of peers) {
    peer.closeAllConnections();
    peer.close();
  }
  rmSync(dir, { recursive: true, force: true });
});

function inspector() {
  if (proxy.inspector === null) throw new Error('nobody looks on');
  return proxy.inspector;
}

function ask(question: Question): Promise<Answer> {
  return answerTo(inspector(), [], question);
}

async function list(filter = ''): Promise<readonly Summary[]> {
  const found = await ask({ ask: 'list', filter, after: 0, limit: 1000 });
  if (!('list' in found)) throw new Error(JSON.stringify(found));
  return found.list;
}

async function last(filter: string): Promise<Detail> {
  let id = 0;
  await until(
    async () => {
      const summary = (await list(filter)).at(-1);
      id = summary?.id ?? 0;
      return summary !== undefined && summary.ms >= 0;
    },
    5000,
    `a request for ${filter}`,
  );
  const found = await ask({ ask: 'show', id, unmasked: false });
  if (!('detail' in found)) throw new Error(JSON.stringify(found));
  return found.detail;
}

function again(id: number, to = '', head = ''): Promise<Answer> {
  return ask({ ask: 'replay', id, to, head, body: null, times: 1 });
}

describe('a record', () => {
  it('has its own head alone, whatever came with it', async () => {
    const close = 'Host: a\r\nConnection: close\r\n\r\n';
    await exchangeRaw(proxy.port, `GET /text/1 HTTP/1.1\r\nHost: a\r\n\r\nGET /text/2 HTTP/1.1\r\n${close}`);
    expect((await last('path=/text/1')).requestHead).toBe('GET /text/1 HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await last('path=/text/2')).requestHead).toBe(`GET /text/2 HTTP/1.1\r\n${close}`);
    const body = 'text\r\n\r\n';
    await exchangeRaw(
      proxy.port,
      `POST /text/3 HTTP/1.1\r\nContent-Length: ${body.length}\r\n${close}${body}`,
    );
    const { id, requestHead } = await last('path=/text/3');
    expect(requestHead).toBe(`POST /text/3 HTTP/1.1\r\nContent-Length: ${body.length}\r\n${close}`);
    expect(requestHead).not.toContain(body);
    expect(id).toBeGreaterThan(0);
  });

  it('has the head of an answer that came whole, whoever asks next', async () => {
    const received = await exchangeRaw(
      proxy.port,
      'GET /chunked HTTP/1.1\r\nHost: a\r\n\r\nGET /text HTTP/1.0\r\nHost: a\r\n\r\n',
    );
    const head = received.slice(0, received.indexOf('\r\n\r\n') + 4);
    expect(head).toContain('Transfer-Encoding: chunked');
    expect((await last('path=/chunked')).answerHead).toBe(head);
  });

  it('has names that are no latin1', async () => {
    await get(proxy.port, '/unix');
    const { server, attempts, id } = await last('path=/unix');
    expect(server).toBe('пример.рф');
    expect(attempts[0]).toMatchObject({ outcome: 'ok', peer: `unix:${socketPath}` });
    expect(await again(id, attempts[0].peer)).toMatchObject({ replayed: [{ status: 200 }] });
  });

  it('does not go again to a peer that does not speak HTTP', async () => {
    await get(proxy.port, '/app');
    const { id, attempts } = await last('path=/app');
    const problem = `it did not go to ${attempts[0].peer} by HTTP`;
    expect(await again(id, attempts[0].peer)).toEqual({ problem });
  });

  it('has no body of an answer that had none', async () => {
    await exchangeRaw(proxy.port, 'HEAD /cached HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    expect(await last('path=/cached')).toMatchObject({ answerBytes: 0, answerBody: { form: 'none' } });
    await get(proxy.port, '/nothing');
    expect(await last('path=/nothing')).toMatchObject({ answerBytes: 0, answerBody: { form: 'none' } });
  });

  it('tells of a tunnel while it is open, and its head', async () => {
    const client = rawClient(proxy.port);
    client.write(`GET /tunnel HTTP/1.1\r\nHost: a\r\n${UPGRADE}`);
    const received = await client.until((text) => text.endsWith('hello'));
    const [open] = await list('path=/tunnel');
    expect(open).toMatchObject({ status: 101, ms: -1 });
    client.destroy();
    const { answerHead, firstByteMs, answerBytes } = await last('path=/tunnel');
    expect(received).toBe(`${answerHead}hello`);
    expect(firstByteMs).toBeGreaterThan(0);
    expect(answerBytes).toBe(5);
  });

  it('tells who really asked', async () => {
    await get(proxy.port, '/real', { headers: { 'x-real-ip': '192.0.2.7' } });
    expect((await last('path=/real')).client).toBe('192.0.2.7');
  });

  it('does not send again what was refused while it came', async () => {
    const piece = `400\r\n${'x'.repeat(1024)}\r\n`;
    await exchangeRaw(
      proxy.port,
      `POST /large HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n${piece}0\r\n\r\n`,
    );
    const { status, noReplay } = await last('path=/large');
    expect(status).toBe(413);
    expect(noReplay).not.toBe('');
  });

  it('has a body that lay in a file, or says why it has none', async () => {
    const body = 'a line of a body\r\n'.repeat(9000);
    const request = (path: string): string =>
      `POST ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    await exchangeRaw(proxy.port, request('/filed/whole'));
    const copied = async (): Promise<boolean> => inspector().open().length === 0;
    await until(copied, 5000, 'a copy of the body');
    const whole = await last('path=/filed/whole');
    expect(whole).toMatchObject({ noReplay: '', requestBytes: body.length });
    expect(inspector().find(whole.id)?.requestBody?.equals(Buffer.from(body))).toBe(true);
    await exchangeRaw(proxy.port, request('/filed/cut'));
    await until(copied, 5000, 'what became of the copy');
    const { noReplay } = await last('path=/filed/cut');
    expect(noReplay).toContain(`the stored body cannot be read (${bodies}/`);
    expect(noReplay).toContain('the file was cut short');
    expect(inspector().openBytes).toBe(0);
  });

  it('is kept of what is no request for a server whose name is a pattern', async () => {
    await exchangeRaw(proxy.port, 'GET /broken HTTP/1.1\r\nHost: a.named\r\nno field\r\n\r\n');
    expect(await last('status=400')).toMatchObject({ failure: 'client_head_malformed' });
  });
});

describe('what is hidden', () => {
  it('does not leave with what is wrong about a head', async () => {
    const head = 'GET /hidden HTTP/1.1\r\nHost: a\r\nCookie : secret1\r\nAuthorization: a\rsecret2\r\n\r\n';
    await exchangeRaw(proxy.port, head);
    const broken = await last('status=400 path=/hidden');
    expect(JSON.stringify(broken)).not.toMatch(/secret\d/);
    expect(JSON.stringify(await again(broken.id))).not.toMatch(/secret\d/);
  });

  it('does not leave with what somebody made of it', async () => {
    await get(proxy.port, '/text/cookie', { headers: { cookie: 'secret3' } });
    const { id, requestHead } = await last('path=/text/cookie');
    for (const changed of [' : ', ':\t', '\r: ', '(: '])
      for (const line of [
        `cookie${changed}********`,
        `x\rcookie${changed}********`,
        `cookie${changed}********\rx`,
      ]) {
        const head = requestHead.replace(/^cookie:.*/im, line);
        expect(head).toContain('********');
        expect(JSON.stringify(await again(id, '', head))).not.toContain('secret3');
      }
  });
});

describe('all that begin', () => {
  it('lead to no other once they are over', async () => {
    const clients = [1, 2, 3].map(() => rawClient(proxy.port));
    for (const client of clients) client.write('GET /never HTTP/1.1\r\nHost: a\r\n\r\n');
    const three = async () => inspector().open().length === 3;
    await until(three, 5000, 'three requests');
    const seen = inspector().open();
    expect(seen.map(({ earlier }) => earlier)).toEqual([seen[1], seen[2], null]);
    for (const client of [clients[1], clients[0], clients[2]]) client.destroy();
    await until(async () => inspector().open().length === 0, 5000, 'their end');
    for (const { earlier, later } of seen) expect([earlier, later]).toEqual([null, null]);
  });

  it('end, whatever becomes of their clients', async () => {
    const requests = [
      'GET /never HTTP/1.1\r\nHost: a\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(5),
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n'.padEnd(950, 'x'),
      'POST /never HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n123456789',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
      `GET /socket HTTP/1.1\r\nHost: a\r\n${UPGRADE}\x81\x85abcdabcde`,
      'HEAD /cached HTTP/1.1\r\nHost: a\r\n\r\nnothing',
    ];
    const ends = ['destroy', 'resetAndDestroy', 'end'] as const;
    const ended: Promise<unknown>[] = [];
    for (let i = 0; i < 300; i++) {
      const socket = connect(proxy.port, '127.0.0.1');
      socket.on('error', () => undefined).resume();
      ended.push(new Promise((resolve) => socket.once('close', resolve)));
      const request = requests[i % requests.length];
      const isWhole = i % 3 === 0;
      socket.write(Buffer.from(request.slice(0, isWhole ? undefined : (i * 37) % request.length), 'latin1'));
      const wait = i % 4;
      const end = () => (i % 2 === 0 ? socket.destroy() : socket[ends[i % 3]]());
      if (wait === 0) socket.once('connect', end);
      else if (wait === 1) socket.once('connect', () => setImmediate(end));
      else socket.once('connect', () => setTimeout(end, 20));
      if (i % 50 === 49) await get(proxy.port, '/text');
      setTimeout(() => socket.destroy(), 500);
    }
    await Promise.all(ended);
    await until(async () => inspector().open().length === 0, 5000, 'the end of all');
    expect(inspector().openBytes).toBe(0);
    for (const { id, ms } of await list()) {
      expect(ms).toBeGreaterThanOrEqual(0);
      expect(await ask({ ask: 'show', id, unmasked: true })).toMatchObject({ detail: { id } });
    }
  });
});
