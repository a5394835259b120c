// brotli and zstd: which answers, which fields, which content; the files beside others; what Node before 22.15 is told.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as zlib from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCodecs } from '../../../src/features/gzip/codec-link.ts';
import { startEchoPeer } from '../../nginx/echo-peer.ts';
import { type Proxy, readModel, startProxy } from '../../support/proxy.ts';
import type { TestPeer } from '../../support/upstream.ts';
import { type Answer, exchangeOnce, field } from '../../support/wire.ts';
import { ANSWERS, asking, TEXT } from '../gzip/gzip-cases.ts';

const HAS_ZSTD = Object.hasOwn(process.versions, 'zstd');
const CODINGS = HAS_ZSTD ? (['br', 'zstd'] as const) : (['br'] as const);

const DECODERS: Readonly<Record<string, (body: Buffer) => Buffer>> = {
  '': (body) => body,
  br: (body) => zlib.brotliDecompressSync(body),
  gzip: (body) => zlib.gunzipSync(body),
  zstd: (body) => zlib.zstdDecompressSync(body),
};

describe('brotli and zstd', () => {
  const root = mkdtempSync(join(tmpdir(), 'lbproxy-brotli-'));
  let peer: TestPeer;
  let proxy: Proxy;

  beforeAll(async () => {
    for (const name of ['page.html', 'plain.html', 'long.html'])
      writeFileSync(join(root, name), name === 'long.html' ? TEXT.repeat(3000) : TEXT);
    writeFileSync(join(root, 'page.html.br'), zlib.brotliCompressSync(TEXT));
    writeFileSync(join(root, 'page.html.gz'), zlib.gzipSync(TEXT));
    if (HAS_ZSTD) writeFileSync(join(root, 'page.html.zst'), zlib.zstdCompressSync(TEXT));
    peer = await startEchoPeer();
    const zstd = (text: string): string => (HAS_ZSTD ? text : '');
    proxy = await startProxy(`http { types { text/html html; text/css css; } root ${root};
      server { listen 127.0.0.1:0;
        location /all/ { brotli on; ${zstd('zstd on;')} gzip on; gzip_vary on; proxy_pass http://${peer.address}; }
        location /css/ { brotli on; brotli_types text/css; brotli_min_length 100; brotli_comp_level 11; brotli_window 1k;
          ${zstd('zstd on; zstd_types text/css; zstd_comp_level 22; zstd_min_length 800;')} proxy_pass http://${peer.address}; }
        location /files/ { alias ${root}/; brotli on; ${zstd('zstd on;')} }
        location /static/ { alias ${root}/; brotli_static on; ${zstd('zstd_static on;')} gzip_static on; gzip_vary on; }
        location /always/ { alias ${root}/; brotli_static always; } } }`);
  });

  afterAll(async () => {
    await proxy?.close();
    await peer?.close();
    rmSync(root, { recursive: true, force: true });
  });

  const ask = async (target: string, accept: string, told: string | null = null, line = 'GET') =>
    exchangeOnce(proxy.port, asking(target, [`Accept-Encoding: ${accept}`], told, line));

  const content = (answer: Answer): string =>
    DECODERS[field(answer, 'content-encoding')](Buffer.from(answer.body, 'latin1')).latin1Slice();

  it.each([
    ['br', 'br'],
    ['gzip, br', 'br'],
    ['br;q=0, gzip', 'gzip'],
    ['br;q=0.001', 'br'],
    ['gzip', 'gzip'],
    ['gzip, deflate, br, zstd', 'br'],
    ['zstd', HAS_ZSTD ? 'zstd' : ''],
    ['gzip, zstd', HAS_ZSTD ? 'zstd' : 'gzip'],
    ['brx', ''],
    ['*', ''],
    ['identity', ''],
  ])('Accept-Encoding: %s gives %j', async (accept, coding) => {
    const answer = await ask('/all/x', accept, ANSWERS['strong ETag']);
    expect(field(answer, 'content-encoding')).toBe(coding);
    expect(content(answer)).toBe(TEXT);
    expect(field(answer, 'vary')).toBe('Accept-Encoding');
    expect(field(answer, 'etag')).toBe(coding === '' ? '"abc"' : 'W/"abc"');
    expect(field(answer, 'content-length')).toBe(coding === '' ? String(TEXT.length) : '');
  });

  it.each(CODINGS)('%s of every kind of answer', async (coding) => {
    const compressed = [
      'html',
      'charset',
      'in chunks',
      'until close',
      'HTTP/1.0',
      '403',
      '404',
      'chunked empty',
    ];
    for (const name of [...compressed, 'css', 'short', 'coded', '500', '206', '204', '304']) {
      const answer = await ask('/all/x', coding, ANSWERS[name]);
      const is = compressed.includes(name) ? coding : name === 'coded' ? 'br' : '';
      expect(field(answer, 'content-encoding'), name).toBe(is);
      const plain = await ask('/all/x', 'identity', ANSWERS[name]);
      if (name !== 'coded') expect(content(answer), name).toBe(plain.body);
    }
  });

  it('types, lengths, levels', async () => {
    expect(field(await ask('/css/x', 'br', ANSWERS.css), 'content-encoding')).toBe('br');
    expect(field(await ask('/css/x', 'br', ANSWERS['twenty characters']), 'content-encoding')).toBe('');
    const answer = await ask('/css/x', 'br', ANSWERS['in chunks']);
    expect(content(answer)).toBe(`${TEXT}x${TEXT}`);
    if (HAS_ZSTD) expect(field(await ask('/css/x', 'zstd', ANSWERS.css), 'content-encoding')).toBe('');
  });

  it.each(CODINGS)('%s of files, long and short; HEAD; 304', async (coding) => {
    const long = await ask('/files/long.html', coding);
    expect([field(long, 'content-encoding'), content(long)]).toEqual([coding, TEXT.repeat(3000)]);
    const short = await ask('/files/page.html', coding);
    expect([field(short, 'content-encoding'), content(short)]).toEqual([coding, TEXT]);
    const head = await ask('/files/page.html', coding, null, 'HEAD');
    expect([head.body, field(head, 'content-encoding')]).toEqual(['', coding]);
    const tag = field(short, 'etag');
    const cached = await exchangeOnce(
      proxy.port,
      asking('/files/page.html', [`Accept-Encoding: ${coding}`, `If-None-Match: ${tag}`]),
    );
    expect([cached.status, field(cached, 'content-encoding')]).toEqual([304, '']);
    await expect.poll(() => openCodecs.count).toBe(0);
  });

  it('files beside others: br, then zstd, then gz', async () => {
    const order: readonly (readonly [string, string])[] = [
      ['gzip, zstd, br', 'br'],
      ['gzip, zstd', HAS_ZSTD ? 'zstd' : 'gzip'],
      ['gzip', 'gzip'],
      ['x', ''],
    ];
    // Read from the disk, then from memory.
    for (const [accept, coding] of [...order, ...order]) {
      const answer = await ask('/static/page.html', accept);
      expect([field(answer, 'content-encoding'), content(answer)]).toEqual([coding, TEXT]);
      expect([field(answer, 'vary'), field(answer, 'content-type')]).toEqual([
        'Accept-Encoding',
        'text/html',
      ]);
      expect(field(answer, 'content-length')).not.toBe('');
    }
    expect(field(await ask('/static/plain.html', 'br'), 'vary')).toBe('');
    expect(field(await ask('/always/page.html', 'x'), 'content-encoding')).toBe('br');
    expect((await ask('/always/none.html', 'br')).status).toBe(404);
  });
});

describe('rows', () => {
  it.each([
    ['brotli_comp_level 12', 'from 0 to 11'],
    ['zstd_comp_level 0', 'from 1 to 22'],
    ['brotli_window 3k', '"brotli_window": "3k" is not a power of two from 1k to 16m'],
    ['brotli_static yes', 'one of on, off, always'],
    ['gzip_window 64k', '"gzip_window": "64k" is not a power of two from 512 to 32k'],
    ['gzip_hash 256', '"gzip_hash": "256" is not a power of two from 512 to 128k'],
    ['gzip_comp_level 10', 'from 1 to 9'],
    ['gzip_proxied some', '"gzip_proxied": "some" is not one of off, expired'],
    ['gzip_disable "("', '"("'],
    ['gzip_http_version 2', 'one of 1.0, 1.1'],
    ['gzip_min_length -1', 'is not a size'],
  ])('%s is refused', (text, why) => {
    expect(() => readModel(`http { ${text}; server { listen 127.0.0.1:1; } }`).remove()).toThrow(why);
  });

  it('a type that stands twice is warned of', () => {
    const { warnings, remove } = readModel(
      'http { gzip_types text/css TEXT/CSS text/html; server { listen 1; } }',
    );
    remove();
    expect(warnings).toContain('duplicate MIME type "text/css"');
    expect(warnings).toContain('duplicate MIME type "text/html"');
  });
});
