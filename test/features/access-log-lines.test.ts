// What the error log says of clients that allow, deny and auth_basic keep out: nginx's own sentences at its own levels.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Proxy, startProxy } from '../support/proxy.ts';
import { exchangeOnce } from '../support/wire.ts';

const dir = mkdtempSync(join(tmpdir(), 'lbproxy-access-'));
writeFileSync(join(dir, 'users'), 'ann:{PLAIN}secret\n');
const AUTH = `auth_basic r; auth_basic_user_file ${dir}/users;`;

let proxy: Proxy;
beforeAll(async () => {
  proxy = await startProxy(`http { server { listen 127.0.0.1:0;
    location /denied/ { deny all; }
    location /both/ { deny all; ${AUTH} }
    location /any/ { satisfy any; deny all; ${AUTH} }
    location /any-off/ { satisfy any; deny all; }
    location /any-passed/ { satisfy any; deny 127.0.0.1; ${AUTH} return 204; try_files /x =404; }
    location /login/ { ${AUTH} }
    location /missing/ { auth_basic r; auth_basic_user_file ${dir}/none; }
    location /directory/ { auth_basic r; auth_basic_user_file ${dir}; }
    location /limited/ { limit_except GET { deny all; } } } }`);
});
afterAll(async () => {
  await proxy?.close();
  rmSync(dir, { recursive: true, force: true });
});

async function linesOf(target: string, login = '', method = 'GET'): Promise<readonly string[]> {
  const before = proxy.log.length;
  const field =
    login === '' ? '' : `Authorization: Basic ${Buffer.from(login, 'latin1').toString('base64')}\r\n`;
  await exchangeOnce(
    proxy.port,
    `${method} ${target} HTTP/1.1\r\nHost: a\r\n${field}Connection: close\r\n\r\n`,
  );
  return proxy.log.slice(before);
}

const FORBIDDEN = 'error: access forbidden by rule';
const NOBODY = 'info: no user/password was provided for basic authentication';

it.each([
  ['/denied/', '', [FORBIDDEN]],
  ['/both/', '', [FORBIDDEN]],
  ['/any/', '', [NOBODY]],
  ['/any/', 'ann:no', ['error: user "ann": password mismatch']],
  ['/any/x', 'bob:no', [`error: user "bob" was not found in "${dir}/users"`]],
  ['/any-off/', '', [FORBIDDEN]],
  ['/login/', '', [NOBODY]],
  ['/login/x', 'ann:secret', ['no root is configured here']],
  ['/missing/', 'ann:secret', [`error: open() "${dir}/none" failed (2: No such file or directory)`]],
  ['/directory/', 'ann:secret', [`crit: open() "${dir}" failed (21: Is a directory)`]],
] as const)('%s as "%s"', async (target, login, lines) => {
  const told = await linesOf(target, login);
  expect(told).toEqual(lines[0].startsWith('no root') ? [] : lines);
});

it('says it of a method that limit_except keeps out', async () => {
  expect(await linesOf('/limited/', '', 'DELETE')).toEqual([FORBIDDEN]);
  expect(await linesOf('/limited/', '', 'GET')).toEqual([]);
});
