// proxy_cache beside nginx: the same requests one after another, of which each finds what those before have left. Compared are the answers
// ($upstream_cache_status among their fields), and what the peer was asked.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import { startRawUpstream, startUpstream, type TestPeer } from '../support/upstream.ts';
import { exchangeOnce } from '../support/wire.ts';
import { comparable, type Pair, request, type Side, startPair } from './pair.ts';

/** `METHOD path[ | field: value]…` */
type Script = readonly string[];

const LM = 'Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT';

const SCRIPTS: Readonly<Record<string, Script>> = {
  plain: ['GET /a', 'GET /a', 'HEAD /a', 'GET /a?x=1', 'GET /a?x=1', 'POST /a', 'GET /a'],
  'asked by auth_request, and by its request': ['GET /auth/a', 'GET /auth/b'],
  'head first': ['HEAD /h', 'GET /h', 'HEAD /h'],
  'statuses without proxy_cache_valid': ['GET /none/s/404', 'GET /none/s/404', 'GET /none/a', 'GET /none/a'],
  statuses: [301, 302, 404, 500, 204, 410].flatMap((status) => [
    `GET /s/${status}`,
    `GET /s/${status}`,
    `HEAD /s/${status}`,
  ]),
  'fields that say how long': [
    'max-age=100',
    'max-age=0',
    's-maxage=100, max-age=0',
    'max-age=100, s-maxage=0',
    'no-cache',
    'no-store',
    'private',
    'public',
    'max-age=x',
    'max-age=100, private',
    'MAX-AGE=100',
    'stale-while-revalidate=x, max-age=10',
    'max-age=',
  ].flatMap((value, i) => [1, 2].map(() => `GET /none/cc${i} | X-Cache-Control: ${value}`)),
  expires: ['Thu, 01 Jan 2037 00:00:00 GMT', 'Thu, 01 Jan 1981 00:00:00 GMT', 'epoch', '0'].flatMap(
    (value, i) => [1, 2].map(() => `GET /none/ex${i} | X-Expires: ${value}`),
  ),
  'x-accel-expires': ['100', '0', '@4000000000', '@1', 'x', ''].flatMap((value, i) =>
    [1, 2].map(() => `GET /none/xa${i} | X-X-Accel-Expires: ${value}`),
  ),
  'several at once': [
    ['X-Expires: Thu, 01 Jan 1981 00:00:00 GMT', 'X-Cache-Control: max-age=100'],
    ['X-Cache-Control: max-age=100', 'X-Expires: Thu, 01 Jan 1981 00:00:00 GMT'],
    ['X-Set-Cookie: a=b', 'X-Cache-Control: max-age=100'],
    ['X-Set-Cookie: a=b', 'X-X-Accel-Expires: 100'],
    ['X-Vary: *', 'X-Cache-Control: max-age=100'],
  ].flatMap((fields, i) => [1, 2].map(() => `GET /none/sev${i} | ${fields.join(' | ')}`)),
  'conditions and ranges on what is not stored': [
    'X-Expires: Thu, 01 Jan 1981 00:00:00 GMT',
    'X-Cache-Control: no-cache',
    'X-Cache-Control: max-age=0',
    'X-Set-Cookie: a=b',
    'X-X-Accel-Expires: 0',
    'X-Vary: *',
    'X-Nothing: 1',
  ].flatMap((field, i) =>
    ['none', 'ignore', 'c'].flatMap((place) => [
      `GET /${place}/cond${i} | ${field} | If-None-Match: *`,
      `GET /${place}/range${i} | ${field} | Range: bytes=0-1`,
    ]),
  ),
  'ignored fields': [
    ['X-Cache-Control: no-cache'],
    ['X-Set-Cookie: a=b'],
    ['X-Expires: epoch'],
    ['X-Vary: *'],
    ['X-X-Accel-Expires: 0'],
  ].flatMap((fields, i) => [1, 2].map(() => `GET /ignore/i${i} | ${fields.join(' | ')}`)),
  bypass: [
    'GET /by/a',
    'GET /by/a?nc=1',
    'GET /by/a',
    'GET /by/b?nc=0',
    'GET /by/b?nc=0',
    'GET /by/c?nc=1',
    'GET /by/c',
  ],
  no_cache: ['GET /no/a?ns=1', 'GET /no/a?ns=1', 'GET /no/a', 'GET /no/a', 'GET /no/a?ns=1'],
  'min uses': [
    'GET /min/a',
    'GET /min/a',
    'GET /min/a',
    'GET /min/a',
    'GET /min/b',
    'HEAD /min/b',
    'GET /min/b',
  ],
  vary: [
    'GET /v | X-Vary: X-A | X-A: 1',
    'GET /v | X-Vary: X-A | X-A: 1',
    'GET /v | X-Vary: X-A | X-A: 2',
    'GET /v | X-Vary: X-A | X-A: 2',
    'GET /v | X-Vary: X-A | X-A: 1',
    'GET /v | X-Vary: X-A | X-A:  1',
    'GET /v | X-Vary: X-A | X-A: 1 | X-A: 2',
    'GET /v | X-Vary: X-A',
    'GET /v | X-Vary: X-A',
    'GET /vl | X-Vary: Accept-Encoding, X-B | Accept-Encoding: gzip, br',
    'GET /vl | X-Vary: Accept-Encoding, X-B | Accept-Encoding: gzip,br',
    'GET /vl | X-Vary: Accept-Encoding, X-B | Accept-Encoding: br',
    'GET /vl | X-Vary: Accept-Encoding, X-B | Accept-Encoding: gzip  ,  br',
    'GET /vt | X-Vary: X-A | X-A: 1',
    'GET /vt | X-Vary: X-B | X-A: 2 | X-B: 1',
    'GET /vt | X-Vary: X-B | X-A: 2 | X-B: 1',
  ],
  conditions: [
    `GET /c | X-${LM} | X-ETag: "t" | If-None-Match: "t"`,
    `GET /c | If-None-Match: "t"`,
    'GET /c | If-None-Match: "u"',
    'GET /c | If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT',
    'GET /c | If-Modified-Since: Sun, 06 Nov 1994 08:49:38 GMT',
    'GET /c | If-Match: "u"',
    'GET /c | If-Unmodified-Since: Sun, 06 Nov 1993 08:49:38 GMT',
    'HEAD /c | If-None-Match: "t"',
    'GET /c | If-None-Match: *',
    'GET /c',
  ],
  'a name behind a condition that fails': [
    `GET /ph/a | X-${LM} | X-ETag: "t"`,
    'GET /ph/a | If-Match: "u"',
    'GET /ph/a | If-None-Match: "t"',
    'GET /ph/b | If-Match: "u"',
  ],
  'if_modified_since before, without a date': [
    'GET /before/a | If-Modified-Since: Sun, 06 Nov 2044 08:49:37 GMT',
    'GET /before/a | If-Modified-Since: Sun, 06 Nov 2044 08:49:37 GMT',
  ],
  ranges: [
    `GET /r | X-Accept-Ranges: bytes | X-${LM} | X-ETag: "t" | Range: bytes=2-5`,
    'GET /r | Range: bytes=2-5',
    'GET /r',
    'GET /r | Range: bytes=0-1,4-5',
    'GET /r | Range: bytes=-3',
    'GET /r | Range: bytes=900-',
    'HEAD /r | Range: bytes=2-5',
    'GET /r | Range: bytes=2-5 | If-Range: "t"',
    'GET /r | Range: bytes=2-5 | If-Range: "u"',
    'GET /r | Range: bytes=2-5 | If-None-Match: "t"',
    'GET /rn | Range: bytes=2-5',
    'GET /rn | Range: bytes=2-5',
    'GET /r4 | X-Accept-Ranges: bytes | Range: bytes=900-',
    'GET /r4 | X-Accept-Ranges: bytes',
    'GET /fr/a | Range: bytes=2-5',
    'GET /fr/a | Range: bytes=1-2,4-5',
  ],
  'range offset': [
    'GET /off/a | X-Accept-Ranges: bytes | Range: bytes=100-',
    'GET /off/a | X-Accept-Ranges: bytes | Range: bytes=-3',
    'GET /off/a | X-Accept-Ranges: bytes | Range: bytes=2-5',
    'GET /off/a | Range: bytes=100-',
  ],
  chunked: [
    'GET /chunked',
    'GET /chunked',
    'HEAD /chunked',
    'GET /chunked | Range: bytes=0-2',
    'GET /close',
    'GET /close',
  ],
  large: ['GET /big', 'GET /big', 'GET /big | Range: bytes=70000-70010', 'HEAD /big'],
  intercepted: [
    'GET /int/s/404',
    'GET /int/s/404',
    'GET /int/s/500',
    'GET /int/s/500',
    'GET /int/a',
    'GET /int/a',
  ],
  failing: ['GET /dead/a', 'GET /dead/a'],
  'keys and names': [
    'GET /key/a?k=1',
    'GET /key/b?k=1',
    'GET /key/b?k=2',
    'GET /var/a?z=one',
    'GET /var/a?z=one',
    'GET /var/b?z=off',
    'GET /var/b?z=off',
    'GET /var/b?z=none',
    'GET /varp/a',
    'GET /varp/a',
  ],
  'error_page and filters': [
    'GET /sub/a',
    'GET /sub/a',
    'GET /ah/a',
    'GET /ah/a',
    'GET /gz/a | Accept-Encoding: gzip',
    'GET /gz/a | Accept-Encoding: gzip',
    'GET /gz/a',
  ],
  'stale answers': ['http_500', 'http_404', 'http_503', 'die'].flatMap((how) => [
    `GET /stale/${how} | X-X-Accel-Expires: @1`,
    `GET /stale/${how} | X-How: ${how}`,
    `HEAD /stale/${how} | X-How: ${how}`,
    `GET /stale/${how}`,
    `GET /stale/${how} | X-How: ${how}`,
    `GET /nostale/${how} | X-X-Accel-Expires: @1`,
    `GET /nostale/${how} | X-How: ${how}`,
    `GET /staleall/${how} | X-X-Accel-Expires: @1`,
    `GET /staleall/${how} | X-How: ${how}`,
    `GET /staleoff/${how} | X-X-Accel-Expires: @1`,
    `GET /staleoff/${how} | X-How: ${how}`,
  ]),
  'stale by the answer’s word': [
    'GET /nostale/w | X-X-Accel-Expires: @1 | X-Cache-Control: stale-if-error=4000000000',
    'GET /nostale/w | X-How: die',
    'GET /nostale/w | X-How: http_500',
    'GET /nostale/w2 | X-Cache-Control: stale-if-error=4000000000 | X-X-Accel-Expires: @1',
    'GET /nostale/w2 | X-How: die',
    'GET /nostale/w3 | X-Cache-Control: stale-while-revalidate=10 | X-X-Accel-Expires: @1',
    'GET /nostale/w3 | X-How: die',
  ],
  revalidated: [
    `GET /rev/a | X-X-Accel-Expires: @1 | X-${LM} | X-ETag: "t"`,
    'GET /rev/a | X-How: http_304 | X-X-Accel-Expires: 100',
    'GET /rev/a',
    `GET /rev/b | X-X-Accel-Expires: @1 | X-${LM}`,
    'GET /rev/b | X-How: http_304',
    'GET /rev/b | If-None-Match: "t"',
    'GET /rev/c | X-X-Accel-Expires: @1 | X-ETag: "t"',
    'GET /rev/c | X-How: http_304 | X-Cache-Control: max-age=50 | If-None-Match: "t"',
    'GET /rev/c',
    'GET /rev/d | X-X-Accel-Expires: @1',
    'GET /rev/d',
    'GET /rev/e | X-How: http_404 | X-ETag: "t" | X-X-Accel-Expires: @1',
    'GET /rev/e',
    'GET /norev/a | X-X-Accel-Expires: @1 | X-ETag: "t"',
    'GET /norev/a | If-None-Match: "t"',
  ],
  unbuffered: ['GET /ub/a', 'GET /ub/a', 'GET /xb | X-X-Accel-Buffering: no', 'GET /xb'],
  redirected: ['GET /xr | X-X-Accel-Redirect: /a', 'GET /xr'],
  methods: ['POST /post/a', 'POST /post/a', 'GET /post/a'],
  'a HEAD that an app answers with a body, and without': ['body', 'bare'].flatMap((how) => [
    `HEAD /app/${how}`,
    `HEAD /app/${how}`,
    `GET /app/${how}`,
    `GET /app/${how}`,
  ]),
  'convert head off': ['HEAD /ch/a', 'HEAD /ch/a', 'GET /ch/a'],
};

describe.skipIf(nginxVersion === '')('proxy_cache', () => {
  const peers: Record<Side['name'], Told> = { nginx: toldPeer(), lbproxy: toldPeer() };
  let pair: Pair;
  let apps: readonly TestPeer[] = [];
  beforeAll(async () => {
    const [theirs, ours] = [await peers.nginx.start(), await peers.lbproxy.start()];
    apps = [await startApp(), await startApp()];
    pair = await startPair(configuration(), [
      { peer: theirs.address, app: apps[0].address },
      { peer: ours.address, app: apps[1].address },
    ]);
  });
  afterAll(async () => {
    await pair?.close();
    await Promise.all([
      ...Object.values(peers).map((peer) => peer.stop()),
      ...apps.map((app) => app.close()),
    ]);
  });

  it.each(Object.entries(SCRIPTS))('%s', async (_name, script) => {
    const [theirs, ours] = await Promise.all([pair.nginx, pair.lbproxy].map((side) => run(side, script)));
    expect(ours).toEqual(theirs);
  });

  it.each([
    ['chunked', ['Transfer-Encoding: chunked'], '5\r\nabcde\r\n0\r\n\r\n'],
    ['empty', ['Content-Length: 0'], ''],
    ['with its length', ['Content-Length: 5'], 'abcde'],
    ['too large', ['Content-Length: 500'], 'x'.repeat(500)],
    ['chunks that are too large', ['Transfer-Encoding: chunked'], `1f4\r\n${'x'.repeat(500)}\r\n0\r\n\r\n`],
  ])('reads the body before it answers: %s', async (_what, fields, body) => {
    const ask = async (side: Side) => {
      const all = [];
      for (let i = 0; i < 2; i++)
        all.push(
          comparable(await exchangeOnce(side.port, request('POST', '/post/body', fields, body)), side),
        );
      return all;
    };
    const [theirs, ours] = await Promise.all([pair.nginx, pair.lbproxy].map(ask));
    expect(ours).toEqual(theirs);
  });

  async function run(side: Side, script: Script): Promise<string[]> {
    const seen: string[] = [];
    const told = peers[side.name];
    for (const line of script) {
      const [first, ...fields] = line.split(' | ');
      const [method, target] = first.split(' ');
      told.requests.length = 0;
      const answer = await exchangeOnce(side.port, request(method, target, fields));
      const { status, fields: lines, body } = comparable(answer, side);
      seen.push(
        `${line} -> ${status} [${lines.join('; ')}] ${body.slice(0, 200)} <${told.requests.join('; ')}>`,
      );
    }
    return seen;
  }
});

/** An SCGI app that counts its answers; what it gets with /bare is answered without a body to HEAD. */
async function startApp(): Promise<TestPeer> {
  let count = 0;
  return await startRawUpstream((socket) => {
    socket.once('data', (chunk: Buffer) => {
      const text = `answer ${++count} of the app`;
      const isBare = chunk.includes('/bare') && chunk.includes('HEAD');
      socket.end(`Content-Type: text/plain\r\nContent-Length: ${text.length}\r\n\r\n${isBare ? '' : text}`);
    });
  });
}

interface Told {
  readonly requests: string[];
  start(): Promise<TestPeer>;
  stop(): Promise<void>;
}

/** Answers as the X- fields of a request say, and counts the requests for each path. */
function toldPeer(): Told {
  const requests: string[] = [];
  const counts = new Map<string, number>();
  let peer: TestPeer | null = null;
  return {
    requests,
    async start() {
      peer = await startUpstream((req, res) => {
        const url = req.url ?? '';
        const asked = [
          'range',
          'if-none-match',
          'if-modified-since',
          'if-match',
          'if-range',
          'if-unmodified-since',
        ];
        requests.push(`${req.method} ${url} ${asked.filter((name) => name in req.headers).join()}`);
        const count = (counts.get(url) ?? 0) + 1;
        counts.set(url, count);
        res.sendDate = false;
        // A kept connection that breaks is worth another try, which nginx without a pool has no cause for.
        res.shouldKeepAlive = false;
        for (const name of [
          'Cache-Control',
          'Expires',
          'X-Accel-Expires',
          'Set-Cookie',
          'Vary',
          'Last-Modified',
          'ETag',
        ].concat(['Accept-Ranges', 'X-Accel-Buffering', 'X-Accel-Redirect'])) {
          const value = req.headers[`x-${name.toLowerCase()}`];
          if (value !== undefined && !(name === 'Vary' && value === '')) res.setHeader(name, value);
        }
        const path = url.replace(
          /^\/(?:none|ignore|by|no|min|fr|off|int|key|var|varp|sub|ah|gz|ub|post|ch)(?=\/)/,
          '',
        );
        const how = String(req.headers['x-how'] ?? '');
        if (how === 'die') return void req.socket.destroy();
        res.statusCode = Number(/^http_(\d{3})/.exec(how)?.[1] ?? /^\/s\/(\d{3})/.exec(path)?.[1] ?? 200);
        if (res.statusCode === 304) return void res.end();
        const text = path === '/big' ? 'big '.repeat(50_000) : `answer ${count} of ${url}`;
        if (path === '/chunked') return void res.write('part', () => res.end(` ${text}`));
        if (path === '/close') {
          res.useChunkedEncodingByDefault = false;
          res.removeHeader('Transfer-Encoding');
          return void res.end(text);
        }
        res.setHeader('Content-Type', 'text/plain');
        if (res.statusCode !== 204) res.setHeader('Content-Length', text.length);
        res.end(res.statusCode === 204 ? '' : text);
      });
      return peer;
    },
    async stop() {
      await peer?.close();
    },
  };
}

function configuration(): string {
  const pass = 'proxy_pass http://{peer};';
  return `proxy_cache_path {dir}/cache levels=1:2 keys_zone=one:1m inactive=10m max_size=100m;
  proxy_cache_path {dir}/two keys_zone=two:1m use_temp_path=off;
  scgi_cache_path {dir}/apps keys_zone=apps:1m; scgi_cache apps; scgi_cache_key $uri; scgi_cache_valid any 5m;
  scgi_param REQUEST_METHOD $request_method; scgi_param REQUEST_URI $request_uri;
  proxy_http_version 1.1; proxy_set_header Connection ""; proxy_cache one; proxy_cache_valid any 5m;
  upstream group { server {peer}; }
  map $arg_k $key { default $arg_k; }
  server { listen {port};
    add_header X-Cache $upstream_cache_status always;
    location / { ${pass} }
    location /ph/ { add_header X-Host $proxy_host:$proxy_port always; proxy_pass http://group; }
    location /before/ { if_modified_since before; ${pass} }
    location /auth/ { auth_request /permit; proxy_cache_key permitted; ${pass} }
    location = /permit { proxy_cache_key permitted; proxy_pass http://{peer}/big; }
    location /app/ { scgi_pass {app}; }
    location /none/ { proxy_cache_valid 200 0; ${pass} }
    location /ignore/ { proxy_ignore_headers Cache-Control Set-Cookie Expires Vary X-Accel-Expires; ${pass} }
    location /by/ { proxy_cache_key $uri; proxy_cache_bypass $arg_nc; ${pass} }
    location /no/ { proxy_cache_key $uri; proxy_no_cache $arg_ns; ${pass} }
    location /min/ { proxy_cache_min_uses 3; ${pass} }
    location /fr/ { proxy_force_ranges on; ${pass} }
    location /off/ { proxy_cache_max_range_offset 10; ${pass} }
    location /int/ { proxy_intercept_errors on; error_page 404 = /caught; ${pass} }
    location = /caught { return 200 "caught"; }
    location /dead/ { proxy_pass http://127.0.0.1:1; }
    location /key/ { proxy_cache_key "$scheme$host$key"; ${pass} }
    location /var/ { proxy_cache $arg_z; ${pass} }
    location /varp/ { set $to {peer}; proxy_pass http://$to; }
    location /sub/ { sub_filter answer reply; sub_filter_types *; ${pass} }
    location /ah/ { add_header X-More $upstream_http_content_type; expires 1h; ${pass} }
    location /gz/ { gzip on; gzip_min_length 1; gzip_types *; ${pass} }
    location /ub/ { proxy_buffering off; ${pass} }
    location /stale/ { proxy_cache_use_stale error http_500 http_404; ${pass} }
    location /nostale/ { ${pass} }
    location /staleall/ { proxy_cache_use_stale error timeout invalid_header updating http_500 http_502 http_503 http_504 http_403 http_404 http_429; ${pass} }
    location /staleoff/ { proxy_cache_use_stale error off http_500; ${pass} }
    location /rev/ { proxy_cache_revalidate on; ${pass} }
    location /norev/ { ${pass} }
    location /post/ { proxy_cache_methods POST; client_max_body_size 100; add_header X-Length $content_length always; ${pass} }
    location /ch/ { proxy_cache_convert_head off; proxy_cache_key "$request_method$request_uri"; ${pass} }
  }`;
}
