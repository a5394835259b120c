// Where connections to peers come from (proxy_bind), and what variables tell of peers' answers: of one attempt, of several, and of several
// groups after one another.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import { deadPort, startUpstream, type TestPeer } from '../support/upstream.ts';
import { exchangeOnce, field } from '../support/wire.ts';
import { askBoth, type Pair, request, type Side, startPair } from './pair.ts';

const BINDS: Readonly<Record<string, string>> = {
  plain: '127.0.0.7',
  variable: '$arg_from',
  off: 'off',
  foreign: '192.0.2.77',
  family: '::1',
};
const FROM = ['', '127.0.0.9', 'nonsense', '[::1]', '::1', '127.0.0.11:99999'];
const BOUND = Object.keys(BINDS).flatMap((bind) => FROM.map((from) => `/${bind}/x?from=${from}`));

const VARIABLES = ['upstream_addr', 'upstream_status', 'upstream_http_x_one']
  .concat(['upstream_http_content_type', 'upstream_http_none', 'upstream_cookie_a', 'upstream_cookie_B'])
  .concat(['upstream_cookie_c', 'upstream_trailer_x', 'proxy_host', 'proxy_port']);
const PATHS = [
  '/body?n=0',
  '/body?n=10',
  '/body?n=5000',
  '/chunked',
  '/head-only',
  '/cookies',
  '/404',
].concat(['/500', '/304', '/twice', '/redirected', '/secondary']);
const LINES = ['one', 'retry', 'dead', 'caught', 'unbuffered'].flatMap((place) =>
  ['GET', 'HEAD'].flatMap((method) => PATHS.map((path) => `${method} /${place}${path}`)),
);

describe.skipIf(nginxVersion === '')('towards peers', () => {
  let peer: TestPeer;
  let pair: Pair;
  beforeAll(async () => {
    peer = await startPeer();
    pair = await startPair(configuration(peer.port, await deadPort()));
  });
  afterAll(async () => {
    await pair?.close();
    await peer?.close();
  });

  it.each(BOUND)('comes from where nginx does: %s', async (target) => {
    const answers = [pair.nginx, pair.lbproxy].map(async ({ port }) => {
      const answer = await exchangeOnce(port, request('GET', target));
      return { status: answer.status, from: field(answer, 'x-from') };
    });
    const [theirs, ours] = await Promise.all(answers);
    expect(ours).toEqual(theirs);
  });

  it.each(LINES)('tells the same: %s', async (line) => {
    const [method, target] = line.split(' ');
    const { nginx, lbproxy } = await askBoth(pair, request(method, target));
    expect(lbproxy).toEqual(nginx);
  });

  it('logs the same once all is over', async () => {
    const linesOf = ({ dir }: Side): string[] =>
      readFileSync(`${dir}/access.log`, 'latin1')
        .split('\n')
        .filter((line) => LINES.some((each) => line.startsWith(`${each} `)))
        .sort();
    for (const side of [pair.nginx, pair.lbproxy])
      await expect
        .poll(() => {
          side.flush();
          return linesOf(side).length;
        })
        .toBe(LINES.length);
    expect(linesOf(pair.lbproxy)).toEqual(linesOf(pair.nginx));
  });
});

function startPeer(): Promise<TestPeer> {
  return startUpstream((req, res) => {
    const path = (req.url ?? '').replace(/^\/\w+(?=\/)/, '');
    res.setHeader('X-From', req.socket.remoteAddress ?? '');
    if (path === '/cookies') res.setHeader('Set-Cookie', ['a=1; Path=/', 'b = two;x', 'A=3', 'c']);
    if (path === '/twice') res.setHeader('X-Two', ['1', '2']);
    res.setHeader('X-One', 'one value');
    if (path === '/redirected') res.setHeader('X-Accel-Redirect', '/secondary/body?n=7');
    res.statusCode = /^\/\d{3}$/.test(path) ? Number(path.slice(1)) : 200;
    if (path === '/chunked') return void res.write('part', () => res.end('the rest'));
    const text = res.statusCode === 304 ? '' : 'x'.repeat(Number(/n=(\d+)/.exec(path)?.[1] ?? 3));
    if (res.statusCode !== 304) res.setHeader('Content-Length', text.length);
    res.end(text);
  });
}

function configuration(port: number, dead: number): string {
  const binds = Object.entries(BINDS).map(
    ([name, value]) => `location /${name}/ { proxy_bind ${value}; proxy_pass http://one; }`,
  );
  const shown = VARIABLES.map((name) => `add_header S-${name} $${name} always;`);
  return `upstream one { server 127.0.0.1:${port}; }
  upstream dead { server 127.0.0.1:${dead}; }
  upstream retry { server 127.0.0.1:${dead} max_fails=0 weight=1000; server 127.0.0.1:${port} backup; }
  proxy_http_version 1.1; proxy_set_header Connection "";
  log_format t '$request_method $request_uri $upstream_addr|$upstream_status|$upstream_bytes_sent|$upstream_response_length';
  server { listen {port}; access_log {dir}/access.log t; ${shown.join(' ')}
    ${binds.join('\n')}
    location /one/ { proxy_pass http://one; }
    location /unbuffered/ { proxy_buffering off; proxy_pass http://one; }
    location /retry/ { proxy_pass http://retry; }
    location /dead/ { proxy_pass http://dead; }
    location /caught/ { proxy_intercept_errors on; error_page 404 500 502 = /secondary/body?n=9; proxy_pass http://one; }
    location /secondary/ { proxy_pass http://one; }
  }`;
}
