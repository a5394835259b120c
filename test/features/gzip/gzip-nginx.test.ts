// gzip and gunzip side by side with nginx: which answers are compressed, what their fields say, what their bodies mean.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEchoPeer } from '../../nginx/echo-peer.ts';
import { type Comparable, type Pair, startPair } from '../../nginx/pair.ts';
import { nginxVersion } from '../../support/nginx.ts';
import type { TestPeer } from '../../support/upstream.ts';
import { askCoded } from './coded-pair.ts';
import { ACCEPTS, AGENTS, ANSWERS, asking, CACHED, PROXIED, PROXIED_WORDS, TEXT } from './gzip-cases.ts';

const GZIP = 'Accept-Encoding: gzip';

/** Where lbproxy means to differ. */
const DIFFERENT: ReadonlySet<string> = new Set([]);

function configuration(peer: number, root: string): string {
  const pass = `proxy_pass http://127.0.0.1:${peer};`;
  const proxied = Object.entries(PROXIED).map(([name, words]) => `location /${name}/ { ${words} ${pass} }`);
  const words = PROXIED_WORDS.map(
    (word, i) => `location /word${i}/ { gzip on; gzip_vary on; gzip_proxied ${word}; ${pass} }`,
  );
  const statics = ['on', 'always', 'off'].flatMap((mode) =>
    ['on', 'off'].flatMap((vary) =>
      ['on', 'off'].map(
        (gunzip) => `location /static-${mode}-${vary}-${gunzip}/ { alias ${root}/;
          gzip_static ${mode}; gzip_vary ${vary}; gunzip ${gunzip}; }`,
      ),
    ),
  );
  return `types { text/html html; text/css css; text/plain txt; } default_type application/octet-stream;
    server { listen {port}; root ${root}; gzip_types text/css;
      ${proxied.join('\n')} ${words.join('\n')} ${statics.join('\n')}
      location /files/ { alias ${root}/; gzip on; gzip_vary on; }
      location /files-added/ { alias ${root}/; gzip on; gzip_proxied no_last_modified; add_after_body /files/empty.html; addition_types *; }
      location /files-named/ { alias ${root}/; gzip on; gzip_proxied no_last_modified; add_header Last-Modified "Wed, 15 Nov 2023 22:13:20 GMT"; }
      location /files-proxied/ { alias ${root}/; gzip on; gzip_proxied no_last_modified; }
      location /files-etag/ { alias ${root}/; gzip on; gzip_proxied no_etag; }
      location /if/ { alias ${root}/; if ($arg_z) { gzip on; } }
      location /text/ { gzip on; gzip_types text/plain; default_type text/plain; return 200 "${TEXT.replaceAll('\n', ' ')}"; }
      location /moved/ { gzip on; gzip_vary on; return 302 /there; }
      location /denied/ { gzip on; gzip_vary on; return 403; }
      location /gone/ { gzip on; gzip_vary on; return 410; }
      location /paged/ { alias ${root}/; gzip on; gzip_vary on; error_page 404 /files/page.html; }
      location /paged-static/ { alias ${root}/; gzip_static on; gzip_vary on; error_page 404 =200 /static-on-on-off/page.html; }
      location /index/ { alias ${root}/; gzip_static on; gzip_vary on; }
    }`;
}

function writeFiles(root: string): void {
  const write = (name: string, bytes: string | Buffer): void => {
    writeFileSync(join(root, name), bytes);
    utimesSync(join(root, name), 1_600_000_000, 1_600_000_000 + name.length);
  };
  write('page.html', TEXT);
  write('page.html.gz', gzipSync(TEXT));
  write('index.html', TEXT);
  write('index.html.gz', gzipSync(TEXT));
  write('alone.html', TEXT);
  write('only.css.gz', gzipSync(TEXT));
  write('small.html', 'small');
  write('empty.html', '');
  write('other.bin', TEXT);
  write('style.css', TEXT);
  write('broken.html', TEXT);
  write('broken.html.gz', 'this is no gzip');
  write('long.html', TEXT.repeat(500));
  write('long.html.gz', gzipSync(TEXT.repeat(500), { level: 0 }));
  mkdirSync(join(root, 'dir.html.gz'));
  write('dir.html', TEXT);
}

describe.skipIf(nginxVersion === '')('lbproxy compresses as nginx', () => {
  const root = mkdtempSync(join(tmpdir(), 'lbproxy-gzip-'));
  let peer: TestPeer;
  let pair: Pair;
  beforeAll(async () => {
    writeFiles(root);
    peer = await startEchoPeer();
    pair = await startPair(configuration(peer.port, root));
  });
  afterAll(async () => {
    await pair?.close();
    await peer?.close();
    rmSync(root, { recursive: true, force: true });
  });

  /** All that differ, so that one run tells all. */
  const differing = async (cases: readonly (readonly [name: string, request: string])[]) => {
    const found: string[] = [];
    for (const [name, request] of cases) {
      const { nginx, lbproxy } = await askCoded(pair, request);
      const [theirs, ours] = [said(nginx), said(lbproxy)];
      if (theirs !== ours && !DIFFERENT.has(name)) found.push(`${name}\n  ${theirs}\n  ${ours}`);
    }
    return found.join('\n');
  };

  it.each(Object.keys(PROXIED))('location %s: every answer', async (name) => {
    const cases = Object.entries(ANSWERS).flatMap(([told, bytes]) =>
      [[GZIP], []].flatMap((fields) =>
        ['GET', 'HEAD', 'GET 1.0'].map((line): [string, string] => [
          `${name}: ${line} ${told} ${fields}`,
          asking(`/${name}/x`, fields, line === 'HEAD' ? headOf(bytes) : bytes, line),
        ]),
      ),
    );
    expect(cases.length).toBeGreaterThan(60);
    expect(await differing(cases)).toBe('');
  });

  it('every Accept-Encoding', async () => {
    const cases = ['plain', 'types', 'both', 'gunzip'].flatMap((name) =>
      ACCEPTS.map((accept): [string, string] => {
        const told = name === 'gunzip' ? ANSWERS['coded in gzip'] : ANSWERS.html;
        return [`${name} ${accept}`, asking(`/${name}/x`, [`Accept-Encoding: ${accept}`], told)];
      }),
    );
    cases.push(
      ['two lines', asking('/plain/x', [GZIP, 'Accept-Encoding: gzip;q=0'], ANSWERS.html)],
      ['two lines', asking('/plain/x', ['Accept-Encoding: gzip;q=0', GZIP], ANSWERS.html)],
    );
    expect(await differing(cases)).toBe('');
  });

  it('every User-Agent', async () => {
    const cases = ['agents', 'plain'].flatMap((name) =>
      AGENTS.map((agent): [string, string] => [
        `${name} ${agent}`,
        asking(`/${name}/x`, [GZIP, `User-Agent: ${agent}`], ANSWERS.html),
      ]),
    );
    expect(await differing(cases)).toBe('');
  });

  it.each(PROXIED_WORDS.map((word, i) => [word, i] as const))('gzip_proxied %s', async (word, i) => {
    const cases = Object.entries(CACHED).flatMap(([told, bytes]) =>
      [['Via: 1.1 x'], ['Via:'], ['Via: 1.1 x', 'Authorization: Basic YTpi'], []].map(
        (fields): [string, string] => [
          `${word}: ${told} ${fields}`,
          asking(`/word${i}/x`, [GZIP, ...fields], bytes),
        ],
      ),
    );
    expect(cases.length).toBeGreaterThan(60);
    expect(await differing(cases)).toBe('');
  });

  it('expires before it', async () => {
    const cases = ['expires', 'expires-past', 'expires-max'].flatMap((name) =>
      Object.entries(CACHED).map(([told, bytes]): [string, string] => [
        `${name}: ${told}`,
        asking(`/${name}/x`, [GZIP, 'Via: x'], bytes),
      ]),
    );
    expect(await differing(cases)).toBe('');
  });

  const FILES =
    'page.html alone.html only.css small.html empty.html other.bin style.css broken.html long.html dir.html missing.html page.html.gz';
  const FIELDS: readonly (readonly string[])[] = [
    [],
    [GZIP],
    [GZIP, 'Range: bytes=0-9'],
    ['Range: bytes=0-9'],
    ['Range: bytes=5-9,20-29'],
    [GZIP, 'Range: bytes=5-9,20-29'],
    [GZIP, 'Range: bytes=900000-'],
    ['Range: bytes=900000-'],
    [GZIP, 'If-Modified-Since: Sun, 13 Sep 2020 12:26:49 GMT'],
    [GZIP, 'If-Modified-Since: Sun, 13 Sep 2020 12:26:52 GMT'],
    ['If-Modified-Since: Sun, 13 Sep 2020 12:26:52 GMT'],
    [GZIP, 'If-None-Match: *'],
    ['If-None-Match: *'],
    [GZIP, 'If-Match: "x"'],
    [GZIP, 'If-Unmodified-Since: Sun, 13 Sep 2000 12:26:49 GMT'],
    [GZIP, 'Via: 1.1 x'],
  ];
  const STATICS = ['on', 'always', 'off'].flatMap((mode) =>
    ['on', 'off'].flatMap((vary) => ['on', 'off'].map((gunzip) => `static-${mode}-${vary}-${gunzip}`)),
  );

  it.each([
    ...STATICS,
    'files',
    'files-proxied',
    'files-added',
    'files-named',
    'files-etag',
    'if',
    'index',
    'paged',
    'paged-static',
  ])(
    'files in %s',
    async (name) => {
      const cases = FILES.split(' ').flatMap((file) =>
        FIELDS.flatMap((fields) =>
          ['GET', 'HEAD', 'POST'].map((method): [string, string] => [
            `${name}: ${method} ${file} ${fields}`,
            asking(`/${name}/${file}${name === 'if' ? '?z=1' : ''}`, fields, null, method),
          ]),
        ),
      );
      cases.push([`${name}: directory`, asking(`/${name}/`, [GZIP])]);
      expect(await differing(cases)).toBe('');
    },
    60_000,
  );

  it('answers of its own', async () => {
    const cases = ['text', 'moved', 'denied', 'gone', 'if', 'nowhere'].flatMap((name) =>
      ['GET', 'HEAD', 'POST', 'GET 1.0'].flatMap((line) =>
        [[GZIP], [], [GZIP, 'Via: x']].map((fields): [string, string] => [
          `${name}: ${line} ${fields}`,
          asking(`/${name}/x`, fields, null, line),
        ]),
      ),
    );
    expect(await differing(cases)).toBe('');
  });
});

/** On one line; of a long body only its length and what identifies it. */
function said({ status, fields, framing, body }: Comparable): string {
  const text =
    body.length > 80
      ? `${body.slice(0, 12)}…${body.length} ${createHash('sha1').update(body, 'latin1').digest('hex').slice(0, 8)}`
      : body;
  return JSON.stringify([status, ...fields, framing, text]);
}

/** The answer to a HEAD: the same without its body. */
function headOf(bytes: string): string {
  return bytes.slice(0, bytes.indexOf('\r\n\r\n') + 4);
}
