// A chunked body that breaks in its middle: what is answered, whether the connection goes on, and what the log says of its length.
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import type { TestPeer } from '../support/upstream.ts';
import { startEchoPeer } from './echo-peer.ts';
import { type Pair, type Side, startPair } from './pair.ts';

const configuration = (peer: string): string => `proxy_cache_path {dir}/cache keys_zone=one:1m;
  log_format told '$request_method $request_uri $status [$content_length] [$request_length] [$request_body] $connection_requests';
  server { listen {port}; server_name ref.example; proxy_http_version 1.1; access_log {dir}/access.log told;
    location /return { return 200 text; }
    location /refused { return 403; }
    location /page { error_page 404 /return; return 404; }
    location /proxy { proxy_pass http://${peer}; }
    location /dead { proxy_pass http://127.0.0.1:1; }
    location /then { error_page 502 /return; proxy_pass http://127.0.0.1:1; }
    location /to-400 { error_page 400 /return; proxy_pass http://${peer}; }
    location /hit { proxy_cache one; proxy_cache_methods POST; proxy_cache_key $uri; proxy_cache_valid any 1h; proxy_pass http://${peer}; }
    location /stream { proxy_request_buffering off; proxy_pass http://${peer}; }
    location /gif { empty_gif; }
    location /bytes { client_body_buffer_size 1k; proxy_pass http://${peer}; }
    location /mirror { mirror /proxy; empty_gif; }
    location /next { return 200 next; }
  }`;
const PLACES = [...configuration('').matchAll(/location (\/[a-z0-9-]+) /g)].map(([, place]) => place);
const BODIES: Readonly<Record<string, string>> = {
  whole: '3\r\nabc\r\n0\r\n\r\n',
  'several, with an extension and a trailer':
    '3;a=b\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nX-Trailer: 1\r\n\r\n',
  'no size': 'x\r\nabc\r\n0\r\n\r\n',
  'no size behind a chunk': '3\r\nabc\r\nx\r\n',
  'no line end behind a chunk': '3\r\nabcde\r\n0\r\n\r\n',
  'a size that no number holds': 'fffffffffffffffff\r\n',
  'an empty size': '\r\n3\r\nabc\r\n0\r\n\r\n',
};

/** All that comes, without what differs anyway; the next request is sent with the first, or behind its answer. */
function exchange(side: Side, place: string, body: string): Promise<string> {
  const head = `POST ${place} HTTP/1.1\r\nHost: ref.example\r\nTransfer-Encoding: chunked\r\n\r\n`;
  return new Promise((resolve) => {
    let text = '';
    let timer: NodeJS.Timeout;
    const socket = connect(side.port, '127.0.0.1', () => socket.write(head + body));
    const next = (): void =>
      void socket.write('GET /next HTTP/1.1\r\nHost: ref.example\r\nConnection: close\r\n\r\n');
    let asked = false;
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      if (asked) return;
      asked = true;
      timer = setTimeout(next, 30);
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(text.match(/^HTTP\/1.1 .*|^Connection: .*|next$/gm)?.join('|') ?? '');
    });
  });
}

describe.skipIf(nginxVersion === '')('a broken chunk', () => {
  let peer: TestPeer;
  let pair: Pair;
  beforeAll(async () => {
    peer = await startEchoPeer();
    pair = await startPair(configuration(peer.address));
    for (const side of [pair.nginx, pair.lbproxy]) await exchange(side, '/hit', BODIES.whole);
  });
  afterAll(async () => {
    await pair?.close();
    await peer?.close();
  });

  const cases = PLACES.flatMap((place) => Object.keys(BODIES).map((name) => [place, name] as const))
    // Trailers go on to the peer here.
    .filter(([place, name]) => place !== '/stream' || !name.includes('trailer'));
  it.each(cases)('%s, %s', async (place, name) => {
    const [nginx, lbproxy] = await Promise.all(
      [pair.nginx, pair.lbproxy].map((side) => exchange(side, place, BODIES[name])),
    );
    expect(lbproxy).toBe(nginx);
  });

  it('is logged the same', async () => {
    const lines = ({ dir }: Side): string[] =>
      readFileSync(join(dir, 'access.log'), 'latin1')
        .split('\n')
        // nginx tells how much of it came before it broke.
        .map((line) => line.replace(/ 400 \[[-03]\]/, ' 400 [?]'));
    // Either may write a line behind the end of its connection.
    const isSame = (): boolean => {
      pair.lbproxy.flush();
      return isDeepStrictEqual(lines(pair.lbproxy), lines(pair.nginx));
    };
    await expect
      .poll(isSame)
      .toBe(true)
      .catch(() => {});
    expect(lines(pair.lbproxy)).toEqual(lines(pair.nginx));
  });
});
