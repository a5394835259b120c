// error_page in all its forms, recursive_error_pages and proxy_intercept_errors, beside nginx.
import { answerWith } from './echo-peer.ts';
import { ask, describeTable, kept, type TablePlaces } from './request-table.ts';

const server = (name: string, root: string, text: string): string =>
  `server { listen {port}; server_name ${name}.test; root ${root}; ${text} }\n`;

/** What others redirect to. */
const TARGETS = `
  location /page { return 200 "page $uri?$args $request_method $request_uri $status"; }
  location /page-404 { return 404; }
  location /page-503 { return 503 "my own 503"; }
  location /page-301 { return 301 /elsewhere; }
  location @named { return 200 "named $uri?$args $request_method"; }
  location @gone { return 410; }`;

function forms({ root, peer, dead }: TablePlaces): string {
  return server(
    'forms',
    root,
    `${TARGETS}
    location /plain/ { error_page 404 /small.txt; }
    location /to200/ { error_page 404 =200 /small.txt; }
    location /to200-missing/ { error_page 404 =200 /nothing/here; }
    location /own/ { error_page 404 = /page; }
    location /own-404/ { error_page 404 = /page-404; }
    location /own-503/ { error_page 404 = /page-503; }
    location /own-301/ { error_page 404 = /page-301; }
    location /503/ { error_page 404 /page-503; }
    location /301/ { error_page 404 /page-301; }
    location /url/ { error_page 404 http://other.test/x?y=1; }
    location /url301/ { error_page 404 =301 http://other.test/x; }
    location /url303/ { error_page 404 =303 http://other.test/x; }
    location /url307/ { error_page 404 =307 http://other.test/$uri; }
    location /url308/ { error_page 404 =308 https://other.test$request_uri; }
    location /url200/ { error_page 404 =200 http://other.test/x; }
    location /urlown/ { error_page 404 = http://other.test/x; }
    location /word/ { error_page 404 word; }
    location /path301/ { error_page 404 =301 /page; }
    location /path418/ { error_page 404 =418 /page; }
    location /path204/ { error_page 404 =204 /page; }
    location /path999/ { error_page 404 =999 /page; }
    location /named/ { error_page 404 @named; }
    location /named-own/ { error_page 404 = @named; }
    location /named-200/ { error_page 404 =200 @named; }
    location /named-410/ { error_page 404 @gone; }
    location /named-own-410/ { error_page 404 = @gone; }
    location /named-none/ { error_page 404 @nobody; }
    location /args/ { error_page 404 /page?a=b; }
    location /args-var/ { error_page 404 /page?u=$uri&a=$args; }
    location /args-none/ { error_page 404 = /page?; }
    location /var/ { error_page 404 /page$uri; }
    location /var-name/ { set $where "@named"; error_page 404 $where; }
    location /var-url/ { error_page 404 $scheme://$host:1/x; }
    location /several/ { error_page 403 404 405 /page; }
    location /several-first/ { error_page 404 /page?first; error_page 404 /page?second; }
    location /other-code/ { error_page 403 500 /page; }
    location /index-page/ { error_page 404 /texts/; } location /texts/ { alias ${root}/; index small.txt; }
    location /method/ { error_page 405 =200 $uri; }
    location /method-page/ { error_page 405 /page; }
    location /loop/ { error_page 404 /loop/again; }
    location /proxied/ { error_page 404 /to-peer/x?y; }
    location /proxied-own/ { error_page 404 = /to-peer/x?y; }
    location /to-peer/ { proxy_pass http://${peer}/base/; }
    location /dead-page/ { error_page 404 /to-dead/; }
    location /dead-page-own/ { error_page 404 = /to-dead/; }
    location /to-dead/ { proxy_pass http://${dead}; }
    location /dir { error_page 301 =200 /page; }
    location /pics { error_page 301 =200 /page; error_page 403 /page; }
    location /noindex/ { error_page 403 = /page; }`,
  );
}

/** `return` and its errors, in server, location and if; inheritance. */
function returns({ root, peer, dead }: TablePlaces): string {
  return (
    server(
      'returns',
      root,
      `${TARGETS} error_page 404 /page?server; error_page 403 500 502 503 504 @named;
      location /r/404 { return 404; }
      location /r/404-text { return 404 "a text"; }
      location /r/403 { return 403; }
      location /r/500 { return 500; }
      location /r/410 { return 410; }
      location /own/ { error_page 410 /page?own; return 404; }
      location /own-410/ { error_page 410 /page?own; return 410; }
      location /nested/ { error_page 404 /page?outer; location /nested/a/ { } location /nested/b/ { error_page 404 /page?inner; } }
      location /if/ { if ($arg_a) { error_page 404 /page?if; } }
      location /if-return/ { if ($arg_a) { error_page 403 /page?if; return 403; } return 404; }
      location /if-text/ { if ($arg_a) { return 405 "text"; } error_page 405 /page; return 405; }
      location /dead/ { proxy_pass http://${dead}; }
      location /dead-own/ { error_page 502 = @peer; proxy_pass http://${dead}; }
      location /dead-as/ { error_page 502 @peer; proxy_pass http://${dead}; }
      location /dead-uri/ { error_page 502 =200 /to-peer/x; proxy_pass http://${dead}; }
      location /to-peer/ { proxy_pass http://${peer}/base/; }
      location @peer { proxy_pass http://${peer}; }
      location /rewrite/ { rewrite ^/rewrite/(.*)$ /nothing/$1; }
      location /rewrite-last/ { rewrite ^/rewrite-last/(.*)$ /nothing/$1 last; }
      location /rewrite-break/ { rewrite ^/rewrite-break/(.*)$ /nothing/$1 break; }`,
    ) +
    server(
      'redirects',
      root,
      `${TARGETS} error_page 301 302 303 307 308 /page; error_page 402 =200 /page;
      location /r/301 { return 301 /x; } location /r/302 { return 302 http://x.test/; }
      location /r/303 { return 303 /x; } location /r/307 { return 307 /x; } location /r/308 { return 308 /x; }
      location /r/305 { return 305; }
      location /rw { rewrite ^ /x permanent; } location /rw2 { rewrite ^ http://x.test/? redirect; }
      location /own/ { error_page 301 = /page; return 301 /x; }
      location /to-url/ { error_page 301 http://y.test/; return 301 /x; }
      location /to-url308/ { error_page 301 =308 http://y.test/; return 301 /x; }
      location /402 { return 402; }
      location /auto/ { proxy_pass http://${peer}/; }`,
    ) +
    server('top', root, `${TARGETS} error_page 404 410 =200 /page; return 410;`) +
    server(
      'topif',
      root,
      `${TARGETS} error_page 403 /page; if ($arg_no) { return 403; } location / { error_page 403 /page-404; } `,
    ) +
    server(
      'inherit',
      root,
      `${TARGETS} error_page 404 /page?s; recursive_error_pages on;
      location /a/ { error_page 410 /page; }
      location /b/ { location /b/c/ { return 404; } }
      location /c/ { error_page 404 /d/x; }
      location /d/ { error_page 404 /page?d; }`,
    )
  );
}

function recursion({ root, peer, dead }: TablePlaces): string {
  const chain = Array.from(
    { length: 14 },
    (_, i) => `location /c${i}/ { error_page 404 ${i % 3 === 0 ? '=' : ''} /c${i + 1}/x; }`,
  );
  const body = `${TARGETS}
    location /one/ { error_page 404 /two/x; }
    location /two/ { error_page 404 =410 /page; }
    location /three/ { error_page 404 /page-404; }
    location /self/ { error_page 404 /self/again; }
    location /self-named/ { error_page 404 @self; }
    location @self { error_page 404 @self; }
    location /mixed/ { error_page 404 @to-url; }
    location @to-url { error_page 404 410 =301 http://x.test/; return 410; }
    location /dead/ { error_page 502 = @also-dead; proxy_pass http://${dead}; }
    location @also-dead { error_page 502 =200 @peer; proxy_pass http://${dead}; }
    location @peer { proxy_pass http://${peer}; }
    location /turn/ { error_page 404 /turn2/x; } location /turn2/ { error_page 403 404 /page-503; }
    location /auth/ { error_page 404 /auth2/; } location /auth2/ { error_page 403 =401 /page; return 403; }
    location /after/ { error_page 404 = /after2/; } location /after2/ { error_page 500 =418 /page; return 500; }
    ${chain.join('\n')}`;
  return (
    server('on', root, `recursive_error_pages on; ${body}`) +
    server('off', root, `recursive_error_pages off; ${body}`) +
    server(
      'some',
      root,
      `${TARGETS} location /a/ { recursive_error_pages on; error_page 404 /b/x; }
      location /b/ { error_page 404 /c/x; } location /c/ { error_page 404 /page; }
      location /i/ { error_page 404 /b/x; if ($arg_a) { error_page 404 /page?if; } }`,
    )
  );
}

function intercepted({ root, peer }: TablePlaces): string {
  const pass = `proxy_pass http://${peer};`;
  return server(
    'peer',
    root,
    `${TARGETS} error_page 500 502 /page?server; error_page 404 /page?404;
    location /off/ { error_page 503 /page; ${pass} }
    location /on/ { proxy_intercept_errors on; ${pass} }
    location /forms/ { proxy_intercept_errors on;
      error_page 400 =200 /page; error_page 401 /page?401; error_page 402 = /page-404; error_page 403 @named; error_page 404 =  @named;
      error_page 405 =301 http://x.test/; error_page 500 http://x.test/; error_page 503 /page-503; error_page 301 302 = /page; error_page 307 @follow; ${pass} }
    location /none/ { proxy_intercept_errors on; error_page 418 /page; ${pass} }
    location /static/ { proxy_intercept_errors on; error_page 404 /small.txt; ${pass} }
    location /own/ { proxy_intercept_errors on; error_page 401 = /page; ${pass} }
    location /again/ { proxy_intercept_errors on; recursive_error_pages on; error_page 404 /again/x; ${pass} }
    location @follow { return 200 "follow $upstream_status"; }`,
  );
}

/** Errors of static files and of the request itself. */
function requests({ root }: TablePlaces): string {
  return (
    `server { listen {port} default_server; server_name default.test; root ${root}; ${TARGETS} error_page 400 /page?400; error_page 413 =200 /page?413; error_page 414 494 /page?long; error_page 416 /page?416; error_page 412 @named; error_page 405 /small.txt;
     client_max_body_size 5;
     location /to/ { error_page 416 =200 /big.bin; error_page 412 =418 /page; alias ${root}/; }
     location /mark/ { alias ${root}/; error_page 416 @mark; error_page 412 =301 http://x.test/; }
     location @mark { expires 1h; return 200 "mark $http_range"; }
     location /expires/ { expires 1h; error_page 404 /small.txt; }
     location /expires-to/ { error_page 404 =200 /exp/small.txt; } location /exp/ { alias ${root}/; expires 2h; }
     location /redirect/ { error_page 400 413 =302 http://x.test/; }
     location /large/ { client_max_body_size 1m; } }\n` +
    server(
      'plainmax',
      root,
      `client_max_body_size 5; location /up/ { client_max_body_size 100; error_page 413 /page; } location / { error_page 413 /up/page; }`,
    )
  );
}

const get = (host: string, ...targets: readonly string[]) =>
  targets.map((target) => ask(`${host}.test`, 'GET', target));

const FORM_NAMES = ['plain', 'to200', 'to200-missing', 'own', 'own-404', 'own-503', 'own-301', '503', '301']
  .concat(['url', 'url301', 'url303', 'url307', 'url308', 'url200', 'urlown', 'word', 'path301', 'path418'])
  .concat(['path204', 'path999', 'named', 'named-own', 'named-200', 'named-410', 'named-own-410'])
  .concat(['named-none', 'args', 'args-var', 'args-none', 'var', 'var-name', 'var-url', 'several'])
  .concat(['several-first', 'other-code', 'index-page', 'loop', 'proxied', 'proxied-own', 'dead-page'])
  .concat(['dead-page-own']);

describeTable('error_page by its forms', forms, [
  ...FORM_NAMES.flatMap((name) => get('forms', `/${name}/x?q=1`)),
  ...FORM_NAMES.map((name) => kept(ask('forms.test', 'POST', `/${name}/x?q=1`))),
  ...FORM_NAMES.flatMap((name) => [
    ask('forms.test', 'HEAD', `/${name}/x`),
    ask('forms.test', 'POST', `/${name}/x`),
  ]),
  ...get(
    'forms',
    '/method/small.txt',
    '/dir',
    '/pics',
    '/pics/',
    '/noindex/',
    '/page',
    '/d.txt',
    '/several/',
  ),
  ask('forms.test', 'POST', '/method/../small.txt'),
  ask('forms.test', 'PUT', '/plain/x'),
  ask('forms.test', 'DELETE', '/several/x'),
  ask('forms.test', 'POST', '/method/x'),
  ask('forms.test', 'PUT', '/method-page/x'),
  ask('forms.test', 'OPTIONS', '/named-own/x'),
  ask('forms.test', 'GET', '/plain/x', ['Range: bytes=0-3']),
  ask('forms.test', 'GET', '/to200/x', ['Range: bytes=0-3']),
  ask('forms.test', 'GET', '/to200/x', ['If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT']),
  ask('forms.test', 'GET', '/plain/x', ['If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT']),
  ask('forms.test', 'GET', '/plain/x', ['If-Match: "none"']),
  ask('forms.test', 'GET', '/to200/x', ['If-Match: "none"']),
]);

const RETURNS = ['/r/404', '/r/404-text', '/r/403', '/r/500', '/r/410', '/own/', '/own-410/', '/nested/a/x']
  .concat(['/nested/b/x', '/if/x', '/if/x?a=1', '/if-return/x', '/if-return/x?a=1', '/if-text/?a=1'])
  .concat(['/if-text/', '/dead/x?y', '/dead-own/x?y', '/dead-as/x?y', '/dead-uri/x?y', '/rewrite/a%20b'])
  .concat(['/rewrite-last/a?b', '/rewrite-break/a', '/nothing', '/x%20y?z=1']);
const REDIRECTS = ['301', '302', '303', '307', '308', '305'].map((code) => `/r/${code}`);

describeTable('error_page of return and rewrite', returns, [
  ...get('returns', ...RETURNS),
  ...RETURNS.map((target) => ask('returns.test', 'HEAD', target)),
  ...RETURNS.map((target) => kept(ask('returns.test', 'GET', target))),
  ...RETURNS.map((target) => ask('returns.test', 'POST', target)),
  ...get(
    'redirects',
    ...REDIRECTS,
    '/rw',
    '/rw2?q',
    '/own/',
    '/to-url/',
    '/to-url308/',
    '/402',
    '/auto',
    '/pics',
  ),
  ...get('top', '/', '/page', '/small.txt', '/x?y'),
  ...get('topif', '/?no=1', '/small.txt?no=1', '/small.txt', '/page?no=1'),
  ...get('inherit', '/x', '/a/x', '/b/x', '/b/c/x', '/c/x', '/d/x'),
]);

const CHAINS = ['/one/x', '/two/x', '/three/x', '/self/x', '/self-named/x', '/mixed/x', '/dead/x', '/turn/x']
  .concat(['/auth/x', '/after/x'])
  .concat(Array.from({ length: 14 }, (_, i) => `/c${i}/x?${i}`));

describeTable('recursive_error_pages', recursion, [
  ...get('on', ...CHAINS),
  ...get('off', ...CHAINS),
  ...['on', 'off'].flatMap((host) =>
    ['/one/x', '/self/x', '/self-named/x', '/dead/x', '/c0/x'].flatMap((target) => [
      ask(`${host}.test`, 'HEAD', target),
      ask(`${host}.test`, 'POST', target),
    ]),
  ),
  ...get('some', '/a/x', '/b/x', '/c/x', '/i/x', '/i/x?a=1'),
]);

const told = (status: number, lines = '', body = 'from the peer'): string =>
  answerWith(`HTTP/1.1 ${status} Told\r\n${lines}Content-Length: ${body.length}\r\n\r\n${body}`);
const STATUSES = [
  200, 201, 206, 301, 302, 307, 400, 401, 402, 403, 404, 405, 410, 416, 418, 500, 502, 503, 504,
];

describeTable('proxy_intercept_errors', intercepted, [
  ...['off', 'on', 'forms', 'none'].flatMap((place) =>
    STATUSES.map((status) => ask('peer.test', 'GET', `/${place}/x?${status}`, [told(status)])),
  ),
  ...[401, 404, 500, 503].flatMap((status) => [
    ask('peer.test', 'HEAD', `/forms/x?${status}`, [told(status, '', '')]),
    ask('peer.test', 'POST', `/forms/x?${status}`, [told(status)]),
  ]),
  ask('peer.test', 'GET', '/forms/challenge', [told(401, 'WWW-Authenticate: Basic realm="a"\r\n')]),
  ask('peer.test', 'GET', '/own/challenge', [told(401, 'WWW-Authenticate: Basic realm="a"\r\n')]),
  ask('peer.test', 'GET', '/off/challenge', [told(401, 'WWW-Authenticate: Basic realm="a"\r\n')]),
  ask('peer.test', 'GET', '/forms/fields', [
    told(403, 'X-Peer: 1\r\nSet-Cookie: a=b\r\nWWW-Authenticate: x\r\n'),
  ]),
  ask('peer.test', 'GET', '/forms/moved', [told(302, 'Location: http://z.test/\r\n')]),
  ask('peer.test', 'GET', '/forms/moved', [told(307, 'Location: http://z.test/\r\n')]),
  ask('peer.test', 'GET', '/static/x', [told(404)]),
  ask('peer.test', 'GET', '/static/x', [told(404), 'Range: bytes=0-3']),
  ask('peer.test', 'HEAD', '/static/x', [told(404, '', '')]),
  ask('peer.test', 'GET', '/again/x', [told(404)]),
  ask('peer.test', 'POST', '/again/x', [told(404)]),
]);

const LONG = 'a'.repeat(9000);
const raw = (name: string, bytes: string) => ({ name, bytes });

describeTable('error_page of requests that go wrong', requests, [
  raw('no request line', 'nonsense\r\n\r\n'),
  raw('no host', 'GET /small.txt HTTP/1.1\r\n\r\n'),
  raw('two hosts', 'GET /small.txt HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n'),
  raw('bad length', 'GET /small.txt HTTP/1.1\r\nHost: default.test\r\nContent-Length: x\r\n\r\n'),
  raw('bad path', 'GET /../../x HTTP/1.1\r\nHost: default.test\r\nConnection: close\r\n\r\n'),
  raw('bad percent', 'GET /%zz HTTP/1.1\r\nHost: default.test\r\nConnection: close\r\n\r\n'),
  raw('long line', `GET /${LONG} HTTP/1.1\r\nHost: default.test\r\nConnection: close\r\n\r\n`),
  raw('long field', `GET / HTTP/1.1\r\nHost: default.test\r\nX: ${LONG}\r\nConnection: close\r\n\r\n`),
  ...['/', '/small.txt', '/to/small.txt', '/mark/small.txt', '/redirect/x', '/large/x', '/page'].flatMap(
    (target) => [ask('default.test', 'POST', target), ask('default.test', 'PUT', target)],
  ),
  ...['/small.txt', '/to/small.txt', '/mark/small.txt', '/large/small.txt'].flatMap((target) =>
    [
      ['Range: bytes=100-'],
      ['Range: bytes=0-3'],
      ['If-Match: "x"'],
      ['If-Unmodified-Since: Tue, 14 Nov 2000 22:13:20 GMT'],
    ]
      .concat([
        ['If-Match: "x"', 'Range: bytes=100-'],
        ['Range: bytes=100-', 'If-Range: "x"'],
      ])
      .flatMap((lines) => [
        ask('default.test', 'GET', target, lines),
        ask('default.test', 'HEAD', target, lines),
      ]),
  ),
  ...['/expires/x', '/expires-to/x'].flatMap((target) => [
    ask('default.test', 'GET', target),
    ask('default.test', 'HEAD', target),
  ]),
  ...['/', '/small.txt', '/redirect/x', '/large/x'].map((target) =>
    kept(ask('default.test', 'POST', target)),
  ),
  kept(ask('default.test', 'GET', '/to/small.txt', ['Range: bytes=100-'])),
  kept(ask('default.test', 'GET', '/mark/small.txt', ['If-Match: "x"'])),
  ask('plainmax.test', 'POST', '/x'),
  ask('plainmax.test', 'POST', '/up/x'),
  ask('unknown.test', 'POST', '/x'),
]);
