// Server side includes beside nginx: each command, what is wrong with commands, how pages nest, and bytes that come one by one.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/http-client.ts';
import { nginxVersion } from '../support/nginx.ts';
import { startRawUpstream, type TestPeer } from '../support/upstream.ts';
import { startEchoPeer } from './echo-peer.ts';
import { askBoth, type Pair, request, type Side, startPair } from './pair.ts';
import { PAGES, PARTS } from './ssi-pages.ts';

function configuration(root: string, peer: string, slow: string): string {
  return `proxy_http_version 1.1; default_type text/html; log_subrequest on;
    log_format mine '$status $request_method $request_uri $uri $args';
    server { listen {port}; server_name ref.example; root ${root}; ssi on; access_log {dir}/access.log mine;
      set $made "by set";
      location /echo/ { proxy_pass http://${peer}; }
      location /text/ { return 200 "text $uri $args $request_uri $request_method"; }
      location = /empty { return 200 ""; }
      location = /nothing { return 204; }
      location = /missing { return 404; }
      location = /moved { return 302 /x; }
      location = /dead { proxy_pass http://127.0.0.1:1; }
      location = /own { error_page 404 /text/own; return 404; }
      location = /own-ok { error_page 404 = /text/own; return 404; }
      location = /plain { default_type text/plain; return 200 '<!--#echo var="uri" -->'; }
      location = /off { ssi off; return 200 '<!--#echo var="uri" -->'; }
      location = /internal { internal; return 200 "internal"; }
      location = /guarded { auth_request /missing; return 200 "guarded"; }
      location /slow/ { proxy_pass http://${slow}/; }
      location /silent/ { ssi_silent_errors on; alias ${root}/; }
      location /short/ { ssi_value_length 10; alias ${root}/; }
      location /dated/ { ssi_last_modified on; alias ${root}/; }
      location /types/ { ssi_types text/plain; default_type text/plain; alias ${root}/; }
      location /none/ { default_type text/plain; alias ${root}/; }
      location /around/ { add_before_body /part/echo.html; add_after_body /text/after; alias ${root}/; }
      location /if/ { ssi off; if ($arg_on) { ssi on; } return 200 '<!--#echo var="arg_on" -->'; }
    }`;
}

/** Answers with the page of the path, cut into pieces of the size that the path begins with. */
function slowPeer(): Promise<TestPeer> {
  return startRawUpstream((socket) => {
    let text = '';
    socket.on('data', async (piece: Buffer) => {
      text += piece.latin1Slice();
      const path = /^GET \/(\d+)\/(\S+) /.exec(text);
      if (path === null || !text.includes('\r\n\r\n')) return;
      text = '';
      const page = Buffer.from(PAGES[path[2]] ?? '', 'latin1');
      socket.setNoDelay(true);
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n');
      for (let at = 0; at < page.length; at += Number(path[1])) {
        socket.write(page.subarray(at, at + Number(path[1])));
        await new Promise((resolve) => setImmediate(resolve));
      }
      socket.end();
    });
  });
}

describe.skipIf(nginxVersion === '')('ssi', () => {
  const root = mkdtempSync(join(tmpdir(), 'lbproxy-ssi-'));
  let peer: TestPeer;
  let slow: TestPeer;
  let pair: Pair;
  beforeAll(async () => {
    const files = [...Object.entries(PAGES), ...Object.entries(PARTS)];
    for (const [name, text] of files) {
      const file = join(root, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text, 'latin1');
    }
    peer = await startEchoPeer();
    slow = await slowPeer();
    pair = await startPair(configuration(root, peer.address, slow.address));
  });
  afterAll(async () => {
    await pair?.close();
    await peer?.close();
    await slow?.close();
    rmSync(root, { recursive: true, force: true });
  });

  async function same(target: string, method = 'GET', lines: readonly string[] = []): Promise<void> {
    const { nginx, lbproxy } = await askBoth(pair, request(method, target, lines));
    expect(lbproxy).toEqual(nginx);
  }

  const names = Object.keys(PAGES);
  it.each(names)('/%s', (name) => same(`/${name}?q=1&x=%3Cy%3E`, 'GET', ['Cookie: c=a"b<c&d']));
  it.each(names)('/silent/%s', (name) => same(`/silent/${name}`));
  it.each(names)('/short/%s', (name) => same(`/short/${name}`));
  it.each(names)('/around/%s', (name) => same(`/around/${name}`));
  it.each(names)('HEAD /%s', (name) => same(`/${name}`, 'HEAD'));
  it.each(names)('/slow/1/%s', (name) => same(`/slow/1/${name}`));
  it.each(names)('/slow/7/%s', (name) => same(`/slow/7/${name}`));
  const others = [
    '/dated/text.html',
    '/types/echo.html',
    '/none/echo.html',
    '/if/?on=1',
    '/if/',
    '/plain',
    '/off',
  ];
  it.each(others)('%s', (target) => same(target));
  it.each(['Range: bytes=0-5', 'If-Modified-Since: Thu, 01 Jan 2099 00:00:00 GMT'])('%s', async (line) => {
    await same('/text.html', 'GET', [line]);
    await same('/dated/text.html', 'GET', [line]);
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
