// gzip beside other directives, as nginx has it: what add_header adds, trailers, error pages.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEchoPeer } from '../../nginx/echo-peer.ts';
import { type Pair, startPair } from '../../nginx/pair.ts';
import { nginxVersion } from '../../support/nginx.ts';
import type { TestPeer } from '../../support/upstream.ts';
import { askCoded } from './coded-pair.ts';
import { ANSWERS, asking, TEXT } from './gzip-cases.ts';

const LATER = 'Thu, 01 Jan 2099 00:00:00 GMT';
const TEXT_LINE = TEXT.replaceAll('\n', ' ');

/** Locations of a file, by what they add. */
const FILES: Readonly<Record<string, string>> = {
  coding: 'add_header Content-Encoding x;',
  expires: `gzip_proxied expired; add_header Expires '${LATER}';`,
  cached: 'gzip_proxied expired no-cache; add_header Cache-Control public;',
  'not-cached': 'gzip_proxied no-cache; add_header Cache-Control no-cache always;',
  vary: 'add_header Vary Cookie; add_header X y;',
  type: 'add_header Content-Type x/y;',
  ranges: 'add_header Accept-Ranges none;',
};

describe.skipIf(nginxVersion === '')('gzip together with', () => {
  const root = mkdtempSync(join(tmpdir(), 'lbproxy-together-'));
  let peer: TestPeer;
  let pair: Pair;
  beforeAll(async () => {
    writeFileSync(join(root, 'a.html'), TEXT);
    peer = await startEchoPeer();
    const files = Object.entries(FILES).map(
      ([name, words]) => `location /${name}/ { alias ${root}/; ${words} }`,
    );
    const pass = `proxy_pass http://127.0.0.1:${peer.port};`;
    pair =
      await startPair(`types { text/html html; } server { listen {port}; gzip on; gzip_vary on; ${files.join('\n')}
      location /trailer/ { ${pass} add_trailer X-T told; }
      location /caught/ { ${pass} proxy_intercept_errors on; error_page 500 /coding/a.html; }
      location /named/ { error_page 404 @page; return 404; }
      location @page { types { } default_type text/html; return 200 "${TEXT_LINE}"; }
      location /lost/ { error_page 403 404 /nowhere/none.html; return 403; } }`);
  });
  afterAll(async () => {
    await pair?.close();
    await peer?.close();
    rmSync(root, { recursive: true, force: true });
  });

  const told: Readonly<Record<string, string>> = { trailer: ANSWERS.html, caught: ANSWERS['500'] };
  it.each([...Object.keys(FILES), 'trailer', 'caught', 'named', 'lost', 'nowhere'])('%s', async (name) => {
    for (const accept of ['gzip', 'x']) {
      for (const via of [[], ['Via: x']]) {
        for (const line of ['GET', 'HEAD', 'GET 1.0']) {
          const bytes = told[name] ?? null;
          const given =
            bytes !== null && line === 'HEAD' ? bytes.slice(0, bytes.indexOf('\r\n\r\n') + 4) : bytes;
          const fields = [`Accept-Encoding: ${accept}`, ...via];
          const { nginx, lbproxy } = await askCoded(pair, asking(`/${name}/a.html`, fields, given, line));
          expect(lbproxy, `${line} ${fields}`).toEqual(nginx);
        }
      }
    }
  });
});
