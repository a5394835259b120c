// `map` through nginx and through lbproxy: which line counts, what its value makes of captures and variables, when it is asked
// again, and every place that takes a variable.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../fuzz/random.ts';
import { nginxVersion } from '../support/nginx.ts';
import { rawClient } from '../support/raw-client.ts';
import { startRawUpstream, type TestPeer } from '../support/upstream.ts';
import { startEchoPeer } from './echo-peer.ts';
import { askBoth, expectSameLog, type Pair, request, type Side, startPair } from './pair.ts';

const HTTP = `map_hash_max_size 4096; map_hash_bucket_size 128;
  map $arg_a $exact { default "the default"; "" empty; one 1; TWO 2; "three four" "3 4"; \\default "the word"; \\~re tilde;
    \\\\x backslash; é accent; hostnames2 h; "a;b{c}" odd; *.star star; }
  map $arg_a $bare { one 1; }
  map $arg_a $word { volatile v; hostnames h; default d; }
  map $arg_a:$arg_b $two { default "neither"; a:b both; "a:" first; :b second; ~^(.+):(.+)$ "$2 and $1"; }
  map $arg_h $host_of { hostnames; default none; example.org exact; *.example.org below; .both.test both; www.example.* www;
    www.example.com "exact www"; *.www.example.org deeper; mail.* mail; mail.example.* "mail example"; ~^re\\. regex; .org "any org";
    *.deep.er.both.test deepest; "" nothing; }
  map $arg_h $early { a.* literal; hostnames; default none; b.* wild; }
  map $arg_a $regex { default none; ~^(?<first>[a-z]+)-(?<second>\\d+)$ "$second/$first"; ~*^CASE$ caseless; ~Sensitive yes; ~^x(.)(.)? "[$1$2]";
    ~^empty$ ""; "~^quoted (.*)$" "q=$1"; ~é accent; }
  map $arg_a $nested { default "$regex|$exact"; ~^n "$two$host"; }
  map $uri $kept { default other; /kept/one first; /kept/two second; }
  map $uri $fresh { volatile; default other; /fresh/one first; /fresh/two second; }
  map $made $of_made { default "made=$made"; "" none; }
  map $made $of_made_now { volatile; default "made=$made"; "" none; }
  map $http_upgrade $connection_upgrade { default upgrade; '' close; }
  map $arg_log $logged { default 0; yes 1; }
  map $arg_pool $pool { default first; b second; }
  map $arg_root $from { default {dir}/nowhere; a {dir}; }
  map $arg_a $over { default mapped; }
  map $arg_a $Caps { default "caps $Exact"; }
  map $http_x_name $http_x_made { default "from $http_x_name"; "" ""; }
  map $cycle_b $cycle_a { default "a"; b "saw b"; }
  map $cycle_a $cycle_b { default "b"; a "saw a"; }
  map $http_x_name $of_header { default none; me found; other "found other"; }
  map $http_x_free $of_free { default none; me found; }
  map x $constant { x "is x"; }
  map $arg_a $last { one early; }
  map $arg_a $last { one late; }
  log_format mapped '$exact|$bare|$of_made|$never|$captured|$uri';
`;

const configuration = (peer: string, included: string): string => `${HTTP}
  map $arg_a $from_file { include ${included}; two here; }
  upstream first { server ${peer}; } upstream second { server ${peer}; }
  proxy_http_version 1.1; proxy_set_header Connection "";
  server { listen {port}; server_name ref.example; access_log {dir}/mapped.log mapped if=$logged;
    location /values { return 200 "$exact|$bare|$word|$two|$regex|$first|$second|$nested|$constant|$last|$from_file|$caps|$CAPS"; }
    location /hosts { return 200 "$host_of|$early"; }
    location /kept { rewrite ^/kept/one$ /kept/two; set $seen $kept; return 200 "$seen $kept $uri"; }
    location /kept-before { set $seen $kept; rewrite ^ /kept/one break; return 200 "$seen $kept $uri"; }
    location /fresh { set $seen $fresh; rewrite ^/fresh/one$ /fresh/two break; return 200 "$seen $fresh $uri"; }
    location /fresh-break { set $seen $fresh; rewrite ^ /fresh/two; return 200 "$seen $fresh $uri"; }
    location /made { set $seen $of_made; set $seen_now $of_made_now; set $made one; return 200 "$seen,$seen_now $of_made,$of_made_now"; }
    location /made-first { set $made one; set $seen $of_made$of_made_now; set $made two; return 200 "$seen $of_made,$of_made_now"; }
    location /over { set $before $over; set $over "set $over"; return 200 "$before $over"; }
    location /over-first { set $over set; return 200 "$over"; }
    location /upgrade { proxy_set_header Connection $connection_upgrade; proxy_set_header X-Exact $exact; proxy_set_header X-Bare $bare; proxy_pass http://first; }
    location /pool { proxy_set_header X-Pool $pool; proxy_pass http://$pool; }
    location /root { root $from; }
    location /if { if ($exact = 1) { return 200 "is one"; } if ($bare) { return 200 "is bare"; } if ($regex ~ ^(\\d+)/(.*)$) { return 200 "$2 $1"; } return 200 "none"; }
    location /rewrite { rewrite ^/rewrite/(.*)$ /to/$exact/$1 redirect; }
    location /jump { rewrite ^ /values?a=$exact? last; }
    location /status { return 302 http://to.test/$two; }
    location ~ ^/captures/(?<captured>[^/]+)/(.*)$ { return 200 "$captured $regex $1 $2 $captured"; }
    location /family { return 200 "$http_x_made $http_x_name"; }
    location /header-set { set $seen $of_header; set $http_x_name other; return 200 "$seen $of_header $http_x_name"; }
    location /header-set-first { set $http_x_name other; return 200 "$of_header $http_x_name"; }
    location /header { return 200 "$of_header $of_free $http_x_free"; }
    location /cycle { return 200 "$cycle_a $cycle_b"; }
    location /set { set $never x; }
  }`;

const A = [
  '',
  'one',
  'ONE',
  'two',
  'Two',
  'three four',
  'default',
  '~re',
  '\\x',
  '\u00c3\u00a9',
  '\u00c3\u0089',
  'hostnames',
  'volatile',
]
  .concat([
    'hostnames2',
    'a;b{c}',
    'x.star',
    '*.star',
    'ab-12',
    'AB-12',
    'case',
    'CaSe',
    'Sensitive',
    'sensitive',
    'xa',
    'xab',
    'x',
    'empty',
  ])
  .concat(['quoted text', 'n', 'none', 'from-1', 'included', '$host', 'constructor', '__proto__']);
const HOSTS = [
  '',
  'example.org',
  'EXAMPLE.org',
  'example.org.',
  'example.org..',
  'a.example.org',
  'a.b.example.org',
  '.example.org',
  'both.test',
]
  .concat([
    'x.both.test',
    'xboth.test',
    'www.example.com',
    'www.example.net',
    'www.example.',
    'www.example',
    'www.example.org',
    'a.www.example.org',
  ])
  .concat([
    'mail.x',
    'mail.example.x',
    'mail.example',
    'mail',
    're.x',
    'RE.x',
    'org',
    'x.org',
    'deep.er.both.test',
    'a.deep.er.both.test',
    'er.both.test',
  ])
  .concat(['a.*', 'a.x', 'b.x', 'b.*', '.', '..', '*', '*.example.org']);

// $arg_ variables are not decoded: what needs it goes as it is, but for blanks, which no request line has.
const raw = (text: string): string => text.replaceAll(' ', '%20');

const TARGETS = [
  ...A.map((a) => `/values?a=${raw(a)}`),
  ...['a=a&b=b', 'a=a', 'b=b', 'a=x&b=y', ''].map((args) => `/values?${args}`),
  ...HOSTS.map((h) => `/hosts?h=${h}`),
  ...[
    '/kept/one',
    '/kept/two',
    '/kept/x',
    '/kept-before',
    '/fresh/one',
    '/fresh/two',
    '/fresh-break',
    '/made',
    '/made-first',
  ],
  ...[
    '/over',
    '/over-first',
    '/upgrade?a=one',
    '/upgrade?a=empty',
    '/upgrade?a=',
    '/pool',
    '/pool?pool=b',
    '/root?root=a',
    '/root?root=x',
  ],
  ...[
    '/if?a=one',
    '/if?a=two',
    '/if?a=ab-12',
    '/if?a=x',
    '/rewrite/x%20y?a=one',
    '/rewrite/x',
    '/jump?a=one',
    '/status?a=a&b=b',
  ],
  ...[
    '/captures/one/two?a=ab-12',
    '/captures/one/two?a=zz',
    '/captures/one/two?a=xyz',
    '/family',
    '/set',
    '/header-set',
    '/header-set-first',
    '/header',
  ],
];

describe.skipIf(nginxVersion === '')('map', () => {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-map-'));
  let peer: TestPeer;
  let pair: Pair;
  beforeAll(async () => {
    writeFileSync(join(dir, 'part.map'), 'default "of the file";\nincluded yes;\n~^from-(\\d)$ "from $1";\n');
    peer = await startEchoPeer();
    pair = await startPair(configuration(`127.0.0.1:${peer.port}`, join(dir, 'part.map')));
    for (const side of [pair.nginx, pair.lbproxy]) writeFileSync(join(side.dir, 'root'), 'the file');
  });
  afterAll(async () => {
    await pair?.close();
    await peer?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it.each(TARGETS)('%s', async (target) => {
    const { nginx, lbproxy } = await askBoth(pair, request('GET', target, ['X-Name: me']));
    expect(lbproxy).toEqual(nginx);
  });

  it('in Connection, with and without Upgrade', async () => {
    for (const lines of [[], ['Upgrade: h2c'], ['Upgrade: x', 'X-Name: y']]) {
      const { nginx, lbproxy } = await askBoth(pair, request('GET', '/upgrade?a=x', lines));
      expect(lbproxy).toEqual(nginx);
    }
  });

  it('carries WebSockets as the documentation of nginx has it', async () => {
    const ends = await startRawUpstream((socket) => {
      socket.once('data', (head: Buffer) => {
        const asked =
          /\r\nUpgrade: websocket\r\n/i.test(head.latin1Slice()) &&
          /\r\nConnection: upgrade\r\n/i.test(head.latin1Slice());
        const answer = asked
          ? '101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade'
          : '200 OK\r\nContent-Length: 0';
        socket.write(`HTTP/1.1 ${answer}\r\n\r\n`);
        socket.on('data', (more: Buffer) => socket.write(`echo ${more.latin1Slice()}`));
      });
    });
    const both = await startPair(`map $http_upgrade $connection_upgrade { default upgrade; '' close; }
      server { listen {port}; location / { proxy_pass http://127.0.0.1:${ends.port}; proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; } }`);
    try {
      for (const { port } of [both.nginx, both.lbproxy]) {
        const client = rawClient(port);
        client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
        await client.until((text) => text.startsWith('HTTP/1.1 101') && text.includes('\r\n\r\n'));
        client.write('ping');
        await client.until((text) => text.endsWith('echo ping'));
        client.destroy();
      }
      const { nginx, lbproxy } = await askBoth(both, request('GET', '/'));
      expect(lbproxy).toEqual(nginx);
    } finally {
      await both.close();
      await ends.close();
    }
  });

  it('that need each other in a circle have what is left', async () => {
    const { nginx, lbproxy } = await askBoth(pair, request('GET', '/cycle'));
    expect(lbproxy).toEqual(nginx);
    const told = (side: Side): string => readFileSync(join(side.dir, 'error.log'), 'latin1');
    expect(told(pair.nginx)).toContain('cycle while evaluating variable "cycle_');
  });

  it('decides what is logged, and is logged', async () => {
    const targets = [
      '/values?a=one&log=yes',
      '/values?a=none&log=no',
      '/captures/c/d?a=&log=yes',
      '/set?log=yes',
      '/made-first?log=yes',
    ];
    for (const target of targets) await askBoth(pair, request('GET', target));
    const lines = (side: Side): string[] => {
      side.flush();
      return readFileSync(join(side.dir, 'mapped.log'), 'latin1').split('\n').slice(0, -1);
    };
    await expectSameLog(pair, 'mapped.log', 4);
    expect(lines(pair.nginx)).toHaveLength(4);
  });
});

/** A map of names and patterns that often are of the same few letters. */
function randomMap(random: Random, variable: string): string {
  const label = (): string => random.pick(['a', 'b', 'c', 'A', 'ab', 'www']);
  const name = (): string => Array.from({ length: random.below(4) + 1 }, label).join('.');
  const lines = new Map<string, string>();
  const hostnames = random.below(3) > 0;
  for (let i = random.below(14); i >= 0; i--) {
    const n = name();
    const key = random.pick([n, n, `*.${n}`, `.${n}`, `${n}.*`]);
    const low = key.toLowerCase().replace(/^\.|^\*\./, hostnames ? '~' : '$&');
    if (!hostnames || (!lines.has(low) && !lines.has(low.replace('~', '')) && !lines.has(`~${low}`)))
      lines.set(low, `${key} "${key} $arg_v";`);
  }
  const regexes = Array.from(
    { length: random.below(4) },
    () =>
      `${random.pick(['~', '~*'])}${random.pick(['^', ''])}(${label()})\\.?(.*)${random.pick(['$', ''])} "re $1,$2";`,
  );
  const rest = random.below(2) === 0 ? ['default "d $arg_v";'] : [];
  return `map $arg_x ${variable} { ${hostnames ? 'hostnames;' : ''} ${[...lines.values(), ...regexes, ...rest].join(' ')} }`;
}

describe.skipIf(nginxVersion === '')('maps made at random', () => {
  it('are the same maps', async () => {
    const random = new Random(20, 0);
    const names = Array.from({ length: 40 }, (_, i) => `$m${i}`);
    const maps = names.map((name) => randomMap(random, name)).join('\n');
    const pair = await startPair(
      `${maps} server { listen {port}; return 200 "${names.map((n) => `${n};`).join('')}"; }`,
    );
    try {
      for (let i = 0; i < 80; i++) {
        const labels = Array.from({ length: random.below(6) }, () =>
          random.pick(['a', 'b', 'c', 'ab', 'www', 'B', 'x', '', '*']),
        );
        const { nginx, lbproxy } = await askBoth(pair, request('GET', `/?x=${labels.join('.')}&v=${i}`));
        expect(lbproxy).toEqual(nginx);
      }
    } finally {
      await pair.close();
    }
  });
});
