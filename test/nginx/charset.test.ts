// charset beside nginx: what Content-Type says of each kind of answer, and bodies that are converted, whole and in pieces.
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import type { TestPeer } from '../support/upstream.ts';
import { answerWith, startEchoPeer } from './echo-peer.ts';
import { askBoth, type Pair, request, startPair } from './pair.ts';

/** Between koi8-r and windows-1251 a few letters, between koi8-r and utf-8 the same and two of three bytes. */
const MAPS = `
  charset_map koi8-r windows-1251 { C0 FE; C1 E0; C2 E1; D7 E2; 80 8F; }
  charset_map koi8-r utf-8 { C0 D18E; C1 D0B0; C2 D0B1; D7 D0B2; 80 E29480; 81 E29482; 9A C2A0; }
  charset_map windows-1252 utf-8 { 80 E282AC; E9 C3A9; 5C C2A5; }`;

function configuration(root: string, peer: string): string {
  const both = (name: string, text: string): string =>
    `location /${name}/ { alias ${root}/; ${text} } location /p-${name}/ { proxy_pass http://${peer}/; ${text} }`;
  return `types { text/html html; text/plain txt; application/json json; text/css css; image/png png; } default_type text/plain;
    proxy_http_version 1.1; ${MAPS} map $arg_c $named { default ""; k koi8-r; u UTF-8; x other; }
    server { listen {port};
      ${both('none', '')}
      ${both('utf8', 'charset utf-8;')}
      ${both('types', 'charset utf-8; charset_types application/json text/css;')}
      ${both('star', 'charset utf-8; charset_types *;')}
      ${both('override', 'charset windows-1251; override_charset on;')}
      ${both('upper', 'charset UTF-8; override_charset on; source_charset utf-8;')}
      ${both('bytes', 'charset windows-1251; source_charset koi8-r;')}
      ${both('back', 'charset koi8-r; source_charset windows-1251;')}
      ${both('to', 'charset utf-8; source_charset koi8-r; override_charset on;')}
      ${both('from', 'charset koi8-r; source_charset utf-8;')}
      ${both('euro', 'charset windows-1252; source_charset UTF-8; override_charset on;')}
      ${both('var', 'charset $named;')}
      ${both('varsource', 'charset utf-8; source_charset $named;')}
      ${both('if', 'charset koi8-r; if ($arg_a) { charset utf-8; } if ($arg_b) { charset off; }')}
      location /r/ { charset utf-8; location = /r/200 { return 200 "text"; } location = /r/404 { return 404; } location = /r/204 { return 204; } location = /r/empty { return 200 ""; }
        location = /r/301 { return 301 /x; } location = /r/302 { return 302 /x; } location = /r/303 { return 303 /x; } location = /r/308 { return 308 /x; } location = /r/500 { return 500; } }
      location /nest/ { charset utf-8; location /nest/in/ { alias ${root}/; } location /nest/off/ { alias ${root}/; charset off; } }
      location /page/ { charset utf-8; error_page 404 /utf8/page.html; alias ${root}/; }
      location /mix/ { alias ${root}/; charset utf-8; add_header X-H h; sub_filter a b; source_charset koi8-r; sub_filter_once off; }
    } `;
}

const KOI = 'abc \xc0\xc1\xc2 \xd7 \x80\x81 \x9a z';
const UTF = Buffer.from('abc юаб в \u2500\u2502 \u20ac é ¥ \u{1f600} жук').latin1Slice();
const BROKEN = 'a\xd1b \xff \xc0\x80 \xe2\x82 c \xf0\x9f\x98 d\xe2';

type Case = readonly [method: string, target: string, lines?: readonly string[]];

const PLACES = 'none utf8 types star override upper bytes back to from euro var varsource if'.split(' ');

const peerSays = (head: string, body: string): readonly string[] => [
  answerWith(`${head.replaceAll('|', '\r\n')}\r\n\r\n${body}`),
];
const typed = (type: string, body: string, more = ''): readonly string[] =>
  peerSays(`HTTP/1.1 200 OK|Content-Type: ${type}|ETag: "p"|Content-Length: ${body.length}${more}`, body);
const chunked = (body: string, size: number): readonly string[] => {
  const parts = body.match(new RegExp(`[\\s\\S]{1,${size}}`, 'g')) ?? [];
  const chunks = parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('');
  return peerSays('HTTP/1.1 200 OK|Content-Type: text/html|Transfer-Encoding: chunked', `${chunks}0\r\n\r\n`);
};

const CASES: readonly Case[] = [
  ...PLACES.flatMap((place): Case[] => [
    ['GET', `/${place}/koi.html`],
    ['HEAD', `/${place}/koi.html`],
    ['GET', `/${place}/utf.html`],
    ['GET', `/${place}/broken.html`],
    ['GET', `/${place}/ascii.txt?c=k`],
    ['GET', `/${place}/ascii.json`],
    ['GET', `/${place}/ascii.css?c=u`],
    ['GET', `/${place}/ascii.png`],
    ['GET', `/${place}/empty.html?a=1`],
    ['GET', `/${place}/big.html?c=x`],
    ['GET', `/${place}/koi.html?b=1`],
    ['GET', `/${place}/nothing`],
    ['GET', `/${place}/koi.html`, ['Range: bytes=3-9']],
    ['GET', `/${place}/koi.html`, ['If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT']],
    ['GET', `/p-${place}/x?c=k`, typed('text/html', KOI)],
    ['HEAD', `/p-${place}/x?c=k`, peerSays('HTTP/1.1 200 OK|Content-Type: text/html|Content-Length: 5', '')],
    ['GET', `/p-${place}/x`, typed('text/html; charset=koi8-r', KOI)],
    ['GET', `/p-${place}/x?c=u`, typed('text/html;charset="UTF-8"', UTF)],
    ['GET', `/p-${place}/x`, typed('text/plain; a=b; charset=nobody', 'x')],
    ['GET', `/p-${place}/x`, typed('TEXT/HTML', KOI, '|Content-Encoding: gzip')],
    ['GET', `/p-${place}/x`, chunked(UTF, 50)],
    ['GET', `/p-${place}/x`, peerSays('HTTP/1.1 404 No|Content-Type: text/html|Content-Length: 1', 'x')],
    [
      'GET',
      `/p-${place}/x`,
      peerSays('HTTP/1.1 302 Found|Location: /x|Content-Type: text/html|Content-Length: 1', 'x'),
    ],
    ['GET', `/p-${place}/x`, peerSays('HTTP/1.1 200 OK|Content-Length: 1', 'x')],
    [
      'GET',
      `/p-${place}/x`,
      peerSays('HTTP/1.1 206 P|Content-Type: text/html|Content-Range: bytes 0-0/9|Content-Length: 1', 'x'),
    ],
  ]),
  ...['200', '404', '204', 'empty', '301', '302', '303', '308', '500'].flatMap((name): Case[] => [
    ['GET', `/r/${name}`],
  ]),
  ...['200', '204', 'empty'].map((name): Case => ['HEAD', `/r/${name}`]),
  ['GET', '/nest/in/ascii.txt'],
  ['GET', '/nest/off/ascii.txt'],
  ['GET', '/page/nothing'],
  ['GET', '/mix/ascii.txt'],
];

function makePages(): { readonly root: string; remove(): void } {
  const root = mkdtempSync(join(tmpdir(), 'lbproxy-charset-'));
  const put = (name: string, text: string): void => {
    writeFileSync(join(root, name), Buffer.from(text, 'latin1'));
    utimesSync(join(root, name), 1_700_000_000, 1_700_000_000);
  };
  put('koi.html', KOI);
  put('utf.html', UTF);
  put('page.html', 'page');
  put('broken.html', BROKEN);
  put('empty.html', '');
  put('big.html', `${KOI.repeat(3000)}`);
  for (const ext of ['txt', 'json', 'css', 'png']) put(`ascii.${ext}`, 'a plain text');
  return { root, remove: () => rmSync(root, { recursive: true, force: true }) };
}

describe.skipIf(nginxVersion === '')('charset as nginx', () => {
  const pages = makePages();
  let peer: TestPeer;
  let pair: Pair;
  beforeAll(async () => {
    peer = await startEchoPeer();
    pair = await startPair(configuration(pages.root, peer.address));
  });
  afterAll(async () => {
    await pair?.close();
    await peer?.close();
    pages.remove();
  });

  it.each(CASES.map((c): [string, Case] => [c.flat().join(' ').slice(0, 130), c]))(
    '%s',
    async (_name, [method, target, lines]) => {
      const { nginx, lbproxy } = await askBoth(pair, request(method, target, lines));
      expect(lbproxy).toEqual(nginx);
    },
  );
});
