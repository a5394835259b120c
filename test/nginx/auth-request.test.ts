// auth_request beside nginx: who is let in, what the peers see, and which variables come of the subrequest's answer.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFiles, TYPES_BLOCK } from '../serve/site.ts';
import { nginxVersion } from '../support/nginx.ts';
import type { TestPeer } from '../support/upstream.ts';
import { startEchoPeer } from './echo-peer.ts';
import { askBoth, type Pair, request, startPair } from './pair.ts';

const STATUSES = [200, 201, 204, 299, 301, 302, 400, 401, 402, 403, 404, 413, 418, 500, 502, 503];

function configuration(root: string, peer: string): string {
  const byStatus = STATUSES.map(
    (status) => `location /by/${status}/ { auth_request /auth/${status}; }
      location = /auth/${status} { return ${status}; }`,
  ).join('\n');
  return `proxy_http_version 1.1; default_type text/plain; ${TYPES_BLOCK}
    log_format mine '$status $request $uri $who';
    server { listen {port}; server_name ref.example; root ${root}; access_log {dir}/access.log mine;
      auth_request_set $who '';
      ${byStatus}
      location /proxied/ { auth_request /to-auth; auth_request_set $who $upstream_http_x_method; proxy_pass http://${peer}/base/; proxy_set_header X-Who $who; }
      location = /to-auth { internal; proxy_pass http://${peer}/asked; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_set_header X-Original $request_uri; }
      location /plain/ { auth_request /to-plain; proxy_pass http://${peer}; }
      location /to-plain { proxy_pass http://${peer}; }
      location /off/ { auth_request off; return 200 "off $uri"; }
      location /text/ { auth_request /auth/403; return 200 "rewrite comes first"; }
      location /login/ { auth_request /auth/401; error_page 401 = /login-page; }
      location /login-page { return 200 "login $request_uri $uri $status"; }
      location /forbidden/ { auth_request /auth/403; error_page 403 @other; }
      location @other { return 200 "other $request_uri $uri"; }
      location /missing/ { auth_request /nowhere; }
      location /nested/ { auth_request /nested/inner; }
      location /file/ { auth_request /small.txt; alias ${root}/; }
      location /set/ { auth_request /set-auth; auth_request_set $who "$uri $made $status"; proxy_pass http://${peer}/base/; proxy_set_header X-Who "$who $made"; }
      location /set-args/ { auth_request /set-auth; auth_request_set $args "of=$uri&$status"; proxy_pass http://${peer}/base/; }
      location /set-rate/ { auth_request /set-auth; auth_request_set $limit_rate nonsense; auth_request_set $limit_rate 10k; return 204 $limit_rate; alias ${root}/; }
      location /set-auth { set $made "by $uri"; return 204; }
      location /length/ { auth_request /auth-gz; auth_request_set $length $sent_http_content_length; alias ${root}/; add_header X-Length "[$length]"; }
      location = /auth-gz { gunzip on; gzip_static always; }
      location /length-plain/ { auth_request /small.txt; auth_request_set $length $sent_http_content_length; alias ${root}/; add_header X-Length "[$length]"; }
      location /silent/ { auth_request /drops; }
      location /drops { return 444; }
    }`;
}

const TARGETS = [
  ...STATUSES.map((status) => `/by/${status}/small.txt`),
  ...[
    '/proxied/x',
    '/set-args/x',
    '/set-args/x?a=1',
    '/set-rate/small.txt',
    '/proxied/x?a=1',
    '/plain/x',
    '/plain/x%20y?b',
    '/off/x',
    '/text/x',
    '/login/x',
    '/forbidden/x?q',
  ],
  ...[
    '/missing/x',
    '/nested/x',
    '/file/small.txt',
    '/file/nothing',
    '/file/',
    '/set/x',
    '/length/small.txt',
    '/length-plain/small.txt',
    '/to-auth',
    '/auth/401',
  ],
];

describe.skipIf(nginxVersion === '')('auth_request', () => {
  const files = makeFiles();
  let peer: TestPeer;
  let pair: Pair;
  beforeAll(async () => {
    writeFileSync(join(files.root, 'auth-gz.gz'), gzipSync('x'.repeat(99)));
    peer = await startEchoPeer();
    pair = await startPair(configuration(files.root, peer.address));
  });
  afterAll(async () => {
    await pair?.close();
    await peer?.close();
    files.remove();
  });

  describe.each(['GET', 'HEAD', 'POST'])('%s', (method) => {
    // nginx sends the peer of /to-plain a length without its body, and waits for ever.
    const targets = TARGETS.filter((target) => method !== 'POST' || !target.startsWith('/plain/'));
    it.each(targets)('%s', async (target) => {
      const body = method === 'POST' ? 'a=body' : '';
      const lines = method === 'POST' ? ['Content-Length: 6'] : [];
      const { nginx, lbproxy } = await askBoth(pair, request(method, target, lines, body));
      expect(lbproxy).toEqual(nginx);
    });
  });
});
