// `/x` goes to `/x/` where that is a proxied location, prefix or exact, unless `/x` is a location of its own (nginx: auto_redirect).
import { describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import { askBoth, request } from './pair.ts';
import { pairBeforeEcho } from './pair-before-echo.ts';

const PATHS = [
  '/ex.js',
  '/ex.js/',
  '/ex.js/x',
  '/ex.js?a=1',
  '/pre',
  '/pre/',
  '/pre/x',
  '/pre%20',
  '/final',
  '/final/x',
].concat([
  ...[
    '/own',
    '/own/',
    '/ownex',
    '/ownex/',
    '/ownpre',
    '/ownpre/',
    '/ownprex',
    '/both',
    '/both/',
    '/both/x',
    '/file',
    '/file/',
  ],
  ...[
    '/if',
    '/if/',
    '/if/?x',
    '/re',
    '/re/',
    '/re.php',
    '/re.php/',
    '/re.php/x',
    '/outer/in',
    '/outer/in/',
    '/outer/in/x',
  ],
  ...[
    '/outer',
    '/outer/',
    '/outer/ex',
    '/outer/ex/',
    '/outer/of',
    '/root',
    '/sp ce'.replace(' ', '%20'),
    '/sp%20ce/',
  ],
  ...['/script', '/script/', '/inside/a', '/inside/a/', '/inside/a/b', '/inside/a/b/'],
]);

function configuration(peer: string): string {
  const pass = `proxy_pass http://${peer};`;
  return `proxy_http_version 1.1; server { listen {port}; server_name ref.example;
    location = /ex.js/ { ${pass} }
    location /pre/ { ${pass} }
    location ^~ /final/ { ${pass} }
    location /own/ { ${pass} } location = /own { return 200 "own"; }
    location = /ownex/ { ${pass} } location = /ownex { return 200 "own"; }
    location /ownpre/ { ${pass} } location /ownpre { return 200 "own"; }
    location = /both/ { return 200 "exact"; } location /both/ { ${pass} }
    location /file/ { return 200 "no proxy"; }
    location /if/ { if ($args) { ${pass} } return 204; }
    location /re.php/ { ${pass} } location ~ \\.php$ { return 200 "regex"; } location ~ ^/re/ { ${pass} }
    location /outer { return 200 "outer"; location /outer/in/ { ${pass} } location = /outer/ex/ { ${pass} } location ~ /of { return 200 "of"; } }
    location "/sp ce/" { ${pass} }
    location /script/ { ${pass} rewrite ^/script$ /elsewhere; set $x 1; }
    location /inside/a/ { ${pass} location /inside/a/b/ { ${pass} } }
  }`;
}

describe.skipIf(nginxVersion === '')('the slash of a proxied location', () => {
  const both = pairBeforeEcho(configuration);

  it.each(PATHS)('%s', async (target) => {
    const { nginx, lbproxy } = await askBoth(both(), request('GET', target));
    expect(lbproxy).toEqual(nginx);
  });
});
