// `off` in proxy_next_upstream outweighs whatever stands beside it, on one line or on another.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import { deadPort, type TestPeer } from '../support/upstream.ts';
import { startEchoPeer } from './echo-peer.ts';
import { askBoth, type Pair, request, startPair } from './pair.ts';

const LINES: readonly (readonly [lines: string, status: string])[] = [
  ['proxy_next_upstream error;', 'HTTP/1.1 200 OK'],
  ['proxy_next_upstream off;', 'HTTP/1.1 502 Bad Gateway'],
  ['proxy_next_upstream error off;', 'HTTP/1.1 502 Bad Gateway'],
  ['proxy_next_upstream off error;', 'HTTP/1.1 502 Bad Gateway'],
  ['proxy_next_upstream off; proxy_next_upstream error;', 'HTTP/1.1 502 Bad Gateway'],
  ['proxy_next_upstream http_500; proxy_next_upstream error;', 'HTTP/1.1 200 OK'],
];

describe.skipIf(nginxVersion === '')('proxy_next_upstream', () => {
  let peer: TestPeer;
  let pair: Pair;
  beforeAll(async () => {
    peer = await startEchoPeer();
    const dead = await deadPort();
    // The dead one has the first turn in each group.
    const groups = LINES.map(
      (_, i) => `upstream g${i} { server 127.0.0.1:${dead} weight=9 max_fails=0; server ${peer.address}; }`,
    );
    const places = LINES.map(([lines], i) => `location = /${i} { ${lines} proxy_pass http://g${i}; }`);
    pair = await startPair(`${groups.join('\n')} server { listen {port}; ${places.join('\n')} }`);
  });
  afterAll(async () => {
    await pair?.close();
    await peer?.close();
  });

  it.each(LINES.map(([lines, status], i) => [lines, status, i] as const))('%s', async (_lines, status, i) => {
    const { nginx, lbproxy } = await askBoth(pair, request('GET', `/${i}`));
    expect([nginx.status, lbproxy.status]).toEqual([status, status]);
  });
});
