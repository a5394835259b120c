// An internal redirect (index) begins anew at the server's own rewrites, as in nginx; what they did before stays done.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFiles, TYPES_BLOCK } from '../serve/site.ts';
import { nginxVersion } from '../support/nginx.ts';
import type { TestPeer } from '../support/upstream.ts';
import { startEchoPeer } from './echo-peer.ts';
import { askBoth, type Pair, request, startPair } from './pair.ts';

const CASES: readonly (readonly [host: string, target: string])[] = [
  ...['/pics/', '/pics/?a=1', '/second/', '/', '/small.txt', '/noindex/', '/other'].map(
    (t) => ['rewritten.test', t] as const,
  ),
  ...['/pics/', '/', '/second/'].map((t) => ['refused.test', t] as const),
  ...['/pics/', '/second/', '/loop/', '/'].map((t) => ['loop.test', t] as const),
  ...['/pics/', '/second/', '/', '/small.txt', '/count/x'].map((t) => ['counted.test', t] as const),
  ...['/pics/', '/second/', '/proxied/'].map((t) => ['proxied.test', t] as const),
  ...['/a/x', '/a/x?q', '/c/x', '/d/x', '/e/x', '/f/x'].map((t) => ['broken.test', t] as const),
];

function configuration(root: string, peer: string): string {
  const server = (name: string, text: string): string =>
    `server { listen {port}; server_name ${name}.test; root ${root}; index index.html index.htm; ${text} }`;
  return `proxy_http_version 1.1; default_type text/plain; ${TYPES_BLOCK}
    ${server('rewritten', 'rewrite ^/pics/index.html$ /other last; rewrite ^/second/index.htm$ /small.txt; location /other { return 200 "other $uri $args"; }')}
    ${server('refused', 'if ($uri ~ index) { return 403; } if ($uri ~ htm$) { return 402 "no $uri"; }')}
    ${server('loop', 'rewrite ^/pics/index.html$ /pics/; rewrite ^/second/index.htm$ /loop/ break; location /loop/ { return 200 "$uri"; }')}
    ${server('counted', 'set $n "x$n"; if ($uri ~ (html?)$) { set $e $1; } location ~ htm { return 200 "$n $e $uri"; } location /count/ { rewrite ^/count/(.*)$ /$1.htm last; }')}
    ${server('proxied', `rewrite ^/pics/index.html$ /to/pics; rewrite ^/second/index.htm$ /to/second break; location /to/ { proxy_pass http://${peer}/base/; } location /proxied/ { index /to/absolute; }`)}
    ${server(
      'broken',
      `rewrite ^/a/(.*)$ /b/$1 break; rewrite ^/c/(.*)$ /b/$1; rewrite ^/d/(.*)$ /b/$1 last; if ($uri ~ ^/e/) { rewrite ^/e/(.*)$ /b/$1; break; }
       rewrite ^/f/(.*)$ /g/$1 break; location /g/ { rewrite ^/g/(.*)$ /b/$1; }
       location /b/ { proxy_pass http://${peer}/base/; }`,
    )}`;
}

describe.skipIf(nginxVersion === '')('after an internal redirect', () => {
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

  it.each(CASES)('%s %s', async (host, target) => {
    const { nginx, lbproxy } = await askBoth(pair, request('GET', target).replace('ref.example', host));
    expect(lbproxy).toEqual(nginx);
  });
});
