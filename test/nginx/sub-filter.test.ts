// sub_filter beside nginx: files, pages, peers in pieces, types, several strings that overlap, variables on both sides, validators.
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import { startRawUpstream, type TestPeer } from '../support/upstream.ts';
import { answerWith, startEchoPeer } from './echo-peer.ts';
import { askBoth, type Pair, request, startPair } from './pair.ts';

const TEXT =
  'Hello hello HELLO hell world; <A HREF="http://one.example/x">One</a> aabaabaac abcabcabd héllo hel';

function configuration(root: string, peer: string, slow: string): string {
  const place = (name: string, text: string): string =>
    `location /${name}/ { alias ${root}/; ${text} } location /p-${name}/ { proxy_pass http://${peer}/; ${text} } location /s-${name}/ { proxy_pass http://${slow}/; ${text} }`;
  return `types { text/html html; text/plain txt; text/xml xml; application/json json; } default_type text/plain; proxy_http_version 1.1;
    server { listen {port}; set $word hello; set $upper HELLO; set $empty "";
      ${place('once', 'sub_filter hello bye;')}
      ${place('all', 'sub_filter hello bye; sub_filter_once off;')}
      ${place('case', 'sub_filter "<a href=\\"HTTP://ONE.example" "<a rel=x href=\\"//$host"; sub_filter_once off;')}
      ${place('many', 'sub_filter hell heaven; sub_filter hello bye; sub_filter world "$uri world"; sub_filter_once off;')}
      ${place('many2', 'sub_filter hello bye; sub_filter hell heaven; sub_filter world W;')}
      ${place('overlap', 'sub_filter aabaac X; sub_filter abaab Y; sub_filter abcabd Z; sub_filter abc Q; sub_filter_once off;')}
      ${place('overlap2', 'sub_filter aabaac X; sub_filter aab Y; sub_filter c ""; sub_filter bcabcabd <$1>;')}
      ${place('single', 'sub_filter d D; sub_filter_once off;')}
      ${place('gone', 'sub_filter hello ""; sub_filter_once off;')}
      ${place('types', 'sub_filter hello bye; sub_filter_types text/plain application/json;')}
      ${place('star', 'sub_filter hello bye; sub_filter_types *;')}
      ${place('dated', 'sub_filter hello bye; sub_filter_last_modified on; sub_filter_types *;')}
      ${place('variable', 'sub_filter $word "<$word>"; sub_filter $upper$empty up; sub_filter_once off;')}
      ${place('unset', 'sub_filter $empty nothing; sub_filter_types *;')}
      ${place('half', 'sub_filter $empty nothing; sub_filter world W; sub_filter $arg_a "$arg_b";')}
      ${place('utf8', 'sub_filter "HéLLO" "hallö"; sub_filter "hÉllo" no; sub_filter_once off;')}
      ${place('end', 'sub_filter "hello there" 1; sub_filter "hel" 2; sub_filter_once off;')}
      ${place('headers', 'sub_filter hello bye; add_header ETag \'"own"\'; add_header X-H h; expires max; sub_filter_last_modified on;')}
      location /text/ { sub_filter hello bye; sub_filter_types text/plain; location = /text/200 { return 200 "hello hello"; } location = /text/404 { return 404 "hello"; } location = /text/empty { return 200 ""; } location = /text/302 { return 302 /hello; } location = /text/204 { add_header ETag '"own"'; return 204; } location = /text/204-text { add_header ETag '"own"' always; return 204 hello; } }
      location /pages/ { sub_filter nginx lbproxy/0; sub_filter "<h1>" "<h1 id=x>"; sub_filter "<center>nginx/" "x"; location = /pages/500 { return 500; } location = /pages/301 { return 301 /x; } }
      location /page/ { sub_filter hello outer; error_page 404 /error.html; alias ${root}/; }
      location = /error.html { sub_filter hello inner; root ${root}; }
      location /nest/ { sub_filter hello outer; sub_filter_once off; location /nest/in/ { alias ${root}/; } location /nest/own/ { alias ${root}/; sub_filter world own; } location /nest/if/ { alias ${root}/; if ($arg_a) { set $b 1; } } }
    } `;
}

type Case = readonly [method: string, target: string, lines?: readonly string[]];

const PLACES =
  'once all case many many2 overlap overlap2 single gone types star dated variable unset half utf8 end headers'.split(
    ' ',
  );

const peerSays = (head: string, body: string): readonly string[] => [
  answerWith(`${head.replaceAll('|', '\r\n')}\r\n\r\n${body}`),
];
const BYTES = Buffer.from(TEXT).latin1Slice();
const ofLength = (more = ''): readonly string[] =>
  peerSays(
    `HTTP/1.1 200 OK|Content-Type: text/html; charset=utf-8|Content-Length: ${BYTES.length}|Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT|ETag: "p"|Accept-Ranges: bytes${more}`,
    BYTES,
  );
const chunked = (text: string): string =>
  `${text.replace(/[\s\S]{1,7}/g, (part) => `${part.length.toString(16)}\r\n${part}\r\n`)}0\r\n\r\n`;

const CASES: readonly Case[] = [
  ...PLACES.flatMap((place): Case[] => [
    ['GET', `/${place}/page.html`],
    ['HEAD', `/${place}/page.html`],
    ['GET', `/${place}/page.txt?a=hello&b=xyz`],
    ['GET', `/${place}/empty.html`],
    ['GET', `/${place}/big.html`],
    ['GET', `/${place}/page.html`, ['Range: bytes=3-9']],
    ['GET', `/${place}/page.html`, ['Range: bytes=999999-']],
    ['GET', `/${place}/page.html`, ['If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT']],
    ['GET', `/${place}/page.html`, ['If-Match: "x"']],
    ['GET', `/${place}/nothing.html`],
    ['GET', `/p-${place}/x?a=world`, ofLength()],
    ['HEAD', `/p-${place}/x`, ofLength()],
    ['GET', `/p-${place}/x`, ofLength('|Content-Encoding: gzip')],
    [
      'GET',
      `/p-${place}/x`,
      peerSays('HTTP/1.1 200 OK|Content-Type: text/HTML|Transfer-Encoding: chunked', chunked(BYTES)),
    ],
    ['GET', `/p-${place}/x`, peerSays('HTTP/1.1 404 No|Content-Type: application/json|ETag: odd', BYTES)],
    ['GET', `/p-${place}/x`, peerSays('HTTP/1.1 200 OK|Content-Length: 5', 'hello')],
    [
      'GET',
      `/p-${place}/x`,
      peerSays(
        'HTTP/1.1 206 Partial|Content-Type: text/html|Content-Range: bytes 0-4/9|Content-Length: 5',
        'hello',
      ),
    ],
    [
      'GET',
      `/p-${place}/x`,
      peerSays('HTTP/1.1 304 Not Modified|ETag: "p"|Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT', ''),
    ],
    ['GET', `/p-${place}/x`, peerSays('HTTP/1.1 200 OK|Content-Type: text/html|Content-Length: 0', '')],
    ['GET', `/s-${place}/x`],
  ]),
  ...['200', '404', 'empty', '302', '204', '204-text'].flatMap((name): Case[] => [
    ['GET', `/text/${name}`],
    ['HEAD', `/text/${name}`],
  ]),
  ['GET', '/page/nothing'],
  ['GET', '/page/page.html'],
  ['GET', '/nest/in/page.html'],
  ['GET', '/nest/own/page.html'],
  ['GET', '/nest/if/page.html?a=1'],
  ['GET', '/nest/if/page.html'],
];

/** Writes an answer byte by byte, a few at a time. */
function startSlowPeer(): Promise<TestPeer> {
  return startRawUpstream((socket) => {
    socket.once('data', () => {
      const bytes = `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n${BYTES}`;
      let at = 0;
      const step = (): void => {
        if (at >= bytes.length) return void socket.end();
        socket.write(bytes.slice(at, at + 5), 'latin1');
        at += 5;
        setImmediate(step);
      };
      step();
    });
  });
}

function makePages(): { readonly root: string; remove(): void } {
  const root = mkdtempSync(join(tmpdir(), 'lbproxy-sub-'));
  const put = (name: string, text: string): void => {
    writeFileSync(join(root, name), text);
    utimesSync(join(root, name), 1_700_000_000, 1_700_000_000);
  };
  mkdirSync(join(root, 'sub'));
  put('page.html', TEXT);
  put('page.txt', TEXT);
  put('empty.html', '');
  put('error.html', 'error hello');
  put('big.html', `${'x'.repeat(40_000)}${TEXT.repeat(200)}`);
  return { root, remove: () => rmSync(root, { recursive: true, force: true }) };
}

describe.skipIf(nginxVersion === '')('sub_filter as nginx', () => {
  const pages = makePages();
  const peers: TestPeer[] = [];
  let pair: Pair;
  beforeAll(async () => {
    peers.push(await startEchoPeer(), await startSlowPeer());
    pair = await startPair(configuration(pages.root, peers[0].address, peers[1].address));
  });
  afterAll(async () => {
    await pair?.close();
    for (const peer of peers) await peer.close();
    pages.remove();
  });

  it.each(CASES.map((c): [string, Case] => [c.flat().join(' ').slice(0, 150), c]))(
    '%s',
    async (_name, [method, target, lines]) => {
      const { nginx, lbproxy } = await askBoth(pair, request(method, target, lines));
      expect(lbproxy).toEqual(nginx);
    },
  );

  it.each(['/all/page.html', '/p-all/x', '/text/200'])('HTTP/1.0 %s', async (target) => {
    const { nginx, lbproxy } = await askBoth(pair, `GET ${target} HTTP/1.0\r\n${ofLength()[0]}\r\n\r\n`);
    expect(lbproxy).toEqual(nginx);
  });
});
