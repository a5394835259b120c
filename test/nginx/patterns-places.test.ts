// Every place of a configuration that takes a pattern reads it as nginx does: what guards a path there guards it here.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import { askBoth, type Pair, request, startPair } from './pair.ts';

const SHOW = '"1=$1 2=$2 n=$n"';

const CONFIGURATION = `
  server { listen {port} default_server; server_name plain.test;
    location ~ ^/private/.*$ { return 403; }
    location ~ \\.php$ { return 402; }
    location ~ "\\Q/admin\\E" { return 401; }
    location ~ ^/[[:upper:]]+/\\z { return 410 ${SHOW}; }
    location ~* "^/(?<n>É+)(\\h*)$" { return 411 ${SHOW}; }
    location ~ "^/loop/(?:(a)|(b))+$" { return 200 ${SHOW}; }
    location ~ "^/atomic/(?>a|ab)c$" { return 412; }
    location /rewrite { rewrite "^/rewrite/(\\w+)\\s(.*)\\Z" /to/$2/$1 redirect; return 204; }
    location /if { set $n -; if ($uri ~ "^/if/(?<n>\\N+)$") { return 200 ${SHOW}; } return 204; }
    location /not { if ($uri !~* "^/not/[^[:space:]]+$") { return 413; } return 204; }
    location /redirected { proxy_pass http://127.0.0.1:{port2}; proxy_redirect "~^http://back\\.test/(\\H+)/(.)$" /went/$2/$1; }
    location / { return 204; } }
  server { listen {port}; server_name "~^(?<n>\\w+)\\.(?:a|b)\\.test$"; location / { return 200 ${SHOW}; } }
  server { listen {port}; server_name "~^(?<N2>X+)\\.test\\z"; location / { return 200 "$N2"; } }
  server { listen {port2}; location / { return 302 http://back.test/a%0ab/c; } }`;

const PATHS = [
  ...[
    '/private/a',
    '/private/a%0d',
    '/private/a%0a',
    '/private/a%0ab',
    '/private/%e2%80%a8',
    '/private/%c2%85',
  ],
  ...[
    '/x.php',
    '/x.php%0a',
    '/x.php%0a%0a',
    '/x.php%0d',
    '/admin',
    '/a/admin/b',
    '/Q/admin',
    '/ABC/',
    '/ABC/%0a',
    '/%c3%89',
    '/%c3%a9',
    '/%c3%89%c2%a0%09',
  ],
  ...['/loop/ab', '/loop/ba', '/loop/aab', '/loop/b', '/loop/', '/atomic/ac', '/atomic/abc'],
  ...['/rewrite/ab%0bcd', '/rewrite/ab%a0cd', '/rewrite/ab%20cd%0a', '/rewrite/%e9%20cd', '/rewrite/ab%0acd'],
  ...[
    '/if/a',
    '/if/a%0a',
    '/if/a%0d',
    '/if/%c3%a9',
    '/not/a',
    '/not/A%0b',
    '/not/%c2%a0',
    '/NOT/a',
    '/not/%0a',
  ],
];
const HOSTS = ['one.a.test', 'ONE.B.Test', 'xx.test', 'XX.test', 'x.test'];

describe.skipIf(nginxVersion === '')('patterns', () => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await startPair(CONFIGURATION);
  });
  afterAll(() => pair?.close());

  it.each(PATHS)('of locations, rewrites and conditions: %s', async (path) => {
    const { nginx, lbproxy } = await askBoth(pair, request('GET', path));
    expect(lbproxy).toEqual(nginx);
  });

  it.each(HOSTS)('of server names: %s', async (host) => {
    const text = `GET / HTTP/1.1\r\nHost: ${Buffer.from(host).toString('latin1')}\r\nConnection: close\r\n\r\n`;
    const { nginx, lbproxy } = await askBoth(pair, text);
    expect(lbproxy).toEqual(nginx);
  });

  it('of proxy_redirect', async () => {
    const { nginx, lbproxy } = await askBoth(pair, request('GET', '/redirected'));
    expect(lbproxy).toEqual(nginx);
    expect(nginx.fields.join()).toContain('Location:');
  });
});
