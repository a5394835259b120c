// 100 Continue: who gets it, where a peer or a cache answers, and whether the request has a body at all.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import type { TestPeer } from '../support/upstream.ts';
import { startEchoPeer } from './echo-peer.ts';
import { askBoth, type Pair, request, startPair } from './pair.ts';

const configuration = (peer: string): string => `proxy_cache_path {dir}/cache keys_zone=one:1m;
  server { listen {port}; server_name ref.example; proxy_http_version 1.1; add_header X-Cache $upstream_cache_status;
    location /refused { deny all; }
    location /proxy { proxy_pass http://${peer}; }
    location /stream { proxy_request_buffering off; proxy_pass http://${peer}; }
    location /bare { proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_pass http://${peer}; }
    location /own { proxy_set_body own; proxy_pass http://${peer}; }
    location /hit { proxy_cache one; proxy_cache_methods GET HEAD POST; proxy_cache_key $uri; proxy_cache_valid any 1h; proxy_pass http://${peer}; }
    location /hit-stream { proxy_request_buffering off; proxy_cache one; proxy_cache_methods GET HEAD POST; proxy_cache_key $uri; proxy_cache_valid any 1h; proxy_pass http://${peer}; }
    location /hit-bare { proxy_pass_request_body off; proxy_cache one; proxy_cache_methods GET HEAD POST; proxy_cache_key $uri; proxy_cache_valid any 1h; proxy_pass http://${peer}; }
    location /again { error_page 502 = /hit; proxy_pass http://127.0.0.1:1; }
    location /mirror { mirror /proxy; empty_gif; }
    location /dead { proxy_pass http://127.0.0.1:1; }
    location /mirrored { mirror /proxy; proxy_pass http://${peer}; }
    location /page { error_page 418 = /proxy; return 418; }
  }`;

const PLACES = [...configuration('').matchAll(/location (\/[a-z-]+) /g)].map(([, place]) => place);
const BODIES: Readonly<Record<string, readonly [lines: readonly string[], body: string]>> = {
  none: [[], ''],
  'length 0': [['Content-Length: 0'], ''],
  'three bytes': [['Content-Length: 3'], 'abc'],
  chunked: [['Transfer-Encoding: chunked'], '3\r\nabc\r\n0\r\n\r\n'],
  'no chunk': [['Transfer-Encoding: chunked'], '0\r\n\r\n'],
};
const CASES = PLACES.flatMap((place) =>
  ['GET', 'POST', 'HEAD'].flatMap((method) =>
    Object.keys(BODIES).map((body) => [method, place, body] as const),
  ),
);

describe.skipIf(nginxVersion === '')('Expect: 100-continue', () => {
  let peer: TestPeer;
  let pair: Pair;
  beforeAll(async () => {
    peer = await startEchoPeer();
    pair = await startPair(configuration(peer.address));
    for (const place of PLACES.filter((each) => each.startsWith('/hit')))
      await askBoth(pair, request('GET', place));
  });
  afterAll(async () => {
    await pair?.close();
    await peer?.close();
  });

  it.each(CASES)('%s %s, %s', async (method, place, name) => {
    const [lines, body] = BODIES[name];
    const { nginx, lbproxy } = await askBoth(
      pair,
      request(method, place, ['Expect: 100-continue', ...lines], body),
    );
    expect(lbproxy).toEqual(nginx);
  });
});
