// A rewrite whose replacement comes to nothing leaves no path to look up, to open or to send to a peer: 500 on both sides.
import { describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import { askBoth, request } from './pair.ts';
import { pairBeforeEcho } from './pair-before-echo.ts';

const EMPTY = [
  ...['/break/', '/break/?q=1', '/uri/?q=1', '/variable/?q=1', '/last/', '/last/?q=1', '/plain/?q=1'],
  ...[
    '/file/',
    '/file/?q=1',
    '/argument',
    '/argument?to=&q=1',
    '/query/?q=1',
    '/if/?q=1',
    '/server',
    '/server?q=1',
  ],
];
const NOT_EMPTY = [
  '/break/x',
  '/break/x?q=1',
  '/argument?to=/echo',
  '/uri/x?q=1',
  '/if/',
  '/mark',
  '/host?to=',
  '/host',
];

function configuration(peer: string): string {
  return `upstream echo { server ${peer}; } proxy_http_version 1.1;
    server { listen {port}; server_name ref.example;
      set $empty ""; rewrite ^/server$ $empty;
      location /break/ { rewrite ^/break/(.*)$ $1 break; proxy_pass http://echo; }
      location /uri/ { rewrite ^/uri/(.*)$ $1 break; proxy_pass http://echo/base/; }
      location /variable/ { set $group echo; rewrite ^/variable/(.*)$ $1 break; proxy_pass http://$group; }
      location /last/ { rewrite ^/last/(.*)$ $1 last; proxy_pass http://echo; }
      location /plain/ { rewrite ^/plain/(.*)$ $1; proxy_pass http://echo; }
      location /file/ { root /nowhere; rewrite ^/file/(.*)$ $1 break; }
      location /argument { rewrite ^ $arg_to? break; proxy_pass http://echo; }
      location /query/ { rewrite ^/query/(.*)$ $1?x=1 break; proxy_pass http://echo; }
      location /if/ { if ($args) { rewrite ^ $empty break; } proxy_pass http://echo; }
      location /host { proxy_pass http://echo$arg_to; }
      location /mark { set $mark "?x"; proxy_pass http://echo$mark; }
    }`;
}

describe.skipIf(nginxVersion === '')('a URI of no length', () => {
  const both = pairBeforeEcho(configuration);

  it.each(EMPTY)('%s is an error', async (target) => {
    const { nginx, lbproxy } = await askBoth(both(), request('GET', target));
    expect(nginx.status).toBe('HTTP/1.1 500 Internal Server Error');
    expect(lbproxy).toEqual(nginx);
  });

  it.each(NOT_EMPTY)('%s is served', async (target) => {
    const { nginx, lbproxy } = await askBoth(both(), request('GET', target));
    expect(nginx.status).toBe('HTTP/1.1 200 OK');
    expect(lbproxy).toEqual(nginx);
  });
});
