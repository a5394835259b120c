// proxy_cookie_domain, proxy_cookie_path and proxy_cookie_flags beside nginx: what becomes of Set-Cookie.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import type { TestPeer } from '../support/upstream.ts';
import { startAccelPeer, wanted } from './accel-peer.ts';
import { askBoth, type Pair, request, startPair } from './pair.ts';

const COOKIES = [
  'a=1',
  'a',
  '',
  'a=1; Domain=peer.example',
  'a=1; Domain=.Peer.example; Path=/app/x',
  'a=1;Path=/app/;domain=other.example',
  'a=1 ; Path = /APP/y ; Secure',
  'a=1; Path=/two/3; HttpOnly; SameSite=Lax',
  'a=1; path',
  'a=1; Domain=; Path=',
  'session=x; Path=/app; SameSite=strict; secure; Secure',
  'SESSION=x; samesite=none; httponly',
  'session=x; SameSite',
  'Domain=peer.example; Path=/app',
  'b=1; Path=/app; Expires=Thu, 01 Jan 2037 00:00:00 GMT; Max-Age=3',
  'b=1;; ;Path=/app/z;',
  'pre_1=q; Domain=host7.peer.example; Path=/re/12/x',
  'pre_2=q; Domain=HOST8.peer.example; Path=/RE/12/x',
  'flagged=1; HttpOnly',
  'unflagged=1; HttpOnly; Secure; SameSite=Lax; SameSite=None',
  'many=a=b=c; Path=/app/=x',
];

const PLACES: Readonly<Record<string, string>> = {
  domain: 'proxy_cookie_domain peer.example own.example; proxy_cookie_domain .other.example .$host;',
  'domain-regex':
    'proxy_cookie_domain ~^host(\\d)\\.peer\\.example$ n$1.example; proxy_cookie_domain peer.example "";',
  path: 'proxy_cookie_path /app/ /; proxy_cookie_path /two /longer/than/two;',
  'path-regex':
    'proxy_cookie_path ~^/re/(\\d+)/ /n$1; proxy_cookie_path ~*^/(?<rest>app.*) /c/$rest; proxy_cookie_path /two/$arg_none /v;',
  'path-off': 'proxy_cookie_path off; proxy_cookie_domain off; proxy_cookie_flags off;',
  flags:
    'proxy_cookie_flags session nosecure samesite=strict; proxy_cookie_flags ~^pre_ secure httponly samesite=none; proxy_cookie_flags flagged nohttponly; proxy_cookie_flags unflagged nosecure nohttponly nosamesite; proxy_cookie_flags a secure; proxy_cookie_flags a httponly;',
  'flags-variables': 'set $flag secure; set $name a; proxy_cookie_flags $name $flag samesite=lax $arg_none;',
  all: 'proxy_cookie_domain peer.example own.example; proxy_cookie_path / /all/; proxy_cookie_flags ~. secure;',
};

describe.skipIf(nginxVersion === '')('cookies of peers beside nginx', () => {
  let peer: TestPeer;
  let pair: Pair;
  beforeAll(async () => {
    peer = await startAccelPeer();
    const locations = Object.entries(PLACES).map(
      ([name, text]) => `location /${name}/ { ${text} proxy_pass http://${peer.address}; }`,
    );
    pair = await startPair(`
      server { listen 127.0.0.1:{port}; proxy_cookie_flags never secure; ${locations.join('\n')}
        location = /text { return 200 text; } }`);
  });
  afterAll(async () => {
    await pair?.close();
    await peer?.close();
  });

  it.each(Object.keys(PLACES))('%s', async (place) => {
    for (const cookie of COOKIES) {
      const lines = [`Set-Cookie: ${cookie}`, 'Set-Cookie2: a=1; Path=/app/', 'set-cookie: z=1; Path=/app/'];
      const { nginx, lbproxy } = await askBoth(pair, request('GET', wanted(`/${place}/`, { lines })));
      expect(lbproxy, cookie).toEqual(nginx);
      const accel = ['X-Accel-Redirect: /text', ...lines];
      const both = await askBoth(pair, request('GET', wanted(`/${place}/`, { lines: accel })));
      expect(both.lbproxy, cookie).toEqual(both.nginx);
    }
  });
});
