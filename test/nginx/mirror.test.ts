// mirror beside nginx: what the copies are, to whom they go, and that the answer is what it is without them.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/http-client.ts';
import { nginxVersion } from '../support/nginx.ts';
import { startRawUpstream, type TestPeer } from '../support/upstream.ts';
import { exchangeOnce } from '../support/wire.ts';
import { startEchoPeer } from './echo-peer.ts';
import { comparable, type Pair, request, type Side, startPair } from './pair.ts';

function configuration(peer: string, copies: string): string {
  return `proxy_http_version 1.1; log_subrequest on;
    log_format mine '$status $request_method $request_uri $uri $args';
    server { listen {port}; server_name ref.example; access_log {dir}/access.log mine;
      client_body_buffer_size 1k; client_max_body_size 1m;
      proxy_set_header X-Uri "$request_method $request_uri $uri $args";
      location / { mirror /copy; proxy_pass http://${peer}; }
      location = /copy { internal; proxy_pass http://${copies}; }
      location = /second { internal; proxy_pass http://${copies}/second$request_uri; }
      location = /bare { internal; proxy_pass http://${copies}; proxy_pass_request_body off; proxy_set_header Content-Length ""; }
      location = /quiet { log_subrequest off; proxy_pass http://${copies}; }
      location /two/ { mirror /copy; mirror /second; proxy_pass http://${peer}; }
      location /text/ { mirror /copy; return 200 "script comes first"; }
      location /off/ { mirror off; proxy_pass http://${peer}; }
      location /bodiless/ { mirror_request_body off; mirror /bare; proxy_pass http://${peer}; }
      location /streamed/ { mirror /copy; proxy_request_buffering off; proxy_pass http://${peer}; }
      location /dead/ { mirror /dead-copy; mirror /copy; proxy_pass http://${peer}; }
      location = /dead-copy { proxy_pass http://127.0.0.1:1; }
      location /missing/ { mirror /nowhere/at/all; mirror /quiet; proxy_pass http://${peer}; }
      location = /nowhere/at/all { return 404; }
      location /moved/ { error_page 418 = /two/moved; return 418; }
      location /inner/ { auth_request /auth; mirror /copy; proxy_pass http://${peer}; }
      location = /auth { mirror /second; return 204; }
      location /denied/ { auth_request /no; mirror /copy; proxy_pass http://${peer}; }
      location = /no { return 403; }
      location /small/ { client_max_body_size 10; mirror /copy; proxy_pass http://${peer}; }
    }`;
}

/** How many copies each place makes. */
const COPIES: Readonly<Record<string, number>> = {
  '/': 1,
  '/two/': 2,
  '/text/': 0,
  '/off/': 0,
  '/bodiless/': 1,
  '/streamed/': 1,
  '/dead/': 1,
  '/missing/': 1,
  '/moved/': 2,
  '/inner/': 1,
  '/denied/': 0,
};

describe.skipIf(nginxVersion === '')('mirror', () => {
  let peer: TestPeer;
  let copies: TestPeer;
  let pair: Pair;
  let seen: string[] = [];
  beforeAll(async () => {
    peer = await startEchoPeer();
    copies = await startRawUpstream((socket) => {
      let text = '';
      socket.on('data', (piece: Buffer) => {
        text += piece.latin1Slice();
        const end = text.indexOf('\r\n\r\n');
        const length = Number(/\r\nContent-Length: *(\d+)/i.exec(text)?.[1] ?? 0);
        if (end < 0 || text.length < end + 4 + length) return;
        const [line, ...fields] = text.slice(0, end).split('\r\n');
        const kept = fields.filter((field) => !/^connection:/i.test(field)).sort();
        seen.push([line, ...kept, '', text.slice(end + 4)].join('\n'));
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ncopy');
      });
    });
    pair = await startPair(configuration(peer.address, copies.address));
  });
  afterAll(async () => {
    await pair?.close();
    await peer?.close();
    await copies?.close();
  });

  async function ask(side: Side, bytes: string, count: number): Promise<unknown> {
    seen = [];
    const answer = comparable(await exchangeOnce(side.port, bytes), side);
    await until(() => seen.length >= count, 5000, `${count} copies`);
    return { answer, seen: seen.toSorted() };
  }

  const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'];
  describe.each(METHODS)('%s', (method) => {
    it.each(Object.keys(COPIES))('%s', async (place) => {
      const bodies = method === 'GET' || method === 'HEAD' ? [''] : ['', 'a body', 'long '.repeat(900)];
      for (const body of bodies) {
        const lines = body === '' && method !== 'PUT' ? [] : [`Content-Length: ${body.length}`];
        const bytes = request(method, `${place}x%20y?q=${body.length}`, [...lines, 'X-Own: 1'], body);
        const theirs = await ask(pair.nginx, bytes, COPIES[place]);
        expect(await ask(pair.lbproxy, bytes, COPIES[place])).toEqual(theirs);
      }
    });
  });

  it('of a chunked body', async () => {
    const bytes = request(
      'POST',
      '/two/',
      ['Transfer-Encoding: chunked'],
      '3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n',
    );
    const theirs = await ask(pair.nginx, bytes, 2);
    expect(await ask(pair.lbproxy, bytes, 2)).toEqual(theirs);
  });

  it('of a body that is too large', async () => {
    for (const lines of [['Content-Length: 11'], ['Transfer-Encoding: chunked']]) {
      const body = lines[0].endsWith('d') ? 'b\r\nabcdefghijk\r\n0\r\n\r\n' : 'abcdefghijk';
      const bytes = request('POST', '/small/', lines, body);
      const theirs = await ask(pair.nginx, bytes, 0);
      expect(await ask(pair.lbproxy, bytes, 0)).toEqual(theirs);
    }
  });

  it('writes the same lines, if not in the same order', async () => {
    const lines = (side: Side): string[] => {
      side.flush();
      return readFileSync(`${side.dir}/access.log`, 'latin1').trimEnd().split('\n').toSorted();
    };
    await until(() => lines(pair.nginx).length === lines(pair.lbproxy).length, 5000, 'as many lines');
    expect(lines(pair.lbproxy)).toEqual(lines(pair.nginx));
  });
});
