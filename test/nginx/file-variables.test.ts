// $document_root, $realpath_root, $request_filename and $binary_remote_addr through nginx and through lbproxy, in every kind of location.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import { askBoth, type Pair, request, startPair } from './pair.ts';

const SHOW = '"$document_root|$realpath_root|$request_filename|$uri"';

const configuration = (dir: string): string => `
  map $request_filename $ending { ~\\.txt$ text; default other; }
  map $document_root $which { "${dir}/a" "the a"; default none; }
  server { listen {port}; root ${dir}/a; set $early "$document_root$uri"; set $file $request_filename;
    location /plain { return 200 ${SHOW}; }
    location /server { return 200 "$early $file $ending $which"; }
    location /own/ { root ${dir}/b/; return 200 ${SHOW}; }
    location /link { root ${dir}/link; return 200 ${SHOW}; }
    location /missing { root ${dir}/missing; return 200 ${SHOW}; }
    location /alias/ { alias ${dir}/b/; return 200 ${SHOW}; }
    location /alias/inner/ { return 200 ${SHOW}; }
    location /noslash { alias ${dir}/b; return 200 ${SHOW}; }
    location ~ ^/re/(.*)$ { alias ${dir}/b/$1; return 200 ${SHOW}; }
    location /variable/ { root ${dir}/$arg_d; return 200 ${SHOW}; }
    location /variable-slash/ { root ${dir}/$arg_d/; return 200 ${SHOW}; }
    location /slash { root /; return 200 ${SHOW}; }
    location /front/ { if (-f $request_filename) { return 200 "file $ending"; } if (-d $request_filename) { return 200 directory; }
      rewrite ^ /index.php?q=$uri last; }
    location = /index.php { return 200 "front $uri $args $request_filename"; }
    location /rewritten/ { rewrite ^/rewritten/(.*)$ /plain/$1 break; return 200 ${SHOW}; }
    location /changed/ { alias ${dir}/b/; rewrite ^/changed/(.*)$ /changed/x$1; set $file $request_filename;
      if (-f $request_filename) { return 204; } return 200 "$file $ending ${SHOW.slice(1, -1)}"; }
    location /changed/kept/ { rewrite ^/changed/(.*)$ /changed/x$1; break; return 200 ${SHOW}; }
    location /changed/twice/ { rewrite ^/changed/twice/(.*)$ /changed/by-break/$1; }
    location /changed/by-break/ { rewrite ^/changed/(.*)$ /changed/x$1 break; return 200 ${SHOW}; }
    location /changed/away/ { error_page 302 =200 /changed/shown$request_filename; rewrite ^/changed/(.*)$ /plain/$1 redirect; }
    location /changed/shown { return 200 ${SHOW}; }
    location /changed/page/ { error_page 503 =200 /changed/shown/x; rewrite ^/changed/(.*)$ /plain/$1; return 503; }
    location /changed/round/ { rewrite ^/changed/round/(.*)$ /changed/round/$1x; error_page 500 =200 /plain; }
    location /changed/no/ { rewrite ^/nowhere/(.*)$ /changed/x$1; return 200 ${SHOW}; }
    location ~ ^/changed-re/(.*)$ { alias ${dir}/b/$1; rewrite ^/changed-re/(.*)$ /changed/x$1; return 200 ${SHOW}; }
    location /if { if ($arg_d) { root ${dir}/b; return 200 ${SHOW}; } return 200 ${SHOW}; }
    location /named { return 200 "$which $ending"; }
    location /outer { root ${dir}/b; location /outer/in { return 200 ${SHOW}; } return 200 ${SHOW}; }
    location /address { if ($binary_remote_addr = "\\x7f") { return 500; } return 200 "$binary_remote_addr"; }
  }`;

const TARGETS = [
  '/plain',
  '/plain/x%20y?z',
  '/plain//a/../b',
  '/server',
  '/server/f.txt',
  '/own/x',
  '/link',
  '/missing/x',
  '/alias/',
  '/alias/x/y',
]
  .concat([
    '/alias/inner/x',
    '/noslash',
    '/noslash/x',
    '/noslashx',
    '/re/',
    '/re/x/y.txt',
    '/variable/x?d=a',
    '/variable/x?d=b',
    '/variable/x',
    '/variable/x?d=link',
  ])
  .concat([
    '/variable-slash/x?d=a',
    '/variable-slash/x?d=',
    '/slash',
    '/slash/x',
    '/front/f.txt',
    '/front/g',
    '/front/none',
    '/front/',
    '/front/sub',
    '/index.php',
  ])
  .concat(['/rewritten/x', '/if', '/if?d=1', '/named', '/outer', '/outer/in/x', '/address', '/none'])
  .concat([
    '/changed/y',
    '/changed/kept/y',
    '/changed/twice/y',
    '/changed/by-break/y',
    '/changed/away/y',
    '/changed/shown/y',
  ])
  .concat(['/changed/page/y', '/changed/round/y', '/changed/no/y', '/changed-re/y'])
  .concat(['/plain/é', '/alias/%C3%A9', '/re/%2e%2e/x', '/own/', '/front/f.txt/', '/front/sub/h.txt']);

describe.skipIf(nginxVersion === '')('variables of files', () => {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'lbproxy-files-')));
  let pair: Pair;
  beforeAll(async () => {
    for (const name of ['a/front/sub', 'b']) mkdirSync(join(dir, name), { recursive: true });
    writeFileSync(join(dir, 'a/front/f.txt'), 'f');
    writeFileSync(join(dir, 'a/front/g'), 'g');
    writeFileSync(join(dir, 'a/front/sub/h.txt'), 'h');
    symlinkSync('b', join(dir, 'link'));
    pair = await startPair(configuration(dir));
  });
  afterAll(async () => {
    await pair?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it.each(TARGETS)('%s', async (target) => {
    for (const method of ['GET', 'POST']) {
      const bytes = request(
        method,
        Buffer.from(target, 'utf8').latin1Slice(),
        method === 'POST' ? ['Content-Length: 0'] : [],
      );
      const { nginx, lbproxy } = await askBoth(pair, bytes);
      expect(lbproxy).toEqual(nginx);
    }
  });

  it('the address of each client', async () => {
    for (const localAddress of ['127.0.0.1', '127.1.2.3', '127.255.128.10']) {
      const { nginx, lbproxy } = await askBoth(pair, request('GET', '/address'), { localAddress });
      expect(nginx.body.length).toBe(4);
      expect(lbproxy).toEqual(nginx);
    }
  });
});
