// ignore_invalid_headers, underscores_in_headers and merge_slashes beside nginx: per server, and what the default server decides.
import { ask, describeTable, kept, type TableCase, type TablePlaces } from './request-table.ts';

const SERVERS: Readonly<Record<string, string>> = {
  plain: '',
  under: 'underscores_in_headers on;',
  any: 'ignore_invalid_headers off;',
  both: 'ignore_invalid_headers off; underscores_in_headers on;',
  raw: 'merge_slashes off;',
};

const locations = ({ peer, root }: TablePlaces): string => `
  location /v { return 200 "$http_x_foo|$http__foo|$http_x_dot|$http_foo|$http_x_a_b"; }
  location /peer { proxy_pass http://${peer}; }
  location /files/ { alias ${root}/; }
  location //two { return 200 "two slashes: $uri"; }
  location /two { return 200 "one slash: $uri"; }
  location ~ ^/re(/+)x { return 200 "[$1] $uri $request_uri"; }
  location / { return 200 "$uri|$request_uri|$args"; }
  location /rw { rewrite ^/rw(.*)$ /y$1 last; }`;

const NAMES = [
  'x_foo',
  'X_Foo',
  '_foo',
  'x.dot',
  '.foo',
  'x-a_b',
  'x-foo',
  'foo@bar',
  'foo(bar)',
  '"foo"',
  '</kie>',
  'f\xe9',
  'x_foo.',
  '~',
  'x/y',
  'foo[0]',
];
const BROKEN = [':foo', ' foo', 'foo\x02', 'foo bar', 'foo ', '', '\x7f'];

function around(host: string, target: string, line: string): readonly TableCase[] {
  const before = `GET ${target} HTTP/1.1\r\n${line}\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
  return [
    ask(host, 'GET', target, [line]),
    { name: `${host} ${target} ${JSON.stringify(line)} before Host`, bytes: before },
    {
      name: `${host} ${target} ${JSON.stringify(line)} absolute`,
      bytes: before.replace(target, `http://${host}${target}`),
    },
  ];
}

const hosts = Object.keys(SERVERS).map((name) => `${name}.example`);
const PATHS = [
  ...[
    '//two',
    '/two',
    '///two',
    '//',
    '///',
    '/a//b',
    '/a//',
    '//a',
    '/a//../b',
    '/a//./b',
    '/a/.//b',
    '/a//..',
    '//..',
    '/..',
    '//../..',
    '/a/../..',
  ],
  ...[
    '/re//x',
    '/re///x',
    '/re/x',
    '/re/%2Fx',
    '/rw//a',
    '/rw/a//',
    '/files//small.txt',
    '/files///',
    '/%2f%2fa',
    '/a/%2e%2e//b',
    '//?a=//b',
    '/a//b?c',
  ],
];

const tables = (place: string): readonly TableCase[] => [
  ...hosts.flatMap((host) => NAMES.flatMap((name) => around(host, '/v', `${name}: x-bar`))),
  ...hosts.flatMap((host) => NAMES.map((name) => ask(host, 'GET', '/peer', [`${name}: x-bar`]))),
  ...hosts.flatMap((host) => BROKEN.map((name) => ask(host, 'GET', '/v', [`${name}: x`]))),
  ...hosts.flatMap((host) => PATHS.map((path) => ask(host, 'GET', path))),
  ...hosts.map((host) => kept(ask(host, 'GET', '/v', [`x_foo: ${place}`]))),
];

for (const first of Object.keys(SERVERS))
  describeTable(
    `names of fields, with ${first}.example as the default server`,
    (places) => {
      const order = [first, ...Object.keys(SERVERS).filter((name) => name !== first)];
      return order
        .map(
          (name) =>
            `server { listen {port}; server_name ${name}.example; ${SERVERS[name]} ${locations(places)} }`,
        )
        .join('\n');
    },
    tables(first).filter((_, i) => first === 'plain' || i % 5 === 0),
  );
