// try_files and internal, beside nginx.
import { ask, describeTable, type TablePlaces } from './request-table.ts';

const server = (name: string, root: string, text: string): string =>
  `server { listen {port}; server_name ${name}.test; root ${root}; index index.html index.htm; ${text} }\n`;

const TARGETS = `
  location /shown { return 200 "shown $uri?$args|$request_uri"; }
  location @named { return 200 "named $uri?$args|$request_uri"; }`;

function tried({ root, peer }: TablePlaces): string {
  return (
    server(
      'tf',
      root,
      `${TARGETS}
    location /uri/ { try_files $uri /shown; }
    location /both/ { root ${root}/; try_files $uri $uri/ =404; }
    location /index/ { try_files $uri $uri/index.html =404; }
    location /named/ { try_files $uri @named; }
    location /nobody/ { try_files $uri @nobody; }
    location /args/ { try_files $uri /shown?q=$uri&$args; }
    location /args-static/ { try_files $uri /shown?a=b; }
    location /is-args/ { try_files $uri /shown$is_args$args; }
    location /code403/ { try_files $uri =403; }
    location /code200/ { try_files $uri =200; }
    location /code444/ { try_files $uri =444; }
    location /code204/ { try_files $uri =204; }
    location /code500/ { try_files $uri =500; }
    location /code301/ { try_files $uri =301; }
    location /code418/ { try_files $uri =418; }
    location /code-page/ { error_page 404 =200 /shown; try_files $uri =404; }
    location /fixed/ { try_files /small.txt =404; }
    location /fixed-type/ { try_files /pics/index.html =404; }
    location /fixed-dir/ { try_files /pics/ =404; }
    location /fixed-nodir/ { try_files /small.txt/ /second/ =404; }
    location /noslash/ { try_files small.txt =404; }
    location /empty/ { try_files "" =404; }
    location /several/ { try_files /none /neither $uri.txt /small.txt =404; }
    location /last-file/ { try_files /none /small.txt; }
    location /last-loop/ { try_files /none /last-loop/x; }
    location /last-self/ { try_files /none $uri; }
    location /proxied/ { try_files /none @peer; }
    location @peer { proxy_pass http://${peer}; }
    location /proxy-here/ { try_files /small.txt =404; proxy_pass http://${peer}; }
    location /proxy-uri/ { try_files /none /pics/1.jpg =404; proxy_pass http://${peer}/base/; }
    location /var/ { set $name small; try_files /$name.txt =404; }
    location /var-empty/ { try_files $arg_none /shown; }
    location /var-dir/ { try_files $arg_d/ /shown; }
    location /rewritten/ { rewrite ^/rewritten/(.*)$ /$1 break; try_files $uri /shown; }
    location ~ ^/regex/(.+)$ { try_files /$1 /shown; }
    location ~ ^/regex2/(?<rest>.+)$ { try_files /none-$1 /$rest /shown; }
    location /outer/ { try_files /small.txt =404; location /outer/inner/ { return 200 "inner"; } location /outer/plain/ { } }
    location /if/ { if ($arg_a) { set $x 1; } try_files /small.txt =404; }
    location /if-set/ { if ($arg_a) { expires 1h; } try_files /small.txt =404; }
    location /return/ { return 200 "before"; try_files /small.txt =404; }
    location /expires/ { expires 1h; try_files /small.txt =404; }
    location /type/ { default_type text/x-own; types { } try_files /small.txt =404; }`,
    ) +
    server(
      'alias',
      root,
      `${TARGETS}
    location /al/ { alias ${root}/; try_files $uri $uri/ =404; }
    location /al-index/ { alias ${root}/; try_files $uri $uri/index.html @named; }
    location /al-fixed/ { alias ${root}/; try_files small.txt =404; }
    location /al-slash/ { alias ${root}/; try_files /small.txt =404; }
    location /al-uri/ { alias ${root}/pics/; try_files $uri /al/small.txt; }
    location ~ ^/re/(.*)$ { alias ${root}/$1; try_files "" =404; }
    location ~ ^/re-uri/(.*)$ { alias ${root}; try_files /$1 /shown; }
    location ~ ^/re-dir/(.*)$ { alias ${root}; try_files /$1/ /shown; }
    location ~ ^/re-two/(.*)$ { alias ${root}/; try_files $1 small.txt =404; }
    location = /exact { alias ${root}/small.txt; try_files $uri =404; }
    location /al-loop/ { alias ${root}/; try_files /none /al-loop/x; }
    location /al-fallback/ { alias ${root}/; try_files $uri $uri/ /al-fallback/small.txt; }`,
    ) +
    server(
      'level',
      root,
      `try_files $uri /small.txt =404; location /in/ { } location = /eq { return 200 eq; }`,
    ) +
    server(
      'spa',
      root,
      `location / { try_files $uri $uri/ /index.html; } location /api/ { try_files $uri @app; } location @app { proxy_pass http://${peer}; }
       location ~ \\.php$ { try_files $uri =404; proxy_pass http://${peer}; } location /d/ { try_files $uri $uri.html $uri/index.htm @app; root ${root}; }`,
    ) +
    server(
      'noroot',
      '$arg_root',
      `location / { try_files $uri /shown; } ${TARGETS} location /rel/ { root pics; try_files $uri /shown; }`,
    )
  );
}

function internals({ root, peer }: TablePlaces): string {
  return server(
    'in',
    root,
    `error_page 404 /miss; error_page 403 /hidden/403;
    location /hidden/ { internal; return 200 "hidden $uri?$args"; location /hidden/deep/ { return 200 "deep"; } }
    location /page/ { error_page 404 /hidden/page; }
    location /tried/ { try_files /none /hidden/tried; }
    location /rewritten/ { rewrite ^/rewritten/(.*)$ /hidden/$1 last; }
    location /not-last/ { rewrite ^/not-last/(.*)$ /hidden/$1; }
    location /break/ { rewrite ^/break/(.*)$ /hidden/$1 break; }
    location /named/ { try_files /none @named; }
    location @named { internal; return 200 "named $uri"; }
    location /index/ { alias ${root}/noindex/; index /hidden/index; }
    location = /one { internal; return 200 one; }
    location /to-one { try_files /none /one; }
    location ~ \\.hid$ { internal; return 200 "regex $uri"; }
    location /x.hid/ { internal; }
    location /to-regex { try_files /none /a.hid; }
    location /proxy/ { internal; proxy_pass http://${peer}/p/; }
    location /to-proxy/ { try_files /none /proxy/x?$args; }
    location /forbidden/ { return 403; }
    location = /miss { internal; return 200 "missed $uri"; }`,
  );
}

const get = (host: string, ...targets: readonly string[]) =>
  targets.map((target) => ask(`${host}.test`, 'GET', target));
const all = (host: string, targets: readonly string[]) =>
  targets.flatMap((target) => [
    ask(`${host}.test`, 'GET', target),
    ask(`${host}.test`, 'HEAD', target),
    ask(`${host}.test`, 'POST', target),
  ]);

const PLACES = ['/uri/small.txt', '/uri/none?q', '/both/pics', '/both/pics/', '/both/none', '/index/pics']
  .concat([
    '/named/x?a=1',
    '/named/x%20y?a=%20',
    '/nobody/x',
    '/args/x?y=1',
    '/args-static/x?y',
    '/is-args/x?y=1',
  ])
  .concat([
    '/is-args/x',
    '/code403/x',
    '/code200/x',
    '/code204/x',
    '/code444/x',
    '/code500/x',
    '/code301/x',
    '/code418/x',
  ])
  .concat([
    '/code-page/x',
    '/fixed/x',
    '/fixed-type/x',
    '/fixed-dir/x',
    '/fixed-nodir/',
    '/noslash/x',
    '/empty/x',
  ])
  .concat(['/several/x', '/several/small', '/last-file/x', '/last-loop/x', '/last-self/x', '/proxied/x?y=1'])
  .concat([
    '/proxy-here/x?y=1',
    '/proxy-uri/x?y=1',
    '/var/x',
    '/var-empty/x',
    '/var-dir/x?d=/pics',
    '/var-dir/x',
  ])
  .concat([
    '/var-dir/x?d=/small.txt',
    '/rewritten/small.txt',
    '/rewritten/none',
    '/regex/small.txt',
    '/regex/none',
  ])
  .concat([
    '/regex/pics',
    '/regex2/small.txt',
    '/regex2/none',
    '/outer/x',
    '/outer/inner/x',
    '/outer/plain/x',
  ])
  .concat(['/if/x', '/if/x?a=1', '/if-set/x', '/if-set/x?a=1', '/return/x', '/expires/x', '/type/x'])
  .concat(['/uri/..%2fsmall.txt', '/uri/a%00b', `/uri/${'a'.repeat(300)}`]);
const ALIASES = [
  '/al/small.txt',
  '/al/pics',
  '/al/pics/',
  '/al/none',
  '/al/',
  '/al-index/pics',
  '/al-index/none',
]
  .concat([
    '/al-fixed/x',
    '/al-slash/x',
    '/al-uri/1.jpg',
    '/al-uri/none',
    '/parts/1.jpg',
    '/part',
    '/re/small.txt',
  ])
  .concat([
    '/re/none',
    '/re/pics',
    '/re-uri/small.txt',
    '/re-uri/none',
    '/re-uri/pics',
    '/re-dir/pics',
    '/re-dir/x',
  ])
  .concat([
    '/re-two/small.txt',
    '/re-two/none',
    '/exact',
    '/al-loop/x',
    '/al-fallback/none',
    '/al-fallback/pics/1.jpg',
  ]);

describeTable('try_files', tried, [
  ...all('tf', PLACES),
  ...all('alias', ALIASES),
  ...all('level', ['/', '/small.txt', '/none', '/in/x', '/in/', '/eq', '/pics', '/pics/']),
  ...all('spa', [
    '/',
    '/pics',
    '/pics/',
    '/none?q=1',
    '/a/b/c',
    '/small.txt',
    '/api/x?y=1',
    '/x.php',
    '/d/x',
    '/noindex',
  ]),
  ...get('noroot', '/small.txt', '/x', '/rel/x', '/small.txt?root=/nowhere'),
  ask('tf.test', 'GET', '/fixed/x', ['Range: bytes=0-3']),
  ask('tf.test', 'GET', '/fixed/x', ['If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT']),
  ask('tf.test', 'PUT', '/fixed/x'),
  ask('tf.test', 'PUT', '/named/x'),
  ask('tf.test', 'DELETE', '/uri/x'),
]);

describeTable(
  'internal',
  internals,
  all('in', [
    ...['/hidden/x', '/hidden/deep/x', '/hidden/', '/page/x', '/tried/x?q', '/rewritten/x?q', '/not-last/x'],
    ...['/break/x', '/named/x', '/index/', '/one', '/to-one', '/a.hid', '/x.hid/', '/to-regex', '/proxy/x'],
    ...[
      '/to-proxy/x?q=1',
      '/forbidden/',
      '/miss',
      '/nothing',
      '/small.txt',
      '/hidden/403',
      '/@named',
      '/x.hid/a.hid',
    ],
  ]),
);
