// add_header and expires beside nginx: every kind of answer, inheritance, conditions and ranges that added validators change, and the
// order of the fields.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFiles, TYPES_BLOCK } from '../serve/site.ts';
import { nginxVersion } from '../support/nginx.ts';
import type { TestPeer } from '../support/upstream.ts';
import { type Answer, exchangeOnce } from '../support/wire.ts';
import { answerWith, startEchoPeer } from './echo-peer.ts';
import { type Comparable, comparable, type Pair, request, startPair } from './pair.ts';

function configuration(root: string, peer: string): string {
  return `map $sent_http_content_type $by_type { default off; ~plain epoch; ~html 1h; } map $sent_http_etag $by_tag { default "tagged"; "" "untagged"; }
    proxy_cache_path {dir}/cache keys_zone=one:1m;
    ${TYPES_BLOCK} default_type text/plain; root ${root}; add_header X-Http outer;
    server { listen {port}; add_header X-Server "$request_method $uri"; add_header X-Always yes always; set $empty ""; set $tag '"t"';
      location /own/ { alias ${root}/; add_header X-Own one; add_header X-Own two; add_header X-Empty ""; add_header X-Unset $empty; add_header X-Args "<$args>"; }
      location /none/ { alias ${root}/; add_header X-Gone ""; }
      location /nameless/ { alias ${root}/; add_header "" ""; add_header "no name" "" always; }
      location /bare/ { alias ${root}/; }
      location /etag/ { alias ${root}/; add_header ETag '"own"'; }
      location /tagvar/ { alias ${root}/; add_header eTaG $tag; }
      location /notag/ { alias ${root}/; add_header ETag ""; }
      location /modified/ { alias ${root}/; add_header Last-Modified "Wed, 15 Nov 2023 22:13:20 GMT"; }
      location /badtime/ { alias ${root}/; add_header last-modified "yesterday"; }
      location /notime/ { alias ${root}/; add_header Last-Modified ""; add_header X-After yes; }
      location /cache/ { alias ${root}/; expires 1h; add_header Cache-Control public; add_header Cache-Control immutable; add_header Link "</a>; rel=x"; }
      location /bytype/ { alias ${root}/; expires $by_type; add_header X-Tag $by_tag; }
      location /since/ { alias ${root}/; expires modified 1h; add_header Last-Modified "Wed, 15 Nov 2023 22:13:20 GMT"; }
      location /type/ { alias ${root}/; add_header Content-Type text/x; }
      location /always/ { alias ${root}/; add_header X-A a always; add_header X-B b; add_header ETag '"e"' always; }
      location /cors/ { add_header Access-Control-Allow-Origin $http_origin; add_header Content-Type "text/plain charset=UTF-8"; add_header Content-Length 0;
        if ($request_method = OPTIONS) { add_header Access-Control-Max-Age 1728000; add_header Content-Type "text/plain charset=UTF-8"; add_header Content-Length 0; return 204; } }
      location /if/ { alias ${root}/; add_header X-Location l; if ($arg_a) { add_header X-If $arg_a; } if ($arg_b) { set $b 1; } }
      location /ifnone/ { alias ${root}/; if ($arg_a) { add_header X-If $arg_a; } }
      location /nest/ { add_header X-Outer o; location /nest/in/ { alias ${root}/; } location /nest/own/ { alias ${root}/; add_header X-Inner i; } }
      location /proxy/ { proxy_pass http://${peer}/; add_header X-P "$upstream_status $proxy_host" always; add_header ETag '"p"'; }
      location /plain/ { proxy_pass http://${peer}/; }
      location /pexpires/ { proxy_pass http://${peer}/; expires -1; add_header Cache-Control no-store always; add_header Last-Modified "Wed, 15 Nov 2023 22:13:20 GMT"; }
      location /cached/ { proxy_cache one; proxy_cache_valid 1h; proxy_pass http://${peer}/; add_header Last-Modified "Wed, 15 Nov 2023 22:13:20 GMT"; }
      location /accel/ { proxy_pass http://${peer}/; }
      location /hidden/ { proxy_pass http://${peer}/; proxy_hide_header X-Peer; proxy_hide_header Cache-Control; add_header X-Peer ours; add_header Cache-Control ours; }
      location /r/ { add_header X-R "$1 $status" always;
        location = /r/200 { return 200 ok; } location = /r/201 { return 201 ok; } location = /r/202 { return 202 ok; } location = /r/206 { return 206 ok; } location = /r/300 { return 300; }
        location = /r/301 { return 301 /x; } location = /r/302 { return 302 /x; } location = /r/303 { return 303 /x; } location = /r/307 { return 307 /x; } location = /r/308 { return 308 /x; }
        location = /r/400 { return 400; } location = /r/403 { return 403; } location = /r/404 { return 404 text; } location = /r/405 { return 405; } location = /r/500 { return 500; } location = /r/503 { return 503; } location = /r/204 { return 204; } }
      location /s/ { add_header X-S s; location = /s/201 { return 201 ok; } location = /s/202 { return 202 ok; } location = /s/303 { return 303 /x; } location = /s/404 { return 404 x; } location = /s/308 { return 308 /x; } }
      location /page/ { error_page 404 /pages/404.html; error_page 403 =200 /pages/403.html; error_page 500 @fail; add_header X-Before b always;
        location = /page/403 { return 403; } location = /page/500 { return 500; } }
      location /pages/ { alias ${root}/pics/; try_files /index.html =404; add_header X-Page "p $status $uri"; }
      location @fail { add_header X-Fail f; return 502 failed; }
      location /break/ { rewrite ^/break/(.*)$ /$1 break; add_header X-Uri "$uri $request_uri"; }
      location /last/ { add_header X-Last l; rewrite ^/last/(.*)$ /own/$1 last; }
      location /crlf/ { add_header X-Plain p; return 200 "x"; }
    } server { listen {port}; server_name empty.test; root ${root}; }
    server { listen {port}; server_name off.test; add_header X-Off o; location / { root ${root}; expires off; } location /e/ { alias ${root}/; expires $arg_e; add_header X-E "$status."; } }`;
}

type Case = readonly [method: string, target: string, lines?: readonly string[]];

const MODIFIED = 'Tue, 14 Nov 2023 22:13:20 GMT';
const LATER = 'Wed, 15 Nov 2023 22:13:20 GMT';
const peerSays = (head: string, body = 'hello'): readonly string[] => [
  answerWith(`${head.replaceAll('|', '\r\n')}\r\n\r\n${body}`),
];
const OK = 'HTTP/1.1 200 OK|Content-Length: 5';

const FILE_PLACES =
  'own none nameless bare etag tagvar notag modified badtime notime cache since type always if ifnone nest/in nest/own break last bytype'.split(
    ' ',
  );

const CASES: readonly Case[] = [
  ...FILE_PLACES.flatMap((place): Case[] => [
    ['GET', `/${place}/small.txt`],
    ['HEAD', `/${place}/small.txt?q`],
    ['GET', `/${place}/nothing`],
    ['GET', `/${place}/pics`],
    ['GET', `/${place}/pics/`],
    ['GET', `/${place}/small.txt`, ['Range: bytes=2-4']],
    ['GET', `/${place}/small.txt`, ['Range: bytes=2-4,7-']],
    ['GET', `/${place}/small.txt`, ['Range: bytes=99-']],
    ['GET', `/${place}/small.txt`, [`If-Modified-Since: ${MODIFIED}`]],
    ['GET', `/${place}/small.txt`, ['If-None-Match: "6553f100-24"']],
    ['GET', `/${place}/small.txt`, ['If-Match: "nothing"']],
    ['GET', `/${place}/small.txt`, ['Range: bytes=1-2', 'If-Range: "own"']],
    ['GET', `/${place}/small.txt`, ['Range: bytes=1-2', 'If-Range: "6553f100-24"']],
    ['GET', `/${place}/small.txt`, ['Range: bytes=1-2', `If-Range: ${LATER}`]],
    ['GET', `/${place}/small.txt`, ['Range: bytes=1-2', `If-Range: ${MODIFIED}`]],
    ['GET', `/${place}/small.txt`, ['Range: bytes=1-2', 'If-Range: yesterday']],
    ['POST', `/${place}/small.txt`, ['Content-Length: 0']],
    ['GET', `/${place}/empty.txt`],
  ]),
  ...['1', '', '1&b=2'].map((a): Case => ['GET', `/if/small.txt?a=${a}`]),
  ['GET', '/if/small.txt?b=1'],
  ['GET', '/if/nothing?a=1'],
  ['GET', '/ifnone/small.txt?a=1'],
  ['OPTIONS', '/cors/', ['Origin: http://a.example']],
  ['OPTIONS', '/cors/'],
  ...[200, 201, 202, 204, 206, 301, 302, 303, 307, 308, 400, 403, 404, 405, 500, 503].flatMap(
    (status): Case[] => [
      ['GET', `/r/${status}`],
      ['HEAD', `/r/${status}`],
    ],
  ),
  ...[201, 202, 303, 404, 308].map((status): Case => ['GET', `/s/${status}`]),
  ['GET', '/page/nothing'],
  ['GET', '/page/403'],
  ['GET', '/page/500'],
  ...['proxy', 'plain', 'pexpires', 'hidden'].flatMap((place): Case[] => [
    [
      'GET',
      `/${place}/x`,
      peerSays(`${OK}|X-Peer: p|Cache-Control: a|Cache-Control: b|Link: </x>|Link: </y>`),
    ],
    [
      'GET',
      `/${place}/x`,
      peerSays(`${OK}|ETag: "peer"|X-A: a|Last-Modified: ${MODIFIED}|Expires: ${MODIFIED}|X-Z: z`),
    ],
    ['GET', `/${place}/x`, peerSays('HTTP/1.1 404 Not Found|Content-Length: 5|Cache-Control: a')],
    ['GET', `/${place}/x`, peerSays('HTTP/1.1 304 Not Modified|ETag: "peer"|X-Peer: p', '')],
    ['GET', `/${place}/x`, peerSays('HTTP/1.1 204 No Content|X-Peer: p', '')],
    ['GET', `/${place}/x`, peerSays('HTTP/1.1 302 Found|Location: /there|Content-Length: 5')],
    ['GET', `/${place}/x`, peerSays('HTTP/1.1 200 OK|Transfer-Encoding: chunked', '5\r\nhello\r\n0\r\n\r\n')],
    ['GET', `/${place}/x`, peerSays('HTTP/1.1 206 Partial|Content-Range: bytes 0-4/9|Content-Length: 5')],
    ['HEAD', `/${place}/x`, peerSays(`${OK}|ETag: "peer"`, '')],
    ['GET', `/${place}/x`, peerSays('HTTP/1.1 200 OK|Connection: close')],
  ]),
  ...['1h', '', 'off', 'max', 'nonsense', 'epoch'].map(
    (e): Case => ['GET', `/e/small.txt?e=${e}`, ['Host: off.test']],
  ),
  ['GET', '/small.txt', ['Host: off.test']],
  ['GET', '/small.txt', ['Host: empty.test']],
  ['GET', '/nothing', ['Host: empty.test']],
];

/** nginx writes these in front of all others, whatever came first. */
const IN_FRONT =
  /^(?:server|date|content-type|content-length|last-modified|location|transfer-encoding|connection|keep-alive)$/i;

const orderOf = (answer: Answer): string[] =>
  answer.fields.map(([name]) => name).filter((name) => !IN_FRONT.test(name));

/** The two may be asked in different seconds. */
function undated(said: Comparable): Comparable {
  const isNow = (line: string): boolean =>
    line.startsWith('Expires: ') && Math.abs(Date.parse(line.slice(9)) - Date.now()) < 86_400_000;
  return { ...said, fields: said.fields.map((line) => (isNow(line) ? 'Expires: soon' : line)) };
}

const bytesOf = ([method, target, lines = []]: Case): string => {
  const host = lines.find((line) => line.startsWith('Host: '))?.slice(6) ?? 'ref.example';
  const others = lines.filter((line) => !line.startsWith('Host: '));
  return request(method, target, others).replace('ref.example', host);
};

describe.skipIf(nginxVersion === '')('add_header as nginx', () => {
  const files = makeFiles();
  let peer: TestPeer;
  let pair: Pair;
  beforeAll(async () => {
    peer = await startEchoPeer();
    pair = await startPair(configuration(files.root, peer.address));
  });
  afterAll(async () => {
    await pair?.close();
    await peer?.close();
    files.remove();
  });

  it.each(CASES.map((c): [string, Case] => [c.flat().join(' '), c]))('%s', async (_name, given) => {
    const bytes = bytesOf(given);
    const [theirs, ours] = await Promise.all(
      [pair.nginx, pair.lbproxy].map((side) => exchangeOnce(side.port, bytes)),
    );
    expect(undated(comparable(ours, pair.lbproxy))).toEqual(undated(comparable(theirs, pair.nginx)));
    expect(orderOf(ours)).toEqual(orderOf(theirs));
  });

  it("a new Last-Modified stands in the place of a peer's, also of a stored one, and behind all where it was a file's", async () => {
    const said = peerSays(`${OK}|X-A: a|Last-Modified: ${MODIFIED}|X-Z: z`);
    const told = peerSays(
      `${OK}|X-Accel-Redirect: /modified/small.txt|Last-Modified: ${MODIFIED}|Set-Cookie: a=b`,
    );
    const cases: Case[] = [
      ['GET', '/pexpires/x', said],
      ['GET', '/cached/x', said],
      ['GET', '/cached/x', said],
      ['GET', '/accel/x', told],
      ['GET', '/modified/small.txt'],
    ];
    for (const given of cases) {
      const [theirs, ours] = await Promise.all(
        [pair.nginx, pair.lbproxy].map((side) => exchangeOnce(side.port, bytesOf(given))),
      );
      const names = ({ fields }: Answer): string[] =>
        fields.map(([name]) => name).filter((name) => /^(?:x-|set-cookie|last-modified)/i.test(name));
      expect([given[1], names(ours)]).toEqual([given[1], names(theirs)]);
    }
  });

  it('HTTP/1.0', async () => {
    for (const target of ['/own/small.txt', '/always/nothing', '/etag/small.txt']) {
      const bytes = `GET ${target} HTTP/1.0\r\n\r\n`;
      const [theirs, ours] = await Promise.all(
        [pair.nginx, pair.lbproxy].map((side) => exchangeOnce(side.port, bytes)),
      );
      expect(comparable(ours, pair.lbproxy)).toEqual(comparable(theirs, pair.nginx));
    }
  });
});
