// The configuration that the requests of answers-cases.ts and answers-errors.ts are made for.
import { TYPES_BLOCK } from '../serve/site.ts';
import { RETURNS } from './answers-cases.ts';

/** What stands in `http { }`: one server with a location for each case. */
export function configuration(root: string): string {
  const numbers = RETURNS.flatMap(([name]) => /\/(?:return|text)\/(\d+)/.exec(name)?.[1] ?? []);
  const returns = [...new Set(numbers)].map(
    (status) => `location = /return/${status} { return ${status}; }
      location = /text/${status} { return ${status} "text of ${status} $uri"; }`,
  );
  return `${TYPES_BLOCK} default_type application/octet-stream; root ${root};
    server { listen {port}; server_name ref.example other.example;
      rewrite ^/server-rewritten$ /m/rewritten;
      rewrite ^/server-moved$ /m/moved permanent;
      location /norange/ { alias ${root}/; max_ranges 0; }
      location /al/ { alias ${root}/pics/; }
      location /small-body/ { client_max_body_size 10; return 200 "fits"; }
      ${LOCATION_BLOCKS} ${returns.join('\n')} ${REWRITE_BLOCKS} ${ifBlocks(root)} ${expiresBlocks(root)} } `;
}

const SHOW = '"$uri|$args|$is_args|$request_uri|$1\\n"';

const LOCATION_BLOCKS = `
  location /m/ { return 200 "prefix ${SHOW.slice(1)};
    location /m/inner/ { return 200 "nested ${SHOW.slice(1)}; location ~ png { return 200 "nested regex png"; } }
    location ~ /m/re(\\d+) { return 200 "nested re ${SHOW.slice(1)}; } }
  location = /m/exact { return 200 "exact ${SHOW.slice(1)}; }
  location ^~ /m/final/ { return 200 "final ${SHOW.slice(1)}; }
  location ~ \\.php$ { return 200 "php ${SHOW.slice(1)}; }
  location ~* \\.(gif|png)$ { return 200 "image ${SHOW.slice(1)}; }
  location ~ ^/named/(?<number>\\d+)/ { return 200 "number $number"; }
  location /deep/ { location /deep/one/ { return 200 "one ${SHOW.slice(1)}; location /deep/one/two { return 200 "two ${SHOW.slice(1)}; } } }
  location /to/path { return 301 /there; }
  location /to/url { return 302 https://example.com/x?y; }
  location /to/scheme { return 303 $scheme://$host$request_uri; }
  location /to/vars { return 307 /x$is_args$args; }
  location /to/rel { return 302 there; }
  location /to/code { return https://example.com/; }
  location /to/308 { return 308 //other.example/; }
  location /to/noslash { return 301 ""; }
  location /to/variable { return 307 $arg_to; }
  location /to/rewritten { rewrite ^ $arg_to? redirect; }
  location /to/gone { rewrite ^/to/gone(.*)$ $1? permanent; }
  location /to/utf8 { return 302 /caf\u00e9; }
  location /to/crlf { return 302 $uri; }`;

const REWRITE_BLOCKS = `
  location /r/last/ { rewrite ^/r/last/(.*)$ /m/$1 last; return 500; }
  location /r/noflag/ { rewrite ^/r/noflag/(.*)$ /m/one/$1; rewrite ^/m/one/(.*)$ /m/two/$1; }
  location /r/redirect/ { rewrite ^/r/redirect/(.*)$ /there/$1 redirect; }
  location /r/permanent/ { rewrite ^/r/permanent/(.*)$ /there/$1 permanent; }
  location /r/full/ { rewrite ^/r/full/(.*)$ http://other.example/$1; }
  location /r/scheme/ { rewrite ^/r/scheme/(.*)$ $scheme://other.example/$1; }
  location /r/query/ { rewrite ^/r/query/(.*)$ /m/x?added=1&p=$1 last; }
  location /r/noquery/ { rewrite ^/r/noquery/(.*)$ /m/$1? last; }
  location /r/qredir/ { rewrite ^/r/qredir/(.*)$ /x?u=$1 redirect; }
  location /r/loop/ { rewrite ^/r/loop/(.*)$ /r/loop/$1x last; }
  location /r/breakdir/ { rewrite ^/r/breakdir/(.*)$ /small.txt break; return 500; }
  location /r/chain/ { set $v first; rewrite ^/r/chain/(.*)$ /r/last/$v/$1 last; }
  location /r/break/ { break; return 500; }
  location /r/breakthen/ { rewrite ^/r/breakthen/(.*)$ /small.txt; break; }
  location /r/breakword/ { rewrite ^/r/breakword/(.*)$ /$1 break; expires max; }
  location /r/caseless/ { rewrite (?i)^/r/caseless/abc$ /m/found last; return 404; }`;

function ifBlocks(root: string): string {
  return `
  location /if/args { if ($arg_a) { return 200 "set $arg_a"; } return 200 "not set"; }
  location /if/eq { if ($arg_a = yes) { return 200 yes; } return 200 no; }
  location /if/ne { if ($arg_a != yes) { return 200 "not yes"; } return 200 yes; }
  location /if/match { if ($http_x_test ~ ^foo(.*)$) { return 200 "cased $1"; } if ($http_x_test ~* ^foo(.*)$) { return 200 "caseless $1"; } return 200 none; }
  location /if/nomatch { if ($http_x_test !~* ^FOO) { return 200 "no foo"; } return 200 foo; }
  location ~ ^/if/file/(.*)$ { if (-f ${root}/$1) { return 200 "is a file"; } return 200 "is none"; }
  location ~ ^/if/nofile/(.*)$ { if (!-f ${root}/$1) { return 200 "is none"; } return 200 "is a file"; }
  location ~ ^/if/dir/(.*)$ { if (-d ${root}/$1) { return 200 "is a directory"; } return 200 "is none"; }
  location ~ ^/if/exists/(.*)$ { if (-e ${root}/$1) { return 200 "exists"; } return 200 "does not"; }
  location ~ ^/if/exec/(.*)$ { if (!-x ${root}/$1) { return 200 "cannot"; } return 200 "can"; }
  location /if/expires/ { alias ${root}/; if ($query_string) { expires max; } }
  location /if/break { if ($arg_a) { break; } return 200 "not broken"; }
  location /if/set { set $v none; if ($arg_a) { set $v "is $arg_a"; } return 200 $v; }
  location /if/nested { set $v none; if ($arg_a) { set $v one; rewrite ^ /m/$v last; } return 200 $v; }
  location /if/rewrite { if ($arg_a) { rewrite ^/if/(.*)$ /m/$1 break; return 200 "rewritten $uri"; } return 200 "as it was"; }
  location /if/both { set $v ""; if ($arg_a) { set $v "a"; } if ($arg_b) { set $v "$v b"; } return 200 "($v)"; }
  location /if/return { if ($arg_a) { return 301 /x; } return 200 no; }
  location /if/method { if ($request_method = POST) { return 405; } return 200 $request_method; }
  location /if/host { if ($host = ref.example) { return 200 "host $host"; } return 404; }
  location /if/cookie { if ($http_cookie ~* "id=([^;]+)(?:;|$)") { return 200 "id $1"; } return 404; }
  location /if/goon { if ($arg_a) { rewrite ^ /m/one; } rewrite ^/m/one$ /m/two; rewrite ^/if/goon$ /m/none; }
  location /if/two { if ($arg_a) { set $v first; expires 1h; } if ($arg_a = 1) { set $v "$v second"; expires max; } return 200 $v; }
  location ~ ^/if/captures/(.*)$ { if ($arg_a ~ ^(z+)$) { set $v "$1"; } return 200 "$v $1"; }
  location /if/root/ { if ($arg_a) { root /nowhere; } alias ${root}/; }`;
}

function expiresBlocks(root: string): string {
  const block = (name: string, value: string): string =>
    `location /expires/${name}/ { alias ${root}/; expires ${value}; }`;
  return [
    ...[block('30d', '30d'), block('minus', '-1'), block('epoch', 'epoch'), block('max', 'max')],
    ...[
      block('off', 'off'),
      block('daily', '@15h30m'),
      block('modified', 'modified +24h'),
      block('zero', '0'),
    ],
    'set $howlong 1h;',
    block('variable', '$howlong'),
    block('errors', 'max'),
    'location /expires/text/ { expires 1h; return 200 text; }',
    'location /expires/redirect/ { expires 1h; return 302 /x; }',
  ].join('\n');
}
