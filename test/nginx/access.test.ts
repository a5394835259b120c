// allow and deny, auth_basic, satisfy and limit_except, beside nginx.
import { ask, describeTable, type TablePlaces } from './request-table.ts';
import { writeUserFiles } from './user-files.ts';

const users = writeUserFiles();

const server = (name: string, root: string, text: string): string =>
  `server { listen 127.0.0.1:{port}; listen [::1]:{port}; server_name ${name}.test; root ${root}; ${text} }\n`;

const RULES: Readonly<Record<string, string>> = {
  none: '',
  all: 'allow all;',
  nobody: 'deny all;',
  me: 'allow 127.0.0.1; deny all;',
  other: 'allow 127.0.0.2; deny all;',
  'not-me': 'deny 127.0.0.1;',
  'first-wins': 'allow 127.0.0.1; deny 127.0.0.0/8;',
  'first-denies': 'deny 127.0.0.0/8; allow 127.0.0.1;',
  net8: 'allow 127.0.0.0/8; deny all;',
  net31: 'allow 127.0.0.2/31; deny all;',
  low: 'allow 127.1.2.3/8; deny all;',
  net0: 'deny 0.0.0.0/0;',
  v6only: 'allow ::1; deny all;',
  'v6-denied': 'deny ::1;',
  'v6-net': 'deny ::/0;',
  'v6-127': 'deny ::/127;',
  'v6-128': 'deny ::2/128;',
  unix: 'allow unix:; deny all;',
  'not-unix': 'deny unix:;',
};

function rules({ root, peer }: TablePlaces): string {
  const locations = Object.entries(RULES).map(
    ([name, text]) =>
      `location /${name}/ { ${text} alias ${root}/; location /${name}/in/ { } location /${name}/own/ { allow all; } }`,
  );
  return (
    server(
      'rules',
      root,
      `${locations.join('\n')}
    location /return/ { deny all; return 200 "before"; }
    location /rewrite/ { deny all; rewrite ^ /all/small.txt last; }
    location /proxy/ { deny all; proxy_pass http://${peer}; }
    location /page/ { deny all; error_page 403 /reason; }
    location /page-named/ { deny all; error_page 403 =200 @reason; }
    location /page-denied/ { deny all; error_page 403 /nobody/page; }
    location /reason { return 200 "reason $uri"; }
    location @reason { return 200 "reason $uri"; }
    location /try/ { deny all; try_files /small.txt =404; }
    location /into/ { try_files /none /nobody/x; }
    location /if/ { deny 127.0.0.1; if ($arg_a) { set $x 1; } }`,
    ) +
    server(
      'outer',
      root,
      `deny all; location /in/ { return 204; } location /own/ { allow all; alias ${root}/; }`,
    ) +
    server('inif', root, `deny all; if ($arg_a) { return 418; } location = / { allow 127.0.0.1; }`)
  );
}

function basic({ root, peer }: TablePlaces): string {
  const files = users.names.map(
    (name) => `location /${name}/ { auth_basic_user_file ${users.path(name)}; alias ${root}/; }`,
  );
  return (
    server(
      'basic',
      root,
      `auth_basic "the realm"; auth_basic_user_file ${users.path('plain')};
    ${files.join('\n')}
    location /off/ { auth_basic off; alias ${root}/; }
    location /realm/ { auth_basic 'a "realm" \\ of $host$arg_r'; return 404; location /realm/in/ { } }
    location /realm-var/ { auth_basic $arg_r; alias ${root}/; }
    location /missing/ { auth_basic_user_file ${users.path('missing')}; }
    location /directory/ { auth_basic_user_file ${root}; }
    location /by-host/ { auth_basic_user_file ${users.dir}/$arg_f; alias ${root}/; }
    location /proxy/ { proxy_set_header X-User $remote_user; proxy_pass http://${peer}; }
    location /return/ { return 200 "[$remote_user]"; }
    location /page/ { error_page 401 /reason; alias ${root}/; }
    location /page-own/ { error_page 401 = /open; }
    location /page-200/ { error_page 401 =200 /open; }
    location /page-url/ { error_page 401 http://x.test/login; }
    location /page-named/ { error_page 401 @open; }
    location /reason { }
    location /open { auth_basic off; return 200 "open [$remote_user]"; }
    location @open { auth_basic off; return 200 "open [$remote_user]"; }
    location /try/ { try_files /small.txt =404; }`,
    ) +
    server(
      'half',
      root,
      `auth_basic "only the realm"; location /file/ { auth_basic_user_file ${users.path('plain')}; alias ${root}/; }`,
    ) +
    server(
      'open',
      root,
      `location / { return 200 "[$remote_user] $http_authorization"; } location /f/ { auth_basic_user_file ${users.path('plain')}; alias ${root}/; }`,
    )
  );
}

const ACCESS = { no: '', yes: 'allow all;', deny: 'deny all;', other: 'deny 127.0.0.2;' } as const;
const AUTH = {
  no: '',
  basic: `auth_basic r; auth_basic_user_file ${users.path('plain')};`,
  missing: `auth_basic r; auth_basic_user_file /none;`,
} as const;

function satisfied({ root, peer }: TablePlaces): string {
  const locations = (['all', 'any'] as const).flatMap((satisfy) =>
    Object.entries(ACCESS).flatMap(([access, rule]) =>
      Object.entries(AUTH).map(
        ([auth, text]) =>
          `location /${satisfy}-${access}-${auth}/ { satisfy ${satisfy}; ${rule} ${text} alias ${root}/; }`,
      ),
    ),
  );
  return (
    server(
      'satisfy',
      root,
      `${locations.join('\n')}
      location /any-page/ { satisfy any; deny all; ${AUTH.basic} error_page 401 403 = /reason; }
      location /reason { return 200 "reason $status"; }
      location /any-off/ { satisfy any; deny all; auth_basic off; auth_basic_user_file ${users.path('plain')}; alias ${root}/; }
      location /any-var/ { satisfy any; deny all; auth_basic $arg_r; auth_basic_user_file ${users.path('plain')}; alias ${root}/; }
      location /any-try/ { satisfy any; deny all; ${AUTH.basic} try_files /none =404; }`,
    ) +
    server(
      'limit',
      root,
      `location /get/ { limit_except GET { deny all; } proxy_pass http://${peer}/base/; }
      location /post/ { limit_except POST { deny all; } alias ${root}/; }
      location /head/ { limit_except HEAD { deny all; } alias ${root}/; }
      location /several/ { limit_except get POST options { deny all; } proxy_pass http://${peer}; }
      location /auth/ { limit_except GET { ${AUTH.basic} } proxy_pass http://${peer}; }
      location /pass/ { limit_except GET { proxy_pass http://${peer}; } alias ${root}/; }
      location /script/ { limit_except GET { allow all; } return 200 "script"; }
      location /rewrite/ { limit_except GET { allow all; } rewrite ^ /post/small.txt last; }
      location /try/ { limit_except GET { allow all; } try_files /small.txt =404; }
      location /denied/ { deny all; limit_except GET { allow all; } proxy_pass http://${peer}; }
      location /inherits/ { deny all; limit_except GET { auth_basic off; } proxy_pass http://${peer}; }
      location /satisfy/ { satisfy any; limit_except GET { deny all; ${AUTH.basic} } proxy_pass http://${peer}; }
      location /page/ { error_page 403 /reason; limit_except GET { deny all; } alias ${root}/; }
      location /page-here/ { error_page 403 /page-here/small.txt; limit_except GET { deny all; } alias ${root}/; }
      location /max/ { client_max_body_size 5; limit_except GET { deny all; } alias ${root}/; }
      location /internal/ { internal; limit_except GET { deny all; } alias ${root}/; }
      location /outer/ { limit_except GET { deny all; } alias ${root}/; location /outer/in/ { proxy_pass http://${peer}; } }
      location ~ ^/regex/(.*)$ { limit_except GET { deny all; } alias ${root}/$1; }
      location @reason { limit_except POST { deny all; } proxy_pass http://${peer}; }
      location /to-named/ { error_page 404 @reason; alias ${root}/none/; limit_except GET { allow all; } }
      location /reason { return 200 "reason $request_method"; }`,
    )
  );
}

const login = (user: string, password: string): string =>
  `Authorization: Basic ${Buffer.from(`${user}:${password}`, 'latin1').toString('base64')}`;
const get = (host: string, ...targets: readonly string[]) =>
  targets.map((target) => ask(`${host}.test`, 'GET', target));

describeTable('allow and deny', rules, [
  ...Object.keys(RULES).flatMap((name) =>
    get('rules', `/${name}/small.txt`, `/${name}/in/small.txt`, `/${name}/own/small.txt`),
  ),
  ...get(
    'rules',
    '/return/',
    '/rewrite/',
    '/proxy/',
    '/page/',
    '/page-named/',
    '/page-denied/',
    '/try/',
    '/into/',
    '/if/small.txt',
    '/if/x?a=1',
  ),
  ...get('outer', '/', '/in/', '/own/small.txt'),
  ...get('inif', '/', '/small.txt', '/small.txt?a=1', '/?a=1'),
  ...Object.keys(RULES).map((name) => {
    const one = ask('rules.test', 'GET', `/${name}/small.txt`);
    return { ...one, name: `${one.name} over IPv6`, to: '::1' };
  }),
  ask('rules.test', 'HEAD', '/nobody/small.txt'),
  ask('rules.test', 'POST', '/nobody/small.txt'),
  ask('rules.test', 'POST', '/page/x'),
]);

const FIELDS: readonly string[] = [
  login('ann', 'secret'),
  login('ann', 'wrong'),
  login('bob', 'secret'),
  login('ann', ''),
  login('', 'secret'),
  login('ann', 'sec:ret'),
  login('ann', 'secret\0more'),
  `Authorization: basic   ${Buffer.from('ann:secret').toString('base64')}`,
  `Authorization: BASIC ${Buffer.from('ann:secret').toString('base64')}=`,
  'Authorization: Basic',
  'Authorization: Basic ',
  'Authorization: Basic !!!',
  'Authorization: Basic YW5u',
  'Authorization: Basic a',
  'Authorization: Bearer x',
  `Authorization: Basic ${Buffer.from('ann:secret').toString('base64url')}`,
  `Authorization: Basic ${Buffer.from('ann:secret').toString('base64')} `,
];

describeTable('auth_basic', basic, [
  ...get(
    'basic',
    '/',
    '/small.txt',
    '/off/small.txt',
    '/realm/',
    '/realm/in/',
    '/realm/?r=x',
    '/realm-var/small.txt?r=off',
  )
    .concat(
      get(
        'basic',
        '/realm-var/small.txt?r=other',
        '/realm-var/x',
        '/missing/',
        '/directory/',
        '/proxy/x',
        '/return/',
      ),
    )
    .concat(
      get('basic', '/page/', '/page-own/', '/page-200/', '/page-url/', '/page-named/', '/try/', '/open'),
    )
    .concat(get('half', '/', '/small.txt', '/file/small.txt'), get('open', '/', '/f/small.txt')),
  ...users.names.flatMap((name) =>
    users
      .logins(name)
      .map(([user, password]) => ask('basic.test', 'GET', `/${name}/small.txt`, [login(user, password)])),
  ),
  ...FIELDS.flatMap((line) => [
    ask('basic.test', 'GET', '/small.txt', [line]),
    ask('open.test', 'GET', '/x', [line]),
  ]),
  ...[
    '/missing/',
    '/directory/',
    '/proxy/x',
    '/return/',
    '/page/small.txt',
    '/page-own/',
    '/try/',
    '/by-host/small.txt?f=plain',
  ]
    .concat(['/by-host/small.txt?f=none', '/realm-var/small.txt?r=x'])
    .flatMap((target) => [
      ask('basic.test', 'GET', target, [login('ann', 'secret')]),
      ask('basic.test', 'GET', target, [login('ann', 'no')]),
    ]),
  ask('basic.test', 'HEAD', '/small.txt'),
  ask('basic.test', 'POST', '/page-own/'),
  ask('half.test', 'GET', '/file/small.txt', [login('ann', 'secret')]),
  ask('basic.test', 'GET', '/small.txt', [login('ann', 'secret'), 'Range: bytes=0-3']),
]);

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'PURGE', 'FOO_BAR'];

describeTable('satisfy and limit_except', satisfied, [
  ...(['all', 'any'] as const).flatMap((satisfy) =>
    Object.keys(ACCESS).flatMap((access) =>
      Object.keys(AUTH).flatMap((auth) =>
        [[], [login('ann', 'secret')], [login('ann', 'wrong')]].map((lines) =>
          ask('satisfy.test', 'GET', `/${satisfy}-${access}-${auth}/small.txt`, lines),
        ),
      ),
    ),
  ),
  ...[
    '/any-page/',
    '/any-off/small.txt',
    '/any-var/small.txt?r=off',
    '/any-var/small.txt?r=x',
    '/any-try/',
  ].flatMap((target) =>
    [[], [login('ann', 'secret')], [login('ann', 'wrong')]].map((lines) =>
      ask('satisfy.test', 'GET', target, lines),
    ),
  ),
  ...[
    'get',
    'post',
    'head',
    'several',
    'auth',
    'pass',
    'script',
    'rewrite',
    'try',
    'denied',
    'inherits',
    'satisfy',
    'page',
  ]
    .concat(['page-here', 'max', 'internal', 'outer', 'outer/in', 'regex', 'to-named'])
    .flatMap((place) => METHODS.map((method) => ask('limit.test', method, `/${place}/small.txt`))),
  ...['auth', 'satisfy'].flatMap((place) =>
    ['GET', 'POST'].map((method) => ask('limit.test', method, `/${place}/x`, [login('ann', 'secret')])),
  ),
]);
