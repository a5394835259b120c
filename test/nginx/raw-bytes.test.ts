// Bytes from 0x80 in a request target, escaped or not, and names of files with such bytes, with backslashes, with times before 1970:
// served, sent on, redirected and logged as nginx does.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import { type RecordingPeer, startRecordingPeer } from '../support/recording-peer.ts';
import { exchangeOnce, field } from '../support/wire.ts';
import { askBoth, type Pair, request, startPair } from './pair.ts';

const TARGETS = [
  ...[
    '/caf\xe9.txt',
    '/caf%E9.txt',
    '/caf%e9.txt',
    '/caf\xc3\xa9.txt',
    '/caf%C3%A9.txt',
    '/d\xff',
    '/d\xff?\xe9',
    '/d%FF',
    '/d\xff/',
  ],
  ...[
    '/back\\slash.txt',
    '/back%5Cslash.txt',
    '/back%5cdir',
    '/back\\dir/',
    '/..\\x',
    '/%5C..%5Cx',
    '/none\xe9',
    '/\x80',
    '/\xff/../caf\xe9.txt',
  ],
  ...[
    '/see/\xe9?\xe9=\xff',
    '/see/%E9',
    '/caf\xc3\xa9/x',
    '/caf%C3%A9/x',
    '/re/\xe9\xff',
    '/rewrite/\xe9',
    '/rewrite/%E9',
    '/redirect/\xe9',
    '/redirect/%E9?\xff',
  ],
  ...['/return/\xe9', '/if/\xe9', '/named/\xe9', '/file/caf\xe9.txt'],
];
const PROXIED = ['', 'uri', 'variable', 'rewritten', 'broken'].flatMap((place) =>
  [
    '\xe9',
    '\xe9%20\xff',
    '%E9',
    '%e9\xe9?\xe9',
    'x?\xff',
    '\xc3\xa9/../\xc3\xa9',
    '\xe9%5C\\',
    'a//\xe9',
  ].map((rest) => `/proxy${place}/${rest}`),
);
const ANCIENT = ['minus1.txt', 'minus2.txt', 'fraction.txt', 'y1960.txt', 'y1901.txt', 'far.txt'];

const dir = mkdtempSync(join(tmpdir(), 'lbproxy-bytes-'));
const name = (text: string): Buffer => Buffer.from(`${dir}/${text}`, 'latin1');

function makeFiles(): void {
  for (const d of ['d\xff', 'back\\dir']) {
    mkdirSync(name(d));
    writeFileSync(Buffer.concat([name(d), Buffer.from('/index.html')]), `index of ${d}`, 'latin1');
  }
  for (const f of ['caf\xe9.txt', 'caf\xc3\xa9.txt', 'back\\slash.txt']) writeFileSync(name(f), f, 'latin1');
  const times = ['@-1', '@-2', '@-1.5', '1960-01-02 03:04:05 UTC', '1901-12-14 00:00:00 UTC', '@99999999999'];
  for (const [i, f] of ANCIENT.entries()) {
    writeFileSync(name(f), 'same size');
    execFileSync('touch', ['-d', times[i], join(dir, f)]);
  }
}

describe.skipIf(nginxVersion === '')('bytes and times out of the ordinary', () => {
  let peer: RecordingPeer;
  let pair: Pair;
  beforeAll(async () => {
    makeFiles();
    peer = await startRecordingPeer();
    const pass = `proxy_pass http://${peer.address}`;
    pair =
      await startPair(`log_format bytes "$request|$uri|$args|$request_uri"; proxy_http_version 1.1; default_type text/plain;
      server { listen {port}; server_name ref.example; root ${dir}; access_log {dir}/bytes.log bytes; set $a "";
        location /see/ { return 200 "$uri|$request_uri|$args"; }
        location /caf\u00e9/ { return 200 "prefix $uri"; }
        location ~ ^/re/(.)(.)$ { return 200 "$1-$2"; }
        location /rewrite/ { rewrite ^/rewrite/(.*)$ /see/$1?x=$1; }
        location /redirect/ { rewrite ^/redirect/(.*)$ /see/$1?x=$1 redirect; }
        location /return/ { return 302 http://a.example$request_uri; }
        location /if/ { if ($uri ~ [\\x80-\\xff]$) { return 200 "high"; } return 200 "low"; }
        location ~ ^/named/(?<a>.*)$ { return 302 /$a; }
        location /file/ { alias ${dir}/; }
        location /proxy/ { ${pass}; }
        location /proxyuri/ { ${pass}/base/; }
        location /proxyvariable/ { set $to ${peer.address}; proxy_pass http://$to; }
        location /proxyrewritten/ { rewrite ^/proxyrewritten/(.*)$ /proxy/$1?x=$1; }
        location /proxybroken/ { rewrite ^/proxybroken/(.*)$ /new/$1 break; ${pass}; }
      }`);
  });
  afterAll(async () => {
    await pair?.close();
    await peer?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it.each(TARGETS)('GET %s', async (target) => {
    const { nginx, lbproxy } = await askBoth(pair, request('GET', target));
    expect(lbproxy).toEqual(nginx);
  });

  it.each(PROXIED)('sends on %s', async (target) => {
    const lines: string[] = [];
    for (const side of [pair.nginx, pair.lbproxy]) {
      peer.forget();
      await exchangeOnce(side.port, request('GET', target));
      lines.push(peer.received.join('').split('\r\n')[0]);
    }
    expect(lines[0]).toMatch(/^GET \/.* HTTP\/1\.1$/s);
    expect(lines[1]).toBe(lines[0]);
  });

  it('logs what was asked for', async () => {
    const logs: string[] = [];
    for (const side of [pair.nginx, pair.lbproxy]) {
      await exchangeOnce(side.port, request('GET', '/see/\xe9"\\?\xff\x80'));
      // A line is written behind its answer: those of the requests before may come now, too.
      const line = (): string => {
        side.flush();
        return (
          /^GET \/see\/\\xE9\\x22.*\n/m.exec(readFileSync(join(side.dir, 'bytes.log'), 'latin1'))?.[0] ?? ''
        );
      };
      await expect.poll(line).not.toBe('');
      logs.push(line());
    }
    expect(logs[0]).toContain('\\xE9');
    expect(logs[1]).toBe(logs[0]);
  });

  it.each(ANCIENT)('%s: what a file of that time is known by', async (file) => {
    for (const method of ['GET', 'HEAD']) {
      const { nginx, lbproxy } = await askBoth(pair, request(method, `/${file}`));
      expect(nginx.status).toBe('HTTP/1.1 200 OK');
      // -1 is nginx's word for no time at all: it leaves Last-Modified out.
      const fields = (of: readonly string[]) =>
        of.filter((line) => file !== 'minus1.txt' || !line.startsWith('Last-Modified'));
      expect({ ...lbproxy, fields: fields(lbproxy.fields) }).toEqual({
        ...nginx,
        fields: fields(nginx.fields),
      });
    }
    const known = await exchangeOnce(pair.lbproxy.port, request('GET', `/${file}`));
    const etag = field(known, 'etag');
    const modified = field(known, 'last-modified');
    const conditions = [
      `If-None-Match: ${etag}`,
      `If-Match: ${etag}`,
      `If-Modified-Since: ${modified}`,
    ].concat([
      ...[
        `If-Unmodified-Since: ${modified}`,
        'If-Modified-Since: Sat, 02 Jan 1960 03:04:05 GMT',
        'If-None-Match: "0-9"',
      ],
      'If-Unmodified-Since: Sat, 02 Jan 1960 03:04:05 GMT',
    ]);
    for (const condition of conditions) {
      const { nginx, lbproxy } = await askBoth(pair, request('GET', `/${file}`, [condition]));
      // For nginx a date that it cannot read is that time too.
      if (file !== 'minus1.txt') expect([condition, lbproxy]).toEqual([condition, nginx]);
    }
  });

  it('files of different times before 1970 are different, and a date that is none is no time of any', async () => {
    const tags = await Promise.all(
      ANCIENT.slice(0, 2).map(async (f) =>
        field(await exchangeOnce(pair.lbproxy.port, request('GET', `/${f}`)), 'etag'),
      ),
    );
    expect(tags[0]).not.toBe(tags[1]);
    const bad = request('GET', '/minus1.txt', ['If-Modified-Since: yesterday']);
    expect((await exchangeOnce(pair.lbproxy.port, bad)).status).toBe(200);
    const range = request('GET', '/minus1.txt', ['Range: bytes=0-1', 'If-Range: yesterday']);
    expect((await exchangeOnce(pair.lbproxy.port, range)).status).toBe(200);
  });
});
