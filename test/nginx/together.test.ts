// What directives do to one another: small configurations that random ones led to, each with the requests that showed a difference.
// Answers with the order of their fields, what the peer saw and the log lines are nginx's.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { makeCertificate } from '../support/certificates.ts';
import { nginxVersion } from '../support/nginx.ts';
import { type Pair, startPair } from './pair.ts';
import { differences } from './random/compare.ts';
import { type RecordingPeer, startRecordingPeer } from './random/peer.ts';
import type { Request } from './random/requests.ts';
import { tell } from './random/run.ts';
import { makeSite } from './random/site.ts';

// As long as nginx's, so that lengths and counts of bytes in which the signature has its part are equal.
vi.mock('../../src/version.ts', () => ({ VERSION: '1.22' }));

/** A server's content; each request is its line without the version, then field lines, then perhaps '' and a body. */
type Case = readonly [name: string, server: string, ...requests: (readonly string[])[]];

/** A request with a body of a length, and one in chunks. */
const sized = (line: string, body: string): string[] => [line, `Content-Length: ${body.length}`, '', body];
const chunked = (line: string, ...chunks: readonly string[]): string[] => [
  line,
  'Transfer-Encoding: chunked',
  '',
  [...chunks, ''].map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join(''),
];

const CASES: readonly Case[] = [
  [
    'the challenge of auth_request stands before what its error page has',
    'error_page 401 =201 @other; location / { auth_request /auth; } location @other { } location = /auth { proxy_pass http://{peer}/k8; }',
    ['GET /small.txt'],
    ['HEAD /small.txt'],
    ['GET /nothing'],
  ],
  [
    'the challenge of auth_basic stands before what its error page has',
    'error_page 401 /small.txt; location /a/ { auth_basic x; auth_basic_user_file {users}; add_header X-A a always; }',
    ['GET /a/small.txt'],
    ['GET /a/small.txt', 'Range: bytes=0-1'],
  ],
  [
    'a 416 leaves its fields before those of its error page',
    'error_page 416 =503 /errors/503.html; location /p/ { proxy_pass http://{peer}; proxy_force_ranges on; }',
    ['GET /small.txt', 'Range: bytes=99-'],
    ['HEAD /small.txt', 'Range: bytes=99-'],
    ['GET /p/k5', 'Range: bytes=99-'],
  ],
  [
    'a subrequest has no length that was refused',
    'location / { client_max_body_size 100; add_after_body /p/after; proxy_pass http://{peer}; } location /p/ { client_max_body_size 10; proxy_pass http://{peer}; } error_page 413 = /k2;',
    sized('POST /small', 'b'.repeat(300)),
    sized('POST /small', 'abc'),
    sized('POST /k2', 'b'.repeat(30)),
    sized('PUT /p/small', 'b'.repeat(11)),
  ],
  [
    'a body that was read is not lost where its length is too much later',
    'proxy_http_version 1.0; proxy_intercept_errors on; location / { error_page 404 = /p/k2; error_page 413 = /k0; recursive_error_pages on; proxy_pass http://{peer}; } location /p/ { error_page 413 = /k0; recursive_error_pages on; client_max_body_size 10; proxy_pass http://{peer}; }',
    sized('POST /k4', 'b'.repeat(30)),
    sized('POST /p/k4', 'b'.repeat(30)),
    sized('POST /k4', 'bbb'),
  ],
  [
    'chunks that were read have a length where the request goes on',
    'location / { proxy_pass http://{peer}; } location /a/ { client_max_body_size 5; } location /b/ { proxy_intercept_errors on; error_page 404 = /a/small.txt; proxy_pass http://{peer}; }',
    chunked('PUT /k27', 'abc', 'defg'),
    chunked('PUT /k27', 'abc'),
    chunked('POST /b/k4', 'abc', 'defg'),
    chunked('POST /b/k4'),
    chunked('GET /a/small.txt', 'abc', 'defg'),
  ],
  [
    'a body that is to be passed on as it comes has a length where all of it is there',
    'proxy_request_buffering off; proxy_next_upstream error http_503 non_idempotent; location / { proxy_pass http://{peer}; } location /two/ { proxy_pass http://twice; }',
    chunked('PUT /small.txt', 'abc'),
    chunked('PUT /small.txt'),
    chunked('POST /two/k6', 'abc'),
    sized('POST /two/k6', 'abc'),
  ],
  [
    'a subrequest may turn as often as a request',
    'location = /own { auth_request /asked; } location / { proxy_pass http://{peer}; } location = /again { add_before_body /again/0; proxy_pass http://{peer}/k2; } location /again/ { rewrite ^(.*)$ $1x; proxy_pass http://{peer}; }',
    ['GET /own', 'X-Kind: 29'],
    ['GET /small.txt', 'X-Kind: 29'],
    ['GET /again'],
    ['GET /k0'],
  ],
  [
    'where no body is announced there is none to keep in a file, for copies neither',
    'client_body_in_file_only clean; location / { mirror /copy; } location = /copy { proxy_pass http://{copies}; }',
    ['DELETE /small.txt'],
    ['GET /small.txt'],
    ['POST /k0', 'Content-Length: 0'],
    sized('POST /k0', 'abc'),
  ],
  [
    'the body is logged as long as it was in memory',
    'client_body_buffer_size 16k; location / { proxy_pass http://{peer}; } location /p/ { proxy_pass http://twice$request_uri; }',
    sized('GET /p/?e=1h', 'c'.repeat(20_000)),
    sized('POST /k2', 'c'.repeat(20_000)),
    sized('POST /k2', 'c'.repeat(16_383)),
    sized('POST /k2', 'c'.repeat(16_384)),
    sized('POST /k2', 'c'.repeat(20_479)),
  ],
  [
    'what an answer leaves that sends elsewhere comes before what an error there leaves',
    'location / { proxy_pass http://{peer}; } location @named { auth_basic x; auth_basic_user_file {users}; } location /a/ { auth_request /no; error_page 401 /k27; } location = /no { proxy_pass http://{peer}/k8; } location /files/ { return 302 /x; }',
    ['GET /k28'],
    ['GET /a/'],
    ['GET /k29'],
    ['GET /k27'],
  ],
  [
    'set and if escape captures of an escaped path, until a rewrite has matched',
    `location ~ ^/a/(.*)$ { set $v "$1"; set $w "x$1"; return 200 "$v|$w|$1"; }
     location ~ ^/b/(.*)$ { set $v $1; rewrite ^/b/(.*)x$ /b/$1; set $w "x$1"; return 200 "$v|$w|$1"; }
     location /if/ { if ($uri ~ ^/if/(.*)$) { set $v $1; set $w "$1-x"; return 200 "$v|$w|$1"; } }
     location ~ ^/equal/(.*)$ { if ($arg_a = "$1") { return 200 "equal $1"; } return 200 "other $1"; }
     location ~ ^/file/(.*)$ { if (-f "$document_root/$1") { return 200 "file $1"; } return 200 "none $1"; }
     location /mapped/ { if ($mapped = x) { } set $v $1; set $w "x$1"; return 200 "$v|$w|$1"; }
     location ~ ^/named/(?<part>.*)$ { set $v $part; return 200 "$v|$part"; }
     location ~ ^/twice/(.*)$ { rewrite ^/twice/(.*)$ /a/$1; set $v "$1"; }`,
    ...[
      'a/xy',
      'a/%25x',
      'a/x+y',
      'b/x%20y',
      'b/x%20yx',
      'if/p%20q',
      'equal/x%20y?a=x%20y',
      'equal/x%20y?a=x+y',
      'file/sp%20ace.txt',
      'file/small.txt',
    ].map((path) => [`GET /${path}`]),
    ...['mapped/%20', 'mapped/x', 'named/x%20y', 'twice/x%20y'].map((path) => [
      `GET /${path}`,
      'X-Test: foo b',
    ]),
  ],
  [
    'an app has no $proxy_host',
    'proxy_redirect off; location /p/ { add_header X-To "$proxy_host $proxy_port" always; proxy_pass http://{peer}; } location / { fastcgi_pass {app}; add_header X-To "$proxy_host $proxy_port" always; error_page 404 /p/k2; fastcgi_intercept_errors on; } location /a/ { set $app {app}; fastcgi_pass $app; add_header X-To "$proxy_host $proxy_port" always; }',
    ['GET /k0'],
    ['GET /k4'],
    ['GET /a/k0'],
    ['GET /p/k0'],
    ['GET /p/k28'],
  ],
  [
    'subrequests have no bytes of their own in the log',
    'access_log {dir}/access.log lengths; log_subrequest on; location / { auth_request /auth; } location = /auth { proxy_pass http://{peer}/k2; } location /own { add_before_body /t; add_after_body /k2; return 200 own; } location = /t { return 200 text; } location /a/ { ssi on; ssi_types *; }',
    ['GET /small.txt'],
    sized('POST /small.txt', 'abc'),
    ['GET /a/part.shtml'],
    ['GET /own'],
  ],
  [
    'an empty body is announced, whoever is asked',
    'location / { proxy_pass http://{peer}; proxy_pass_request_body off; } location /a/ { auth_request /auth; proxy_pass http://{peer}; } location = /auth { proxy_pass http://{peer}; } location /b/ { proxy_pass http://{peer}; proxy_http_version 1.0; } location /errors/ { error_page 405 = /k0; } location @named { auth_request /auth; }',
    ['POST /k0', 'Content-Length: 0'],
    ['GET /k0', 'Content-Length: 0'],
    ['GET /k0'],
    ['POST /a/k0', 'Content-Length: 0'],
    ['POST /b/k0', 'Content-Length: 0'],
    ['PUT /errors/x', 'Content-Length: 0'],
    chunked('POST /k0'),
    chunked('POST /b/k0'),
    chunked('PUT /b/k28'),
  ],
  [
    'auth_request has no body, whoever has read it before',
    'mirror /copy; location = /copy { proxy_pass http://{copies}; } location ~ html$ { auth_request /auth; } location = /auth { proxy_pass http://{peer}; }',
    sized('POST /dir/', 'abc'),
    ['GET /dir/'],
  ],
  [
    'copies of a body whose first chunk was too large have an empty one',
    'mirror /copy; error_page 413 =201 /errors/nothing.html; client_max_body_size 10; location = /copy { proxy_pass http://{copies}; }',
    chunked('DELETE /small.txt', 'b'.repeat(11)),
    chunked('GET /nothing', 'abc'),
    chunked('GET /nothing'),
  ],
  [
    'where variables lead is known before proxy_set_body and the fields are made',
    'location / { proxy_set_body "1/$mapped"; proxy_set_header X-One "$1"; proxy_pass http://{peer}/$1; } location ~ ^/a/(.*)$ { proxy_set_header X-One "$mapped$1"; proxy_method $mapped_method; proxy_pass http://{peer}/$1; } location ~ ^/b/(.*)$ { set $to {peer}; proxy_set_body "$mapped"; proxy_pass http://$to; }',
    ...['small.txt', 'a/small.txt', 'b/x'].flatMap((path) => [
      [`GET /${path}`, 'X-Test: foo'],
      [`GET /${path}`, 'X-Test: other'],
    ]),
  ],
  [
    'answers of subrequests are converted to the charset of their page',
    `location / { proxy_pass http://{peer}; add_before_body /k30; add_after_body /k31; } location /p/ { charset utf-8; charset_types *; proxy_pass http://{peer}/; add_after_body /k30; }
     location /a/ { charset utf-8; source_charset iso-8859-1; add_after_body /k32; } location /files/ { charset utf-8; add_after_body /a/small.txt; addition_types *; }`,
    ...[
      'k3',
      'k2',
      'k30',
      'k31',
      'k32',
      'p/k2',
      'p/k17',
      'a/page.html',
      'a/small.txt',
      'files/page.html',
      'files/small.txt',
    ].map((path) => [`GET /${path}`]),
  ],
  [
    'who makes the error page of a body that was too large goes on without it, copied or not',
    'client_max_body_size 10; location / { error_page 413 = /p/k2; proxy_pass http://{peer}; } location /a/ { mirror /copy; error_page 413 = /p/small.txt; } location /b/ { mirror /copy; error_page 413 /a/small.txt; proxy_pass http://{peer}; } location /p/ { proxy_pass http://{peer}; } location = /copy { proxy_pass http://{copies}; } location /f/ { error_page 413 = /m/small.txt; proxy_pass http://{peer}; } location /m/ { mirror /copy; proxy_pass http://{peer}; }',
    ...['x', 'a/k2', 'b/k2', 'f/x'].flatMap((path) => [
      chunked(`POST /${path}`, 'b'.repeat(11)),
      chunked(`GET /${path}`, 'abc'),
      sized(`POST /${path}`, 'b'.repeat(11)),
    ]),
  ],
  [
    'what filters do to the page of a second 416 leaves that ETag alone',
    'error_page 416 =200 @again; location / { } location @again { sub_filter PEER b; } location /a/ { add_header ETag "" always; error_page 416 =200 @bare; } location @bare { add_header ETag "" always; }',
    ['GET /data.json', 'Range: bytes=999999-'],
    ['HEAD /data.json', 'Range: bytes=999999-'],
    ['GET /noindex/x.txt', 'Range: bytes=5-2'],
    ['GET /a/small.txt', 'Range: bytes=999999-'],
  ],
  [
    'the page of a second 416 has the ETag of the first one',
    'error_page 416 =200 /a/small.txt; location / { } location /b/ { return 200 text; error_page 416 /small.txt; } location /p/ { proxy_pass http://{peer}; proxy_force_ranges on; }',
    ['GET /data.json', 'Range: bytes=999999-'],
    ['GET /p/k5', 'Range: bytes=999999-'],
    ['GET /small.txt', 'Range: bytes=999999-'],
    ['GET /data.json', 'Range: bytes=20-'],
  ],
  [
    'of the page of a 416 filters know its own ETag, not that of the answer before',
    `location / { error_page 416 =200 /a/page.html; } location /a/b/ { error_page 416 =200 /files/page.html; }
     location /files/dir/ { error_page 416 =200 /errors/page.html; } location /p/ { proxy_pass http://{peer}; proxy_force_ranges on; error_page 416 =200 /errors/noext; }
     location /a/page.html { sub_filter text words; } location /files/page.html { ssi on; } location /errors/page.html { sub_filter text words; sub_filter_last_modified on; } location /errors/noext { etag off; sub_filter no some; }
     location /a/dir/ { error_page 416 =200 /errors/404.html; } location /errors/404.html { max_ranges 0; add_header ETag "" always; }
     location /noindex/ { error_page 416 =200 /errors/403.html; } location /errors/403.html { sub_filter page leaf; add_header ETag $http_x_tag always; }
     location /a/noindex/ { error_page 416 =200 /errors/500.html; } location /errors/500.html { max_ranges 0; gzip on; gzip_min_length 1; add_header ETag $http_x_tag always; }
     location /a/b/dir/ { error_page 416 =200 /errors/502.html; } location /errors/502.html { sub_filter page leaf; ssi on; add_header ETag "" always; }
     location /a/b/noindex/ { error_page 416 =200 /errors/503.html; } location /errors/503.html { gzip on; gzip_min_length 1; gzip_http_version 1.0; }`,
    ...[
      'small.txt',
      'a/b/small.txt',
      'files/dir/x.txt',
      'p/k5',
      'a/dir/x.txt',
      'noindex/x.txt',
      'a/noindex/x.txt',
      'a/b/dir/x.txt',
      'a/b/noindex/x.txt',
    ].flatMap((path) => [
      [`GET /${path}`, 'Range: bytes=999999-'],
      [`HEAD /${path}`, 'Range: bytes=999999-', 'Accept-Encoding: gzip', 'X-Tag: "x"'],
    ]),
  ],
  [
    'what a request does at once comes before its copies, which share its variables',
    'mirror /copy; set $at "$uri"; location = /copy { proxy_pass http://{copies}; } location /a/ { empty_gif; add_header X-At "$at"; }',
    ['GET /a/small.txt'],
    ['DELETE /a/small.txt'],
  ],
  [
    'the time that Keep-Alive tells is inherited apart from the other one',
    'keepalive_timeout 70s 50s; location / { } location /a/ { keepalive_timeout 60s; } location /a/b/ { keepalive_timeout 60s 0; } location /files/ { keepalive_timeout 60s 40s; location /files/dir/ { keepalive_timeout 30s; } } location /dir/ { keepalive_timeout 0; }',
    ...['small.txt', 'a/small.txt', 'a/b/small.txt', 'files/small.txt', 'files/dir/x.txt', 'dir/x.txt'].map(
      (path) => [`GET /${path}`],
    ),
  ],
  [
    'Accept-Ranges of an answer that sends elsewhere does not come to an error page',
    'location / { proxy_pass http://{peer}; } location /files/ { return 403; } location @named { return 403; }',
    ['GET /k29'],
    ['GET /k28'],
    ['GET /k27'],
  ],
  [
    'a subrequest has no length of a body that nobody wanted',
    'location = /own { add_after_body /p/k2; return 200 own; } location /p/ { client_max_body_size 10; proxy_pass http://{peer}; }',
    sized('POST /own', 'b'.repeat(30)),
    sized('GET /own', 'b'.repeat(30)),
  ],
  [
    'expires counts from the time of a file that is an error page',
    'error_page 404 =201 /errors/404.html; error_page 405 =200 /small.txt; expires modified 24h; location /a/ { error_page 404 =204 /nothing; return 404; } location /p/ { proxy_pass http://{peer}; }',
    ['POST /nothing', 'Content-Length: 0'],
    ['GET /nothing'],
    ['POST /small.txt', 'Content-Length: 0'],
    ['GET /a/x'],
    ['GET /p/k10'],
  ],
  [
    'a hidden Content-Type does not take the place of that which an answer has left that sends elsewhere',
    'proxy_hide_header Content-Type; location / { proxy_pass http://{peer}; } location /files/ { proxy_hide_header X-Peer; proxy_pass http://{peer}; }',
    ['GET /k27'],
    ['GET /k29'],
    ['GET /files/k27'],
    ['GET /k2'],
  ],
  [
    'no filter works on the body of the answer to auth_request',
    `sub_filter_types *; location / { auth_request /auth; add_header X-Mapped "$by_path" always; }
     location = /auth { alias {root}/part.shtml; ssi on; ssi_types *; sub_filter echo $by_path; }
     location = /auth2 { add_after_body /k2; proxy_pass http://{peer}/k0; sub_filter line $by_path; }
     location = /small.txt { auth_request /auth2; proxy_pass http://{peer}; add_header X-Mapped "$by_path" always; }
     location /a/ { ssi on; ssi_types *; sub_filter x $by_path; }`,
    ['GET /style.css'],
    ['GET /small.txt'],
    ['GET /a/part.shtml'],
  ],
  [
    'a 416 leaves its charset to whatever takes its place',
    `location / { charset iso-8859-1; error_page 416 =404 http://x.test/y; error_page 404 =503 /errors/404.html; }
     location /errors/ { } location /a/ { charset iso-8859-1; error_page 416 /errors/404.html; } location /dir/ { charset $arg_c; }
     location /p/ { proxy_pass http://{peer}; proxy_force_ranges on; error_page 416 http://x.test/y; }
     location /p/a/ { proxy_pass http://{peer}; proxy_force_ranges on; charset utf-8; charset_types *; error_page 416 =200 /k2; }
     location /k2 { proxy_pass http://{peer}; } location /files/ { charset utf-8; error_page 416 /dir/x.txt; }`,
    ...['small.txt', 'a/small.txt', 'dir/x.txt?c=utf-8', 'p/k1', 'p/k2', 'p/a/k2'].map((path) => [
      `GET /${path}`,
      'Range: bytes=999999-',
    ]),
    ...['style.css', 'nothing', 'files/small.txt', 'p/k30', 'p/k3'].map((path) => [
      `GET /${path}`,
      'Range: bytes=999999-',
    ]),
  ],
];

describe.skipIf(nginxVersion === '')('directives together', () => {
  const site = makeSite();
  let peers: [RecordingPeer, RecordingPeer];
  let pair: Pair;
  beforeAll(async () => {
    const own = makeCertificate(site.root, 'peer', 'peer.test');
    peers = [await startRecordingPeer(own), await startRecordingPeer(own)];
    const servers = CASES.map(
      ([, server], i) =>
        `server { listen {port}; server_name s${i}.test; ${/access_log/.test(server) ? '' : 'access_log {dir}/access.log mine;'} ${server.replaceAll('{root}', site.root).replaceAll('{users}', `${site.root}/users`)} }`,
    );
    pair = await startPair(
      `root ${site.root}; proxy_http_version 1.1; default_type text/html; log_format mine '$http_x_case $status body_bytes_sent=$body_bytes_sent "$request" $uri args=$args $sent_http_content_type $content_length $request_body';
       log_format lengths '$http_x_case $uri request_length=$request_length bytes_sent=$bytes_sent body_bytes_sent=$body_bytes_sent'; map $http_x_test $mapped { ~^f(?<rest>.*)$ "<$rest>"; default none; } charset_map iso-8859-1 utf-8 { E9 C3A9; } map $http_x_test $mapped_method { ~^f(o) P$1T; default GET; } map $uri $by_path { default $uri; } upstream twice { server {peer} max_fails=0; server {peer} backup max_fails=0; } types { text/html html htm; text/plain txt; } ${servers.join('\n')}`,
      [peers[0].places, peers[1].places],
    );
  });
  afterAll(async () => {
    await pair?.close();
    for (const peer of peers ?? []) await peer.close();
    site.remove();
  });

  it.each(CASES.map(([name], i) => [name, i] as const))('%s', async (_name, i) => {
    const [, , ...requests] = CASES[i];
    const asked = requests.map(([line, ...rest], n): Request => {
      const end = rest.indexOf('');
      const fields = end < 0 ? rest : rest.slice(0, end);
      return {
        id: `c${i}-${n}`,
        line: `${line} HTTP/1.1`,
        fields: [`Host: s${i}.test`, ...fields],
        body: end < 0 ? '' : rest.slice(end + 1).join('\r\n'),
      };
    });
    expect((await differences(pair, peers, asked)).map(tell).join('\n\n')).toBe('');
  });
});
