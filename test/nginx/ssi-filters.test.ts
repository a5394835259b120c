// Includes and additions together with other filters: those before are each answer's own, those behind the page's.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import type { TestPeer } from '../support/upstream.ts';
import { startEchoPeer } from './echo-peer.ts';
import { askBoth, type Pair, request, startPair } from './pair.ts';

const PAGE =
  'page word <!--#include virtual="/part.html" --> word <!--#include virtual="/echo/x" --> <!--#echo var="uri" --> word\n'.repeat(
    20,
  );

const PLACES: Readonly<Record<string, string>> = {
  plain: '',
  gzip: 'gzip on; gzip_min_length 1; gzip_http_version 1.0;',
  sub: 'sub_filter word WORD; sub_filter_once off;',
  headers: 'add_header X-A "$uri" always; expires 1h;',
  charset: 'charset utf-8;',
  around: 'add_before_body /part.html; add_after_body /echo/after;',
  all: 'gzip on; gzip_min_length 1; sub_filter word WORD; add_before_body /part.html; add_after_body /echo/after; add_header X-A b; charset utf-8;',
  dated:
    'ssi_last_modified on; gzip on; gzip_min_length 1; sub_filter word WORD; sub_filter_last_modified on;',
};

describe.skipIf(nginxVersion === '')('ssi with other filters', () => {
  const root = mkdtempSync(join(tmpdir(), 'lbproxy-ssi-filters-'));
  let peer: TestPeer;
  let pair: Pair;
  beforeAll(async () => {
    writeFileSync(join(root, 'page.html'), PAGE);
    writeFileSync(join(root, 'part.html'), 'a part with a word <!--#echo var="uri" -->\n');
    peer = await startEchoPeer();
    const places = Object.entries(PLACES).map(
      ([name, text]) => `location /${name}/ { ${text} alias ${root}/; }`,
    );
    pair = await startPair(`default_type text/html; proxy_http_version 1.1;
      server { listen {port}; server_name ref.example; root ${root}; ssi on;
        location = /part.html { sub_filter word "word of the part"; gzip on; add_header X-Part 1; }
        location /echo/ { proxy_pass http://${peer.address}; proxy_set_header Accept-Encoding ""; charset koi8-r; }
        ${places.join('\n')}
        location /error/ { error_page 404 /all/page.html; return 404; }
        location /mirrored/ { mirror /echo/copy; gzip on; gzip_min_length 1; alias ${root}/; } }`);
  });
  afterAll(async () => {
    await pair?.close();
    await peer?.close();
    rmSync(root, { recursive: true, force: true });
  });

  const FIELDS = [
    [],
    ['Accept-Encoding: gzip'],
    ['Range: bytes=2-9'],
    ['If-Modified-Since: Thu, 01 Jan 2099 00:00:00 GMT'],
  ];
  const targets = [...Object.keys(PLACES), 'error', 'mirrored'].map((name) => `/${name}/page.html?a=1`);
  describe.each(['GET', 'HEAD'])('%s', (method) => {
    it.each(targets)('%s', async (target) => {
      for (const lines of FIELDS) {
        const { nginx, lbproxy } = await askBoth(pair, request(method, target, lines));
        const plain = (body: string): string =>
          body.startsWith('\x1f\x8b') ? gunzipSync(Buffer.from(body, 'latin1')).latin1Slice() : body;
        expect({ ...lbproxy, body: plain(lbproxy.body) }).toEqual({ ...nginx, body: plain(nginx.body) });
      }
    });
  });
});
