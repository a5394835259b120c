// Modules of one idea each, beside nginx: empty_gif, stub_status' answer, secure_link in both forms, valid_referers, userid, blanks in `if`.
import { createHash } from 'node:crypto';
import { ask, describeTable, kept, type TablePlaces } from './request-table.ts';

const configuration = ({ root }: TablePlaces): string => `
  server { listen {port}; server_name ref.example *.wild.example ~^re(\\d+)\\.example$; root ${root};
    location = /gif { empty_gif; }
    location = /gif-added { empty_gif; add_header X-A b; expires 1h; if_modified_since before; max_ranges 1; }
    location = /gif-error { error_page 405 =200 /gif; empty_gif; }
    location = /gif-if { empty_gif; if ($arg_a) { add_header X-If yes; } }
    location = /gif-gzip { gzip on; gzip_types image/gif; gzip_min_length 1; empty_gif; error_page 405 /small.txt; }
    location /gif-in/ { empty_gif; location /gif-in/x { } }
    location = /status405 { stub_status; error_page 405 = /text; }
    location = /text { return 200 "a text"; }
    location /link/ { secure_link $arg_md5,$arg_expires; secure_link_md5 "$secure_link_expires$uri secret";
      add_header X-Link "[$secure_link][$secure_link_expires]" always;
      if ($secure_link = "") { return 403; } if ($secure_link = "0") { return 410; } return 200 "fine $secure_link"; }
    location /bare/ { secure_link $arg_md5; secure_link_md5 "$uri secret"; return 200 "[$secure_link][$secure_link_expires]"; }
    location /half/ { secure_link $arg_md5; return 200 "[$secure_link][$secure_link_expires]"; }
    location /old/ { secure_link_secret word; if ($secure_link = "") { return 403; } return 200 "[$secure_link]"; }
    location /none/ { return 200 "[$secure_link][$secure_link_expires][$invalid_referer][$uid_got][$uid_set]"; }
    location /ref/ { valid_referers none blocked server_names *.ok.example www.any.* exact.example/path .dot.example ~\\.google\\. "~^re/x";
      return 200 "[$invalid_referer]"; }
    location /only/ { valid_referers exact.example; if ($invalid_referer) { return 403; } return 200 "[$invalid_referer]"; }
    location /names/ { valid_referers server_names; valid_referers blocked; location /names/in/ { return 200 "in[$invalid_referer]"; } return 200 "[$invalid_referer]"; }
    location /set/ { valid_referers a.example; set $invalid_referer mine; return 200 "[$invalid_referer]"; }
    location /blank1 { if ( $arg_a = "" ) { return 200 "empty"; } return 200 "given $arg_a"; }
    location /blank2 { if ( $arg_a ) { return 200 "set"; } return 200 "unset"; }
    location /blank3 { if ( $arg_a ~ ^x ) { return 200 "x"; } if ($arg_a = "" ) { return 200 "no"; } if ( -f $document_root/small.txt) { return 200 "file"; } return 200 "else"; }
  }
  server { listen {port}; server_name users.example; userid_name u; userid_path /p; userid_domain d.example; userid_p3p 'CP="X"';
    location /log { userid log; return 200 "[$uid_got][$uid_set]"; }
    location /mark { userid on; userid_mark Z; userid_expires max; userid_flags secure samesite=strict httponly; return 200 "[$uid_got]"; }
    location /plain { userid on; return 200 "[$uid_got]"; }
    location /v1 { userid v1; userid_p3p none; userid_domain none; userid_path /; return 200 "[$uid_got]"; }
    location /flags { userid on; userid_mark A; userid_flags samesite=lax secure; return 404; }
    location /none { userid on; userid_mark A; userid_flags samesite=none; add_header X-A b; return 302 /x; }
    location /off { userid off; return 200 "[$uid_got][$uid_set][$uid_reset]"; }
    location /keep { userid on; set $uid_reset 0; return 200 "[$uid_got][$uid_reset]"; }
  }`;

const md5 = (text: string, form: 'hex' | 'base64url'): string => createHash('md5').update(text).digest(form);
const LATE = 4_000_000_000;
const links = [
  `/link/a?md5=${md5('/link/a secret', 'base64url')}`,
  `/link/a?md5=${md5(`${LATE}/link/a secret`, 'base64url')}&expires=${LATE}`,
  `/link/a?md5=${md5('1000/link/a secret', 'base64url')}&expires=1000`,
  `/link/a?md5=${md5('x', 'base64url')}&expires=1000`,
  '/link/a?expires=0',
  '/link/a?expires=x',
  '/link/a?md5=abc&expires=12345678901234567890123',
  '/link/a',
  `/bare/b?md5=${md5('/bare/b secret', 'base64url')}`,
  `/bare/b?md5=${md5('/bare/b secret', 'base64url')}==`,
  `/bare/b?md5=${md5('/bare/b secret', 'base64url')}=x`,
  `/bare/b?md5=${md5('/bare/b secret', 'base64url')}====`,
  `/bare/b?md5=${md5('/bare/b secret', 'base64url').replace(/.$/, 'A')}`,
  `/bare/b?md5=${md5('/bare/b secret', 'base64url').slice(0, 20)}`,
  '/bare/b?md5=%41',
  '/half/b?md5=x',
  `/old/${md5('linkword', 'hex')}/link`,
  `/old/${md5('linkword', 'hex').toUpperCase()}/link`,
  `/old/${md5('a/b%20c?d=1word', 'hex')}/a/b%20c?d=1`,
  `/old/${md5('xword', 'hex')}/link`,
  `/old/${md5('word', 'hex')}/`,
  `/old/${'g'.repeat(32)}/link`,
  '/old/short/link',
  '/old/',
  '/none/',
];

const REFERERS = [
  ...[
    'http://ref.example/',
    'https://ref.example',
    'HTTP://REF.EXAMPLE/x',
    'http://a.wild.example/',
    'http://wild.example/',
  ],
  ...[
    'http://re12.example/a',
    'http://rex.example/',
    'http://a.ok.example',
    'http://ok.example/',
    'http://a.b.ok.example:80/',
  ],
  ...[
    'http://www.any.com/',
    'http://www.any.co.uk/',
    'http://any.com/',
    'http://exact.example/',
    'http://exact.example/path',
  ],
  ...[
    'http://exact.example/path/more',
    'http://exact.example/pa',
    'http://exact.example:8080/path',
    'http://dot.example/',
    'http://x.dot.example/y',
  ],
  ...[
    'http://www.google.com/',
    'http://re/x/y',
    'http://other.example/',
    'ftp://ref.example/',
    'Field blocked by Outpost firewall',
    'http://i.r',
    '',
  ],
  `http://${'a'.repeat(256)}/`,
  `http://${'a'.repeat(257)}.google./`,
];

const got = Buffer.from('00112233445566778899aabbccddeeff', 'hex').toString('base64');
const COOKIES = [
  `u=${got}`,
  `u=${got.slice(0, 22)}`,
  `u=${got.slice(0, 22)}Z=`,
  `u=${got.slice(0, 22)}A=`,
  `a=b; U=${got}; c=d`,
];
const BAD = [`u=${got.slice(0, 21)}`, 'u=!!!!!!!!!!!!!!!!!!!!!!!!', `u=${'A'.repeat(22)}`, 'u='];

const CONDITIONS = [
  [],
  ['Range: bytes=1-3'],
  ['Range: bytes=0-1,5-6'],
  ['Range: bytes=100-'],
  ['If-Modified-Since: Mon, 28 Sep 1970 06:00:00 GMT'],
  ['If-Modified-Since: Mon, 28 Sep 1971 06:00:00 GMT'],
  ['If-Unmodified-Since: Mon, 28 Sep 1969 06:00:00 GMT'],
  ['If-None-Match: *'],
  ['If-Match: "x"'],
];

describeTable('modules of one idea', configuration, [
  ...[
    '/gif',
    '/gif-added',
    '/gif-error',
    '/gif-if',
    '/gif-if?a=1',
    '/gif-gzip',
    '/gif-in/x',
    '/gif-in/',
  ].flatMap((target) => [
    ...CONDITIONS.map((lines) => ask('ref.example', 'GET', target, lines)),
    ask('ref.example', 'HEAD', target),
    ask('ref.example', 'POST', target),
    ask('ref.example', 'DELETE', target),
  ]),
  ...['POST', 'PUT'].map((method) => ask('ref.example', method, '/status405')),
  ...links.map((target) => ask('ref.example', 'GET', target)),
  ...['/ref/', '/only/', '/names/', '/names/in/', '/set/'].flatMap((target) => [
    ask('ref.example', 'GET', target),
    ...REFERERS.map((referer) => ask('ref.example', 'GET', target, [`Referer: ${referer}`])),
  ]),
  ...['/blank1', '/blank2', '/blank3'].flatMap((target) =>
    ['', '?a=', '?a=x', '?a=y'].map((args) => ask('ref.example', 'GET', target + args)),
  ),
  ...['/log', '/mark', '/plain', '/v1', '/flags', '/none', '/off', '/keep'].flatMap((target) =>
    COOKIES.map((cookie) => kept(ask('users.example', 'GET', target, [`Cookie: ${cookie}`]))),
  ),
  ...['/log', '/off'].flatMap((target) => [
    ...BAD.map((cookie) => ask('users.example', 'GET', target, [`Cookie: ${cookie}`])),
    ask('users.example', 'HEAD', target),
  ]),
]);
