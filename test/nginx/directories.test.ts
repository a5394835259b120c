// autoindex and random_index beside nginx: every format, sorting, escapes, sizes, times, and what filters make of the list.
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask, describeTable, kept } from './request-table.ts';

const dir = realpathSync(mkdtempSync(join(tmpdir(), 'lbproxy-lists-')));
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));

const put = (name: string, content: string | Buffer, seconds = 1_700_000_000): void => {
  const path = Buffer.from(join(dir, name), 'latin1');
  writeFileSync(path, content);
  utimesSync(path, seconds, seconds);
};

const utf8 = (text: string): string => Buffer.from(text, 'utf8').latin1Slice();

for (const name of ['plain', 'empty', 'plain/sub', 'plain/Zed', 'names', 'sizes', 'one', 'noread', 'idx'])
  mkdirSync(join(dir, name));
for (const name of ['b.txt', 'a.txt', 'A.txt', '.hidden', 'z', '1']) put(`plain/${name}`, name);
utimesSync(join(dir, 'plain/sub'), 1_500_000_000, 1_500_000_000);
utimesSync(join(dir, 'plain/Zed'), 1_500_000_000, 1_500_000_000);
symlinkSync('a.txt', join(dir, 'plain/link'));
symlinkSync('nowhere', join(dir, 'plain/dangling'));
symlinkSync('sub', join(dir, 'plain/dirlink'));
execFileSync('touch', ['-h', '-d', '@1600000000', join(dir, 'plain/dangling')]);
execFileSync('mkfifo', [join(dir, 'plain/fifo')]);
utimesSync(join(dir, 'plain/fifo'), 1_600_000_000, 1_600_000_000);
for (const length of [46, 47, 48, 49, 50, 51, 60, 200]) {
  put(`names/${'x'.repeat(length)}`, '');
  put(`names/${'<'.repeat(length)}`, '');
  if (length < 110) put(`names/${utf8('ж'.repeat(length))}`, '');
  put(`names/d${'\xe9'.repeat(length)}`, '');
  mkdirSync(join(dir, `names/dir${'y'.repeat(length - 3)}`));
  utimesSync(join(dir, `names/dir${'y'.repeat(length - 3)}`), 1_500_000_000, 1_500_000_000);
}
for (const name of [
  'a&b"c<d>',
  'a b',
  'a%b',
  'a?b#c',
  "it's",
  'a\\b',
  'tab\tb',
  'nl\nb',
  'q+&=:;,@',
  utf8('é€😀'),
  '~-._',
  '\x01',
])
  put(`names/${name}`, name);
for (const size of [
  0,
  1,
  9999,
  10_000,
  10_751,
  10_752,
  1024 * 1024 - 1,
  1024 * 1024,
  1.5 * 1024 * 1024 - 1,
  1.5 * 1024 * 1024,
  2 ** 30 - 1,
  2 ** 30,
  2.5 * 2 ** 30,
]) {
  put(`sizes/f${size}`, '');
  truncateSync(join(dir, `sizes/f${size}`), size);
  utimesSync(join(dir, `sizes/f${size}`), size % 86_400_000, size % 86_400_000);
}
put('one/only.txt', 'the only one');
put('one/.not', 'hidden');
put('idx/index.html', 'an index');

const SWITCHES: Readonly<Record<string, string>> = {
  html: '',
  rounded: 'autoindex_exact_size off;',
  local: 'autoindex_localtime on;',
  json: 'autoindex_format json;',
  jsonp: 'autoindex_format jsonp;',
  xml: 'autoindex_format xml;',
  utf: 'charset utf-8;',
  koi: 'charset koi8-r;',
  gzip: 'gzip on; gzip_min_length 1; gzip_types *; gzip_vary on;',
  added: 'add_header X-A b always; expires 1h; add_before_body /text;',
  sub: 'sub_filter a.txt REPLACED; sub_filter_once off;',
  page: 'error_page 404 403 = /text; autoindex_format json;',
};

const locations = Object.entries(SWITCHES)
  .map(([name, text]) => `location /${name}/ { ${text} alias ${dir}/; autoindex on; }`)
  .join('\n');

const configuration = (): string => `server { listen {port}; server_name ref.example; ${locations}
  location = /text { return 200 "a text"; }
  location /off/ { alias ${dir}/; }
  location /random/ { alias ${dir}/; random_index on; }
  location /bare/ { alias ${dir}/plain; autoindex on; }
  location /bare-random/ { alias ${dir}/one; random_index on; }
  location /both/ { alias ${dir}/; random_index on; autoindex on; }
  location ~ ^/re/(.*)$ { alias ${dir}/$1; autoindex on; }
  location /instead/ { error_page 404 /html/plain/; return 404; }
  location /root/ { root ${dir}; autoindex on; rewrite ^/root(/.*)$ $1 break; }
  location /included/ { ssi on; default_type text/html; return 200 '[<!--#include virtual="/json/plain/" -->]'; }
}`;

const PLACES = [
  'plain/',
  'empty/',
  'names/',
  'sizes/',
  'idx/',
  'nowhere/',
  'plain/a.txt/',
  'plain',
  'plain/dirlink/',
];
const CALLBACKS = [
  'callback=f',
  'callback=',
  'callback',
  'CALLBACK=a.b_1',
  'callback=a%20b',
  'callback=a-b',
  `callback=${'a'.repeat(128)}`,
  `callback=${'a'.repeat(129)}`,
  'x=1&callback=z',
];

const cases = [
  ...Object.keys(SWITCHES).flatMap((name) =>
    PLACES.map((place) => ask('ref.example', 'GET', `/${name}/${place}`)),
  ),
  ...Object.keys(SWITCHES).flatMap((name) =>
    ['HEAD', 'POST', 'PUT'].map((method) => ask('ref.example', method, `/${name}/plain/`)),
  ),
  ...Object.keys(SWITCHES).flatMap((name) =>
    [
      'Range: bytes=0-9',
      'If-None-Match: *',
      'If-Match: "a"',
      'If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT',
    ].map((line) => ask('ref.example', 'GET', `/${name}/plain/`, [line])),
  ),
  ...CALLBACKS.map((args) => ask('ref.example', 'GET', `/jsonp/plain/?${args}`)),
  ...[
    '/off/plain/',
    '/random/one/',
    '/random/one/?a=1',
    '/random/empty/',
    '/both/empty/',
    '/both/one/',
    '/random/nowhere/',
    '/bare/',
    '/bare-random/',
    '/re/plain/',
    '/instead/',
    '/root/plain/',
    '/included/',
  ].flatMap((target) => [
    ask('ref.example', 'GET', target),
    ask('ref.example', 'HEAD', target),
    kept(ask('ref.example', 'GET', target)),
  ]),
];

describeTable('autoindex and random_index', configuration, cases);
