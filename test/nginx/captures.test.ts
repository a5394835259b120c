// What regular expressions leave behind, through nginx and through lbproxy: named captures live until they are set again, numbered ones
// are those of the last match, and a rewrite or an `if` that does not match leaves none.
import { describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import { readModel } from '../support/proxy.ts';
import { askBoth, request } from './pair.ts';
import { pairBeforeEcho } from './pair-before-echo.ts';

const NAMED = [
  ...[
    '/h/ab/cd',
    '/h/ab/cd?x=1',
    '/quoted/a%20b/c',
    '/quoted/a%2Bb/c?x',
    '/arguments/a%26b',
    '/arguments/a+b',
  ],
  ...['/if/one?z', '/if/one?y', '/negated/one?z', '/negated/one', '/if/a%20b?z'],
  ...['/pass/17?z', '/pass/17?y', '/pass/17', '/passed/1/2?z', '/break/7'],
  ...[
    '/again/one?a=two',
    '/again/one',
    '/again/one?a=',
    '/optional/a',
    '/optional/b',
    '/optional/ab',
    '/optional/',
  ],
  ...['/last/one', '/last/one?z', '/set/one', '/reset/one?z', '/reset/one', '/nested/one/two', '/file/one'],
];

const NUMBERED = [
  ...[
    '/n/none/one?z',
    '/n/none/one?y',
    '/n/group/one?z=2',
    '/n/group/one?y=2',
    '/n/rewrite/one',
    '/n/chain/one',
  ],
  ...[
    '/n/not/one?z=2',
    '/n/not/one?y=2',
    '/n/over/one',
    '/n/relocated/one',
    '/n/missed/one?z',
    '/n/missed/one',
  ],
];

const HOSTS = ['one.two.test', 'ONE.Two.Test', 'one.two.test:8080', 'other.test', 'x.other.test'].flatMap(
  (host) =>
    ['/', '/re/path', '/if?z', '/if?y', '/rewritten', '/static', '/missed/x'].map(
      (target) => [host, target] as const,
    ),
);

const SHOW = '"a=$a b=$b 1=$1 2=$2 uri=$uri args=$args"';

function configuration(peer: string): string {
  return `upstream echo { server ${peer}; } proxy_http_version 1.1;
    server { listen {port}; server_name ref.example;
      location ~ ^/h/(?<a>..)/(?<b>..)$ { rewrite ^ http://$a.test/$b; }
      location ~ ^/quoted/(?<a>.*)/(?P<b>.*)$ { rewrite ^ http://to.test/$a/$b redirect; }
      location ~ ^/arguments/(?<a>.*)$ { rewrite ^ /show?p=$a last; }
      location ~ ^/if/(?<a>.*)$ { if ($args ~ z) { return 200 ${SHOW}; } return 200 "not ${SHOW.slice(1)}; }
      location ~ ^/negated/(?<a>.*)$ { if ($args !~ ^(?<b>z)$) { return 200 ${SHOW}; } return 200 "not ${SHOW.slice(1)}; }
      location ~ ^/pass/(?<a>\\d+)$ { if ($args ~ z) { set $b "b"; } proxy_pass http://echo/$a; }
      location ~ ^/passed/(?<a>\\d+)/(?<b>\\d+)$ { if ($args ~ z) { proxy_pass http://echo/$b/$a; } proxy_pass http://echo/$a; }
      location ~ ^/break/(?<a>\\d+)$ { rewrite ^/(b)reak /$1 break; proxy_pass http://echo/$a$uri; }
      location ~ ^/again/(?<a>.*)$ { if ($arg_a ~ ^(?<a>t.*)$) { set $b yes; } return 200 ${SHOW}; }
      location ~ ^/optional/(?<a>a)?(?<b>b)?$ { return 200 ${SHOW}; }
      location ~ ^/last/(?<a>.*)$ { if ($args ~ z) { rewrite ^/last/(?<b>.*)$ /show/$b? last; } rewrite ^ /show last; }
      location ~ ^/set/(?<a>.*)$ { set $a "set"; return 200 ${SHOW}; }
      location ~ ^/reset/(?<a>.*)$ { set $a "set"; if ($args ~ ^(?<a>.)$) { set $b 1; } return 200 ${SHOW}; }
      location ~ ^/nested/(?<a>[a-z]+) { location ~ /(?<b>[a-z]+)$ { return 200 ${SHOW}; } return 200 "outer"; }
      location ~ ^/file/(?<a>.*)$ { root /nowhere/$a; if (-f $a) { return 500; } rewrite ^ /show/$a last; }
      location /show { return 200 ${SHOW}; }
      location ~ ^/n/none/(.*)$ { if ($args ~ z) { return 200 ${SHOW}; } return 200 "not ${SHOW.slice(1)}; }
      location ~ ^/n/group/(.*)$ { if ($args ~ ^(z)=(.)) { return 200 ${SHOW}; } return 200 "not ${SHOW.slice(1)}; }
      location ~ ^/n/not/(.*)$ { if ($args !~ ^(z)=(.)) { return 200 ${SHOW}; } return 200 "not ${SHOW.slice(1)}; }
      location ~ ^/n/rewrite/(.*)$ { rewrite ^/nothing/(.*)$ /no/$1; return 200 ${SHOW}; }
      location ~ ^/n/chain/(.*)$ { rewrite ^/(n)/(chain)/(.*)$ /show/$2/$1/$3; rewrite ^/show /show/x$1 last; }
      location ~ ^/n/over/(.*)$ { rewrite ^/n/(over) /show/$1/n; }
      location ~ ^/n/relocated/(.*)$ { rewrite ^ /n/relocate-d/$1 last; }
      location ~ ^/n/missed/(.*)$ { if ($args ~ (y)) { set $b 1; } set $b "1 is $1"; return 200 ${SHOW}; }
      location ~ ^/n/relocate-(.)/ { return 200 ${SHOW}; }
    }
    server { listen {port}; server_name ~^(?<a>.+)\\.(two)\\.test$ ~^(?<b>[^.]+)?\\.?other\\.test$;
      location / { return 200 ${SHOW}; }
      location ~ ^/re/(.*)$ { return 200 ${SHOW}; }
      location ~ ^/missed/(x)(y)$ { return 500; }
      location /if { if ($args ~ z) { return 200 ${SHOW}; } return 200 "not ${SHOW.slice(1)}; }
      location /rewritten { rewrite ^ /$a-$b/; }
      location = /static { root /nowhere/$a; rewrite ^ http://$a.example/$2 permanent; }
    }`;
}

describe.skipIf(nginxVersion === '')('captures are those of nginx', () => {
  const both = pairBeforeEcho(configuration);

  it.each([...NAMED, ...NUMBERED])('%s', async (target) => {
    const { nginx, lbproxy } = await askBoth(both(), request('GET', target));
    expect(nginx.status).toMatch(/ (?:200|302) /);
    expect(lbproxy).toEqual(nginx);
  });

  it.each(HOSTS)('%s %s', async (host, target) => {
    const { nginx, lbproxy } = await askBoth(
      both(),
      `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    );
    expect(lbproxy).toEqual(nginx);
  });
});

describe('names of captures', () => {
  it.each([
    ['server_name ~^(?<sub>.+)\\.test$; location / { return 200 $sub; }'],
    ['location ~ ^/(?<sub>.+)$ { proxy_pass http://127.0.0.1:1/$sub; }'],
    ['location / { proxy_redirect ~^/(?<sub>.*)$ /x/$sub; proxy_pass http://127.0.0.1:1; }'],
  ])('are variables: %s', (server) => {
    const { remove, warnings } = readModel(`http { server { listen 127.0.0.1:0; ${server} } }`);
    remove();
    expect(warnings).toBe('');
  });

  it.each([
    'location ~ ^/(?<uri>.+)$ { return 200 $uri; }',
    'server_name ~^(?<host>.+)$;',
    'location / { rewrite ^/(?<remote_addr>.*)$ /x; }',
    'location / { if ($args ~ (?<scheme>.)) { return 200; } }',
    'location / { set $server_name x; }',
  ])('are not those of built-in variables: %s', (server) => {
    expect(() => readModel(`http { server { listen 127.0.0.1:0; ${server} } }`)).toThrow(
      /nginx\.conf:1:\d+: "\$\w+" is a built-in variable and cannot be set; choose another name/,
    );
  });
});
