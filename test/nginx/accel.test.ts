// X-Accel-Redirect and its kin beside nginx: another location answers in the place of the peer's answer, whose fields it keeps in part.
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import type { TestPeer } from '../support/upstream.ts';
import { startAccelPeer, wanted } from './accel-peer.ts';
import { askBoth, expectSameLog, type Pair, request, startPair } from './pair.ts';

const KEPT = [
  'Content-Type: text/x-own; charset=koi8-r',
  'Set-Cookie: a=1',
  'Set-Cookie: b=2; Path=/',
  'Content-Disposition: attachment; filename="x y.txt"',
  'Cache-Control: private',
  'Cache-Control: max-age=7',
  'Expires: Thu, 01 Jan 2037 00:00:00 GMT',
];
const LEFT = [
  'Last-Modified: Mon, 02 Jan 2006 15:04:05 GMT',
  'ETag: "peer"',
  'X-Own: 1',
  'Vary: Accept',
  'Content-Language: de',
  'Content-Encoding: x-own',
  'Location: /elsewhere',
  'WWW-Authenticate: Basic realm=x',
  'Link: </a>; rel=preload',
];
const ALL = [...KEPT, ...LEFT];

const TARGETS = [
  '/files/a.txt',
  '/files/a.txt?x=1',
  '/files/none.txt',
  '/files/%61.txt',
  '/files/%zz.txt',
  '/files/b%20c.txt',
  '/files/b c.txt',
  '/files/../secret',
  '/files/%2e%2e/secret',
  '/files/..',
  '..',
  '?x',
  '/files//a.txt',
  '/text',
  '/text?y',
  '/typed',
  '/moved',
  '/denied',
  '/internal-text',
  '@named',
  '@nowhere',
  '/second/plain',
  '/vars?q=1',
  '/rewritten/a.txt',
  'files/a.txt',
];

describe.skipIf(nginxVersion === '')('X-Accel-Redirect beside nginx', () => {
  let peer: TestPeer;
  let pair: Pair;

  beforeAll(async () => {
    peer = await startAccelPeer();
    pair = await startPair(`
      log_format own '$request_method $uri $status $upstream_status';
      upstream p { server ${peer.address}; keepalive 4; }
      server { listen 127.0.0.1:{port}; access_log {dir}/own.log own; root {dir}/root; absolute_redirect off;
        location / { proxy_pass http://p; proxy_http_version 1.1; proxy_set_header Connection ""; }
        location /hidden/ { proxy_pass http://p; proxy_hide_header Set-Cookie; proxy_hide_header X-Own; }
        location /ignored/ { proxy_pass http://p; proxy_ignore_headers X-Accel-Redirect; }
        location /shown/ { proxy_pass http://p; proxy_ignore_headers X-Accel-Redirect; proxy_pass_header X-Accel-Redirect; }
        location /caught/ { proxy_pass http://p; proxy_intercept_errors on; error_page 404 503 /text; }
        location /failed/ { proxy_pass http://127.0.0.1:1; error_page 502 = /again; }
        location = /again { proxy_pass http://p; }
        location /files/ { internal; error_page 404 /missing.txt; }
        location = /missing.txt { internal; }
        location = /text { return 200 "uri=$uri args=$args method=$request_method peer=$upstream_http_x_own"; }
        location = /typed { internal; default_type text/x-typed; return 201 typed; }
        location = /moved { return 301 /there; }
        location = /denied { return 403; }
        location = /internal-text { internal; return 200 "$request_uri"; }
        location /second/ { internal; proxy_pass http://p; }
        location = /vars { return 200 "$args $is_args $arg_q $upstream_http_x_own $upstream_status"; }
        location /rewritten/ { rewrite ^/rewritten/(.*) /files/$1 last; }
        location @named { return 200 "named uri=$uri method=$request_method"; } }`);
    for (const { dir } of [pair.nginx, pair.lbproxy]) {
      mkdirSync(join(dir, 'root/files'), { recursive: true });
      const write = (name: string, text: string): void => {
        const file = join(dir, 'root', name);
        writeFileSync(file, text);
        utimesSync(file, 1_700_000_000, 1_700_000_000);
      };
      write('files/a.txt', '0123456789');
      write('files/b c.txt', 'with a space');
      write('secret', 'secret');
      write('missing.txt', 'missing');
    }
  }, 20_000);
  afterAll(async () => {
    await pair?.close();
    await peer?.close();
  });

  const same = async (text: string): Promise<void> => {
    const { nginx, lbproxy } = await askBoth(pair, text);
    expect(lbproxy).toEqual(nginx);
  };
  const to = (target: string, lines: readonly string[] = ALL): { lines: string[] } => ({
    lines: [`X-Accel-Redirect: ${target}`, ...lines],
  });

  it.each(TARGETS)('to %s', async (target) => {
    await same(request('GET', wanted('/', to(target))));
    await same(request('GET', wanted('/', to(target, []))));
    await same(request('HEAD', wanted('/', to(target))));
    await same(request('POST', wanted('/', to(target)), ['Content-Length: 3'], 'abc'));
  });

  it.each([
    ['Range: bytes=2-4'],
    ['Range: bytes=2-4,6-7'],
    ['Range: bytes=90-'],
    ['If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT'],
    ['If-None-Match: "6553f100-a"'],
    ['If-None-Match: "peer"'],
    ['If-Match: "other"'],
  ])('to a file with %s', async (line) => {
    await same(request('GET', wanted('/', to('/files/a.txt')), [line]));
    await same(request('GET', wanted('/', to('/files/a.txt', ['Accept-Ranges: none'])), [line]));
  });

  it.each(['201 Created', '204 No Content', '302 Found', '304 Not Modified', '404 Not Found', '503 Busy'])(
    'from an answer with %s',
    async (status) => {
      await same(request('GET', wanted('/', { status, ...to('/files/a.txt') })));
      await same(request('GET', wanted('/caught/', { status, ...to('/files/a.txt') })));
      await same(request('GET', wanted('/hidden/', { status, ...to('/text') })));
    },
  );

  it('from an error page, whose status stays', async () => {
    const target = encodeURIComponent(JSON.stringify(to('/text')));
    await same(request('GET', `/failed/?${target}`));
    await same(request('GET', '/failed/'));
  });

  it('through a second peer, whose own fields win', async () => {
    const second = (lines: string[]): string =>
      `/second/?${encodeURIComponent(encodeURIComponent(JSON.stringify({ lines })).replaceAll('%', '%25'))}`;
    await same(request('GET', wanted('/', to(second(['Content-Type: text/second', 'Set-Cookie: c=3'])))));
    await same(
      request(
        'GET',
        wanted(
          '/',
          to(wanted('/second/', { lines: ['Content-Type: text/second', 'Set-Cookie: c=3', 'Expires: 0'] })),
        ),
      ),
    );
    await same(request('GET', wanted('/', to(wanted('/second/', to('/text', ['Set-Cookie: d=4']))))));
  });

  it('in a circle', async () => {
    const circle = wanted('/second/', to('/text'));
    await same(request('GET', wanted('/', to(circle))));
  });

  it.each(['/ignored/', '/shown/'])('is not obeyed in %s', async (path) => {
    await same(request('GET', wanted(path, to('/files/a.txt', ['X-Accel-Buffering: no', 'X-Own: 1']))));
  });

  it.each(['length', 'chunked', 'close'] as const)(
    'from a body by %s, on one connection',
    async (framing) => {
      const one = request('GET', wanted('/', { framing, body: 'x'.repeat(70_000), ...to('/text') }));
      await same(one.replace('Connection: close', 'Connection: keep-alive'));
    },
  );

  it('is logged alike', async () => {
    await expectSameLog(pair, 'own.log', 121);
  });
});
