// `set $args` decides what the peer is asked for, as in nginx (ngx_http_variable_set_args: the URI as it came no longer holds).
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import type { TestPeer } from '../support/upstream.ts';
import { startEchoPeer } from './echo-peer.ts';
import { askBoth, type Pair, request, startPair } from './pair.ts';

describe.skipIf(nginxVersion === '')('set $args', () => {
  let peer: TestPeer;
  let pair: Pair;
  beforeAll(async () => {
    peer = await startEchoPeer();
    pair = await startPair(`
      server { listen 127.0.0.1:{port};
        location /plain/ { set $args "q=1"; proxy_pass http://${peer.address}; }
        location /more/ { set $args "$args&q=1"; proxy_pass http://${peer.address}; }
        location /uri/ { set $args "q=1"; proxy_pass http://${peer.address}/other/; }
        location /none/ { set $args ""; proxy_pass http://${peer.address}; }
        location /if/ { if ($arg_a) { set $args "q=1"; } proxy_pass http://${peer.address}; }
        location /broken/ { rewrite ^/broken/(.*)$ /r/$1 break; set $args "q=1"; proxy_pass http://${peer.address}/other/; }
      }`);
  });
  afterAll(async () => {
    await pair?.close();
    await peer?.close();
  });

  it.each(
    ['plain', 'more', 'uri', 'none', 'if', 'broken'].flatMap((place) => [
      `/${place}/x?a=b`,
      `/${place}/x`,
      `/${place}/a%20b/./c?a=b%20c`,
      `/${place}//x`,
    ]),
  )('%s', async (target) => {
    const { nginx, lbproxy } = await askBoth(pair, request('GET', target));
    const [wanted, got] = [nginx, lbproxy].map((answer) => answer.body.split(' ')[1]);
    expect(wanted).toMatch(/^\//);
    expect(got).toBe(wanted);
  });
});
