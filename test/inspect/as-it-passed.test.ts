// Each record beside what the client really got and what the peers really got, for answers of all kinds.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Record } from '../../src/inspect/record.ts';
import { until } from '../support/http-client.ts';
import { type Proxy, startProxy } from '../support/proxy.ts';
import { exchangeRaw } from '../support/raw-client.ts';

const dir = mkdtempSync(join(tmpdir(), 'inspect-'));
const peers: Server[] = [];
let proxy: Proxy;
/** Heads that peers got. */
let got: string[] = [];

const BODY = '\xe9'.repeat(7000);

/** What a peer sends for a request with this head. */
function answerOf(head: string, status: number): string {
  const bare = head.startsWith('HEAD');
  if (head.includes('/lf')) return 'HTTP/1.0 200 OK\nA: b\n\nbody\r\n\r\nmore';
  if (head.includes('/204')) return 'HTTP/1.1 204 None\r\nX: y\r\n\r\n';
  if (head.includes('/304')) return 'HTTP/1.1 304 NM\r\nETag: "x"\r\n\r\n';
  if (head.includes('/chunked')) {
    const answer = `HTTP/1.1 ${status} Odd\r\nTransfer-Encoding: chunked\r\n\r\n`;
    return bare ? answer : `${answer}5\r\nhello\r\n3\r\nabc\r\n0\r\nT: v\r\n\r\n`;
  }
  if (head.includes('/close')) return `HTTP/1.1 ${status} Odd\r\n\r\n${bare ? '' : 'until close'}`;
  const fields =
    'Content-Type: text/html\r\nCache-Control: max-age=60\r\nX: \xff\xe9\r\nContent-Length: 7000';
  return `HTTP/1.1 ${status} Odd \xe9\r\n${fields}\r\n\r\n${bare ? '' : BODY}`;
}

async function startPeer(answer: (head: string) => Buffer): Promise<number> {
  const peer = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (data) => {
      const text = data.toString('latin1');
      const head = text.slice(0, text.indexOf('\r\n\r\n') + 4);
      if (head.includes(' HTTP/1.')) got.push(head);
      socket.end(answer(head));
    });
  });
  peers.push(peer);
  await new Promise<void>((resolve) => peer.listen(0, '127.0.0.1', resolve));
  return (peer.address() as AddressInfo).port;
}

const http = (status: number) => (head: string) => Buffer.from(answerOf(head, status), 'latin1');

function fastcgi(): Buffer {
  const record = (type: number, content: Buffer): Buffer =>
    Buffer.concat([Buffer.from([1, type, 0, 1, content.length >> 8, content.length & 255, 0, 0]), content]);
  const answer = 'Status: 201 Made\nContent-Type: text/plain\n\nfcgi body\r\n\r\nrest';
  return Buffer.concat([
    record(6, Buffer.from(answer)),
    record(6, Buffer.alloc(0)),
    record(3, Buffer.alloc(8)),
  ]);
}

beforeAll(async () => {
  writeFileSync(join(dir, 'file.txt'), 'x'.repeat(200_000));
  writeFileSync(join(dir, 'small.txt'), 'small');
  writeFileSync(
    join(dir, 'ssi.html'),
    'a<!--#include virtual="/text" -->b<!--#include virtual="/included" -->',
  );
  const [busy, good, app] = [
    await startPeer(http(503)),
    await startPeer(http(200)),
    await startPeer(fastcgi),
  ];
  proxy = await startProxy(`worker_processes 1; inspector 8m;
    http { proxy_cache_path ${dir}/cache keys_zone=c:1m; default_type text/plain;
      upstream both { server 127.0.0.1:${busy} max_fails=0; server 127.0.0.1:${good}; }
      server { listen 127.0.0.1:0; root ${dir};
        location / { proxy_pass http://127.0.0.1:${good}; }
        location /retry { proxy_pass http://both; proxy_next_upstream http_503; proxy_set_header To $upstream_addr; }
        location /gz { gzip on; gzip_types *; gzip_min_length 1; proxy_pass http://127.0.0.1:${good}; }
        location /sub { sub_filter hello goodbye; sub_filter_types *; proxy_pass http://127.0.0.1:${good}; }
        location /cached { proxy_pass http://127.0.0.1:${good}; proxy_cache c; }
        location /app { fastcgi_pass 127.0.0.1:${app}; }
        location /text { return 200 "täxt"; }
        location /long { return 200 ${'L'.repeat(3000)}; }
        location /away { return 302 /text; }
        location /error { error_page 503 =200 /small.txt; return 503; }
        location ~ txt$ { }
        location /zipped.txt { alias ${dir}/file.txt; gzip on; gzip_types *; }
        location /ssi.html { ssi on; }
      } }`);
});

afterAll(async () => {
  await proxy.close();
  for (const peer of peers) peer.close();
  rmSync(dir, { recursive: true, force: true });
});

/** The only request since the last. */
async function newest(): Promise<Record> {
  const { inspector } = proxy;
  if (inspector === null) throw new Error('nobody looks on');
  await until(async () => inspector.open().length === 0, 5000, 'its end');
  const [record] = inspector.ring.newestFirst();
  return record;
}

function unchunked(body: string): string {
  let plain = '';
  for (let rest = body; ; ) {
    const line = rest.indexOf('\r\n');
    const size = Number.parseInt(rest.slice(0, line), 16);
    if (!(size > 0)) return plain;
    plain += rest.slice(line + 2, line + 2 + size);
    rest = rest.slice(line + 4 + size);
  }
}

/** The head may be told in another second. */
const dateless = (head: string): string => head.replace(/^Date: .*\r\n/m, '');

const PATHS =
  '/x /204 /304 /chunked /close /lf /retry /gz /gz/chunked /sub/chunked /cached /cached /app /text /long /away /error /file.txt ' +
  '/small.txt /zipped.txt /ssi.html /missing.txt';
const EXTRAS = ['', 'Accept-Encoding: gzip\r\n', 'Range: bytes=2-5\r\n', 'If-None-Match: *\r\n'];

it.each(PATHS.split(' '))('%s', async (path) => {
  for (const [method, body] of [
    ['GET', ''],
    ['HEAD', ''],
    ['POST', 'post\r\n\r\nbody'],
  ])
    for (const extra of EXTRAS) {
      got = [];
      const version = extra === '' && method === 'GET' ? '1.0' : '1.1';
      const length = body === '' ? '' : `Content-Length: ${body.length}\r\n`;
      const head = `${method} ${path} HTTP/${version}\r\nHost: a\r\nConnection: close\r\n${extra}${length}\r\n`;
      const received = await exchangeRaw(proxy.port, head + body);
      const bodyAt = received.indexOf('\r\n\r\n') + 4;
      const sentHead = received.slice(0, bodyAt);
      const rest = received.slice(bodyAt);
      const plain = sentHead.includes('Transfer-Encoding: chunked') ? unchunked(rest) : rest;
      const record = await newest();
      const { requestHead } = record;
      expect({ ...record, requestHead, answerHead: dateless(record.answerHead) }).toMatchObject({
        requestHead: head,
        status: Number(sentHead.split(' ')[1]),
        answerHead: dateless(sentHead),
        answerBytes: plain.length,
        answerBody: plain.slice(0, 1024),
        failure: '',
      });
      expect(record.requestBody?.toString('latin1') ?? body).toBe(body);
      expect(record.peerAnswer).toMatch(/^$|[^\r\n]\r?\n\r?\n$/);
      expect(record.peerAnswer.split(/\r?\n\r?\n/).length).toBeLessThanOrEqual(2);
      // A subrequest has no record.
      if (path !== '/ssi.html') expect(record.peerHeads.filter((one) => one !== '')).toEqual(got);
      for (const { outcome, totalMs } of record.attempts) {
        expect(outcome).not.toBe('pending');
        expect(totalMs).toBeGreaterThanOrEqual(0);
      }
    }
});
