// add_before_body and add_after_body beside nginx: what they are added to, where they stand, and what their subrequests may answer.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFiles, TYPES_BLOCK } from '../serve/site.ts';
import { until } from '../support/http-client.ts';
import { nginxVersion } from '../support/nginx.ts';
import type { TestPeer } from '../support/upstream.ts';
import { startEchoPeer } from './echo-peer.ts';
import { askBoth, type Pair, request, type Side, startPair } from './pair.ts';

const PARTS: Readonly<Record<string, string>> = {
  text: 'return 200 "part $uri $args $request_method $request_uri";',
  empty: 'return 200 "";',
  nothing: 'return 204;',
  missing: 'return 404;',
  moved: 'return 302 /elsewhere;',
  own: 'return 403; error_page 403 /own-page;',
  peer: 'proxy_pass http://PEER/part;',
  dead: 'proxy_pass http://127.0.0.1:1;',
  big: 'alias ROOT/big.bin;',
  file: 'alias ROOT/small.txt;',
  nested: 'add_before_body /part/text; return 200 "nested";',
  guarded: 'auth_request /no; return 200 "guarded";',
  type: 'default_type image/png; expires 1h; return 200 "typed";',
};

function configuration(root: string, peer: string): string {
  const parts = Object.entries(PARTS).map(
    ([name, body]) =>
      `location = /part/${name} { ${body.replace('PEER', peer).replace('ROOT', root)} }
       location /before/${name}/ { add_before_body /part/${name}; alias ${root}/; }
       location /after/${name}/ { add_after_body /part/${name}; alias ${root}/; }
       location /both/${name}/ { add_before_body /part/text; add_after_body /part/${name}; proxy_pass http://${peer}; }`,
  );
  return `proxy_http_version 1.1; default_type text/html; ${TYPES_BLOCK} log_subrequest on;
    log_format mine '$status $request_uri $uri $args $request_method';
    server { listen {port}; server_name ref.example; root ${root}; access_log {dir}/access.log mine;
      ${parts.join('\n')}
      location = /css-page { addition_types text/css; add_before_body /part/text; default_type text/css; return 200 "page"; }
      location = /no { return 403; }
      location = /own-page { return 200 "own page"; }
      location /all/ { addition_types *; add_after_body /part/text; alias ${root}/; }
      location /css/ { addition_types text/css; add_after_body /part/text; alias ${root}/; }
      location /text/ { add_before_body /part/text; add_after_body /part/file; expires epoch; return 200 "main $uri"; }
      location /off/ { add_before_body ""; add_after_body ""; return 200 "off"; }
      location /status/ { add_before_body /part/text; return 201 "created"; }
      location /error/ { add_before_body /part/text; error_page 404 = /text/error; return 404; }
      location /kept/ { add_before_body /part/text; error_page 404 /css-page; return 404; }
    }`;
}

const FILES = ['index.html', 'small.txt', 'nowhere', 'noext', ''];
const TARGETS = [
  ...Object.keys(PARTS).flatMap((name) => [
    `/before/${name}/index.html`,
    `/after/${name}/index.html?a=1`,
    `/both/${name}/x`,
  ]),
  ...['all', 'css'].flatMap((place) => [...FILES, 'a.b.CSS', 'big.bin'].map((file) => `/${place}/${file}`)),
  ...['/text/x?y', '/off/', '/status/', '/error/', '/kept/', '/before/text/small.txt', '/before/text/'],
];

describe.skipIf(nginxVersion === '')('addition', () => {
  const files = makeFiles();
  let peer: TestPeer;
  let pair: Pair;
  beforeAll(async () => {
    peer = await startEchoPeer();
    pair = await startPair(configuration(files.root, peer.address));
  });
  afterAll(async () => {
    await pair?.close();
    await peer?.close();
    files.remove();
  });

  const FIELDS = [[], ['Range: bytes=1-3'], ['If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT']];
  describe.each(['GET', 'HEAD'])('%s', (method) => {
    it.each(TARGETS)('%s', async (target) => {
      for (const lines of FIELDS) {
        const { nginx, lbproxy } = await askBoth(pair, request(method, target, lines));
        expect(lbproxy).toEqual(nginx);
      }
    });
  });

  it('of HTTP/1.0 clients', async () => {
    const text = 'GET /text/x HTTP/1.0\r\nHost: ref.example\r\n\r\n';
    const { nginx, lbproxy } = await askBoth(pair, text);
    expect(lbproxy).toEqual(nginx);
  });

  it('writes the same lines, if not in the same order', async () => {
    const lines = (side: Side): string[] => {
      side.flush();
      return readFileSync(`${side.dir}/access.log`, 'latin1').trimEnd().split('\n').toSorted();
    };
    await until(() => lines(pair.nginx).length === lines(pair.lbproxy).length, 5000, 'as many lines');
    expect(lines(pair.lbproxy)).toEqual(lines(pair.nginx));
  });
});
