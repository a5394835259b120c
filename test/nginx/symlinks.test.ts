// disable_symlinks beside nginx: on, if_not_owner, from=, for files, indexes, try_files, compressed files and lists.
import {
  lchownSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask, describeTable } from './request-table.ts';

const dir = realpathSync(mkdtempSync(join(tmpdir(), 'lbproxy-links-')));
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));

for (const name of ['real', 'real/in', 'real/idx']) mkdirSync(join(dir, name));
for (const name of [
  'real/file.txt',
  'real/file.txt.gz',
  'real/in/file.txt',
  'real/idx/index.html',
  'top.txt',
]) {
  writeFileSync(join(dir, name), `this is ${name}`);
  utimesSync(join(dir, name), 1_700_000_000, 1_700_000_000);
}
symlinkSync('real', join(dir, 'dirlink'));
symlinkSync('file.txt', join(dir, 'real/link.txt'));
symlinkSync('../top.txt', join(dir, 'real/in/up.txt'));
symlinkSync('nowhere', join(dir, 'real/dangling'));
symlinkSync('in', join(dir, 'real/inlink'));
symlinkSync('index.html', join(dir, 'real/idx/link.html'));
symlinkSync('file.txt', join(dir, 'real/other.txt'));
const isRoot = process.getuid?.() === 0;
// Somebody else's link to root's file.
if (isRoot) lchownSync(join(dir, 'real/other.txt'), 12_345, 12_345);

const RULES: Readonly<Record<string, string>> = {
  off: 'disable_symlinks off;',
  on: 'disable_symlinks on;',
  owner: 'disable_symlinks if_not_owner;',
  from: `disable_symlinks on from=${dir}/dirlink;`,
  slash: `disable_symlinks on from=${dir}/dirlink/;`,
  var: 'disable_symlinks on from=$document_root;',
  part: `disable_symlinks on from=${dir}/dir;`,
  other: 'disable_symlinks on from=/elsewhere;',
};

const ROOTS = { real: 'real', linked: 'dirlink' };

const configuration = (): string => {
  const locations = Object.entries(RULES).flatMap(([rule, text]) =>
    Object.entries(ROOTS).flatMap(([name, root]) => [
      `location /${rule}/${name}/ { ${text} alias ${dir}/${root}/; index no.html link.html index.html; }`,
      `location /${rule}-try/${name}/ { ${text} root ${dir}/${root}; rewrite ^/[^/]*/[^/]*(/.*)$ $1 break; try_files $uri $uri/ =418; }`,
      `location /${rule}-gz/${name}/ { ${text} gzip_static always; alias ${dir}/${root}/; }`,
      `location /${rule}-list/${name}/ { ${text} autoindex on; autoindex_format json; alias ${dir}/${root}/; error_page 403 =200 /denied; }`,
    ]),
  );
  return `server { listen {port}; server_name ref.example; ${locations.join('\n')} location = /denied { return 200 "denied"; } }`;
};

const FILES = [
  'file.txt',
  'link.txt',
  'other.txt',
  'dangling',
  'in/file.txt',
  'inlink/file.txt',
  'inlink',
  'inlink/',
  'idx/',
  'in/',
  'nowhere',
  'file.txt/x',
];

const cases = Object.keys(RULES).flatMap((rule) =>
  Object.keys(ROOTS).flatMap((root) =>
    ['', '-try', '-gz', '-list'].flatMap((kind) =>
      (kind === '-list' ? ['idx/', 'inlink/', 'idx'] : FILES).map((file) =>
        ask('ref.example', 'GET', `/${rule}${kind}/${root}/${file}`),
      ),
    ),
  ),
);

describeTable('disable_symlinks', configuration, [
  ...cases,
  ...['/on/real/file.txt', '/on/real/link.txt', '/owner/real/link.txt'].flatMap((target) => [
    ask('ref.example', 'HEAD', target),
    ask('ref.example', 'GET', target, ['Range: bytes=1-3']),
    // A copy that another location has made says nothing here.
    ask('ref.example', 'GET', target.replace(/^\/\w+/, '/off')),
    ask('ref.example', 'GET', target),
  ]),
]);
