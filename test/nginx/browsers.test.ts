// msie_padding, msie_refresh, keepalive_disable, lingering_close and auth_delay beside nginx.
import { ask, describeTable, kept, type TableCase, type TablePlaces } from './request-table.ts';

const configuration = ({ root, dead, peer }: TablePlaces): string => `
  server { listen {port}; server_name ref.example; root ${root};
    location = /gone { return 410; }
    location = /moved { return 301 /there; }
    location = /found { return 302 http://other.example/a?b="c"&d='e'; }
    location = /see { return 303 /there; }
    location = /plain { msie_padding off; return 404; }
    location = /refresh { msie_refresh on; return 301 /there?a=%20b; }
    location = /refresh302 { msie_refresh on; return 302 "http://other.example/a b\\"c'd%e"; }
    location = /refresh303 { msie_refresh on; return 303 /there; }
    location /noindex { msie_refresh on; }
    location = /paged { msie_refresh on; error_page 301 = /small.txt; return 301 /x; }
    location = /instead { msie_refresh on; return 301 /x; error_page 301 =303 text; }
    location = /added { msie_refresh on; add_header X-A b always; gzip on; gzip_types *; return 301 /x; }
    location = /gzip { gzip on; gzip_min_length 1; return 404; }
    location = /dead { proxy_pass http://${dead}; }
    location = /peer { msie_refresh on; proxy_pass http://${peer}; }
    location = /safari { keepalive_disable safari; return 200 "x"; }
    location = /none { keepalive_disable none; return 200 "x"; }
    location = /both { keepalive_disable msie6 safari; return 200 "x"; }
    location /late/ { auth_delay 100ms; auth_basic "x"; auth_basic_user_file ${root}/none; error_page 401 =200 /small.txt; return 200; }
    location /auth/ { auth_delay 50ms; auth_request /no; try_files /small.txt =404; }
    location /any/ { auth_delay 50ms; satisfy any; deny all; auth_request /no; try_files /small.txt =404; }
    location = /no { return 401; }
    location = /linger { lingering_close always; lingering_timeout 200ms; return 200 "x"; }
    location = /nolinger { lingering_close off; return 200 "x"; }
    location = /msie6 { keepalive_disable msie6; return 200 "x"; }
  }`;

const AGENTS = {
  old: 'Mozilla/4.0 (compatible; MSIE 6.0; Windows 98)',
  xp: 'Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1)',
  eight: 'Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1)',
  short: 'MSIE 6',
  four: 'MSIE 4.01x',
  opera: 'Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1) Opera 7.0',
  chrome: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36',
  safari:
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17 Safari/605.1.15',
  iphone: 'Mozilla/5.0 (iPhone) Safari/605.1.15',
  firefox: 'Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0',
  curl: 'curl/8.0',
};

const TARGETS = [
  'gone',
  'moved',
  'found',
  'see',
  'plain',
  'refresh',
  'refresh302',
  'refresh303',
  'noindex',
  'paged',
  'instead',
  'added',
  'gzip',
  'dead',
  'peer',
  'nowhere',
  'safari',
  'none',
  'both',
  'msie6',
  'small.txt',
];

const all: readonly TableCase[] = Object.values(AGENTS).flatMap((agent) =>
  TARGETS.flatMap((target) => {
    const lines = [`User-Agent: ${agent}`];
    return [
      ask('ref.example', 'GET', `/${target}`, lines),
      ...(target.length % 2 === 0 ? [ask('ref.example', 'HEAD', `/${target}`, lines)] : []),
      ...(/safari|none|both|msie6/.test(target)
        ? [
            kept(ask('ref.example', 'GET', `/${target}`, lines)),
            kept(ask('ref.example', 'POST', `/${target}`, lines)),
          ]
        : []),
    ];
  }),
);

const old10 = (target: string): TableCase => ({
  name: `HTTP/1.0 ${target}`,
  bytes: `GET ${target} HTTP/1.0\r\nHost: ref.example\r\nUser-Agent: ${AGENTS.chrome}\r\n\r\n`,
});

describeTable('browsers, and the ends of connections', configuration, [
  ...all,
  old10('/gone'),
  old10('/moved'),
  ...['/late/x', '/auth/x', '/any/x', '/linger', '/nolinger'].flatMap((target) => [
    ask('ref.example', 'GET', target),
    ask('ref.example', 'HEAD', target),
    ask('ref.example', 'POST', target),
  ]),
]);
