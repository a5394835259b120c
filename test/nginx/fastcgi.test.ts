// PHP-FPM behind nginx and behind lbproxy: what scripts get of a request, and what clients get of their answers.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import { type PhpFpm, phpFpm, startPhpFpm } from '../support/php-fpm.ts';
import { deadPort } from '../support/upstream.ts';
import { chunked, fieldCases, post } from './app-requests.ts';
import { SCRIPTS } from './fastcgi-scripts.ts';
import { askBoth, type Pair, request, startPair } from './pair.ts';

const PARAMS = `fastcgi_param SCRIPT_FILENAME ROOT$fastcgi_script_name; fastcgi_param QUERY_STRING $query_string;
  fastcgi_param REQUEST_METHOD $request_method; fastcgi_param CONTENT_TYPE $content_type; fastcgi_param CONTENT_LENGTH $content_length;
  fastcgi_param SCRIPT_NAME $fastcgi_script_name; fastcgi_param REQUEST_URI $request_uri; fastcgi_param DOCUMENT_URI $document_uri;
  fastcgi_param DOCUMENT_ROOT ROOT; fastcgi_param SERVER_PROTOCOL $server_protocol; fastcgi_param REQUEST_SCHEME $scheme;
  fastcgi_param HTTPS $https if_not_empty; fastcgi_param GATEWAY_INTERFACE CGI/1.1; fastcgi_param REMOTE_ADDR $remote_addr;
  fastcgi_param SERVER_ADDR $server_addr; fastcgi_param SERVER_NAME $server_name; fastcgi_param REDIRECT_STATUS 200;`;

/** Debian's snippet, with the one path in it that is relative. */
const DEBIAN =
  nginxVersion === ''
    ? ''
    : readFileSync('/etc/nginx/snippets/fastcgi-php.conf', 'utf8').replace(
        'include fastcgi.conf',
        'include /etc/nginx/fastcgi.conf',
      );

const configuration = (php: PhpFpm, dead: number): string =>
  `upstream tcp { server 127.0.0.1:${php.port}; }
   upstream kept { server unix:${php.socket}; keepalive 2; }
   upstream half { server 127.0.0.1:${dead}; server unix:${php.socket}; }
   upstream dead { server 127.0.0.1:${dead}; }
   server { listen {port}; server_name ref.example; ${PARAMS}
    fastcgi_index index.php;
    location / { fastcgi_pass unix:${php.socket}; }
    location /tcp/ { rewrite ^/tcp(/.*)$ $1 break; fastcgi_pass 127.0.0.1:${php.port}; }
    location /group/ { rewrite ^/group(/.*)$ $1 break; fastcgi_pass tcp; }
    location /kept/ { rewrite ^/kept(/.*)$ $1 break; fastcgi_pass kept; fastcgi_keep_conn on; }
    location /half/ { rewrite ^/half(/.*)$ $1 break; fastcgi_pass half; }
    location /dead/ { fastcgi_pass dead; }
    location /var/ { set $to tcp; rewrite ^/var(/.*)$ $1 break; fastcgi_pass $to; }
    location /varport/ { rewrite ^/varport(/.*)$ $1 break; fastcgi_pass 127.0.0.1:$arg_port; }
    location ~ ^/info(/.*)$ { rewrite ^/info(/.*)$ $1 break; fastcgi_split_path_info ^(.+?\\.php)(/.*)$;
      ${PARAMS} fastcgi_param PATH_INFO $fastcgi_path_info; fastcgi_pass tcp; }
    location /own/ { rewrite ^/own(/.*)$ $1 break; ${PARAMS} fastcgi_param HTTP_X_A own; fastcgi_param HTTP_X_B "";
      fastcgi_param HTTP_ACCEPT $arg_a if_not_empty; fastcgi_param EMPTY ""; fastcgi_param ABSENT $arg_none if_not_empty;
      fastcgi_param TWICE 1; fastcgi_param LONG ${'l'.repeat(300)}; fastcgi_pass tcp; }
    location /bare/ { rewrite ^/bare(/.*)$ $1 break; fastcgi_pass_request_headers off; fastcgi_pass_request_body off; fastcgi_pass tcp; }
    location /stream/ { rewrite ^/stream(/.*)$ $1 break; fastcgi_request_buffering off; fastcgi_pass tcp; }
    location /hide/ { rewrite ^/hide(/.*)$ $1 break; fastcgi_hide_header X-One; fastcgi_pass_header X-Accel-Expires; fastcgi_hide_header Server; fastcgi_pass tcp; }
    location /catch/ { rewrite ^/catch(/.*)$ $1 break; fastcgi_catch_stderr "a warning"; fastcgi_pass tcp; }
    location /next/ { rewrite ^/next(/.*)$ $1 break; fastcgi_next_upstream error http_503; fastcgi_pass tcp; }
    location /timeout/ { rewrite ^/timeout(/.*)$ $1 break; fastcgi_read_timeout 1500ms; fastcgi_pass tcp; }
    location /small/ { rewrite ^/small(/.*)$ $1 break; fastcgi_buffer_size 512; fastcgi_buffers 4 1k; fastcgi_pass tcp; }
    location /errors/ { error_page 404 /echo.php?error; error_page 500 =200 /index.php; fastcgi_intercept_errors on;
      rewrite ^/errors(/.*)$ $1 break; fastcgi_pass tcp; }
    location /slash/ { fastcgi_pass tcp; }
   }
   server { listen {port2}; server_name ref.example; root ROOT; index index.php;
    location / { try_files $uri $uri/ /index.php?$args; }
    location ~ \\.php(?:$|/) { ${DEBIAN} fastcgi_pass unix:${php.socket}; }
    location ~ ^/params/(.*)$ { include /etc/nginx/fastcgi_params; fastcgi_param SCRIPT_FILENAME $document_root/$1; fastcgi_pass tcp; }
   }`.replaceAll('ROOT', php.dir);

const FORM = ['Content-Type: application/x-www-form-urlencoded'];

/** `[what, request]`. */
const CASES: readonly (readonly [string, string])[] = [
  ...[
    '/echo.php',
    '/echo.php?',
    '/echo.php?a=1&b=%20x',
    '/echo.php?a[]=1&a[]=2',
    '/%65cho.php',
    '/./echo.php',
    '//echo.php',
  ],
  ...[
    '/',
    '/?x=1',
    '/none.php',
    '/echo.php/extra/path',
    '/tcp/echo.php',
    '/group/echo.php?g',
    '/kept/echo.php',
    '/half/echo.php',
  ],
  ...[
    '/var/echo.php',
    '/info/index.php/a/b',
    '/info/index.php',
    '/info/echo.php/a%20b?q',
    '/info/none/x.php/y',
    '/info/',
    '/own/echo.php',
  ],
  ...[
    '/own/echo.php?a=given',
    '/bare/echo.php?x',
    '/dead/x',
    '/slash',
    '/status.php?s=200',
    '/status.php?s=201',
    '/status.php?s=204',
  ],
  ...[
    '/status.php?s=304',
    '/status.php?s=400',
    '/status.php?s=404',
    '/status.php?s=500',
    '/status.php?s=503',
    '/status.php?s=799',
  ],
  ...[
    '/raw-status.php?s=418%20Teapot',
    '/raw-status.php?s=404',
    '/redirect.php?to=/x',
    '/redirect.php?to=http://other.example/y',
  ],
  ...[
    '/redirect.php?to=x&s=301',
    '/redirect.php?to=/y&s=201',
    '/headers.php',
    '/hide/headers.php',
    '/length.php',
    '/big.php?n=1',
  ],
  ...[
    '/big.php?n=500',
    '/tcp/big.php?n=3000',
    '/kept/big.php?n=100',
    '/flush.php',
    '/kept/flush.php',
    '/errors.php',
    '/fatal.php',
    '/late.php',
  ],
  ...[
    '/empty.php',
    '/killed.php',
    '/next/status.php?s=503',
    '/timeout/slow.php?ms=5000',
    '/timeout/slow.php?ms=10',
    '/catch/errors.php',
  ],
  ...[
    '/small/headers.php',
    '/errors/status.php?s=404',
    '/errors/status.php?s=500',
    '/errors/status.php?s=403',
    '/catch/echo.php',
  ],
].map((target) => [`GET ${target}`, request('GET', target)]);

const OTHERS: readonly (readonly [string, string])[] = [
  ...[
    '/echo.php',
    '/length.php',
    '/big.php?n=100',
    '/status.php?s=404',
    '/headers.php',
    '/kept/length.php',
    '/none.php',
    '/dead/x',
  ].map((target) => [`HEAD ${target}`, request('HEAD', target)] as const),
  ...['PUT', 'DELETE', 'OPTIONS', 'PATCH', 'X-OWN'].map(
    (method) => [method, request(method, '/echo.php')] as const,
  ),
  ['POST a form', post('/echo.php?q=1', 'a=1&b=two', FORM)],
  ['POST nothing', post('/echo.php', '')],
  ['POST without a length', request('POST', '/echo.php')],
  ['POST 8 bytes', post('/echo.php', '12345678')],
  ['POST 127 bytes', post('/kept/echo.php', 'x'.repeat(127))],
  ['POST 16 KB', post('/tcp/echo.php', 'y'.repeat(16_384))],
  ['POST 16 KB and one', post('/echo.php', 'y'.repeat(16_385))],
  ['POST 32 KB', post('/echo.php', 'z'.repeat(32_768))],
  ['POST 200 KB', post('/echo.php', 'ab'.repeat(100_000))],
  ['POST 900 KB kept', post('/kept/echo.php', 'abc'.repeat(300_000))],
  ['POST 200 KB that streams', post('/stream/echo.php', 'ab'.repeat(100_000))],
  ['POST chunked', chunked('/echo.php', 'a chunked body')],
  ['POST chunked 100 KB', chunked('/echo.php', 'c'.repeat(100_000))],
  ['POST without its body', post('/bare/echo.php', 'not for you')],
  ['POST to a group with one dead peer', post('/half/echo.php', 'body')],
  ...fieldCases('/echo.php', '/own/echo.php'),
  ['a range of what has none', request('GET', '/big.php?n=10', ['Range: bytes=0-9'])],
  ['HTTP/1.0', 'GET /echo.php HTTP/1.0\r\n\r\n'],
  ['HTTP/1.0 without a length', 'GET /flush.php HTTP/1.0\r\n\r\n'],
];

/** What is different, and why. */
const DIFFERENT: Readonly<Record<string, string>> = {
  'GET /status.php?s=799': 'a status line has a blank behind its number (RFC 9112 §4)',
  'GET /raw-status.php?s=404': 'the usual phrase where the app gave none, as newer nginx has it',
};

describe.skipIf(nginxVersion === '' || phpFpm === '')('PHP-FPM behind nginx and behind lbproxy', () => {
  let php: PhpFpm;
  let pair: Pair;
  beforeAll(async () => {
    php = await startPhpFpm(SCRIPTS);
    pair = await startPair(configuration(php, await deadPort()));
  });
  afterAll(async () => {
    await pair?.close();
    await php?.stop();
  });

  it.each([...CASES, ...OTHERS])('%s', async (name, bytes) => {
    const { nginx, lbproxy } = await askBoth(pair, bytes);
    if (DIFFERENT[name] === undefined) expect(lbproxy).toEqual(nginx);
    else expect(lbproxy).not.toEqual(nginx);
  });

  it.each([
    '/',
    '/?a=b',
    '/index.php',
    '/echo.php',
    '/echo.php?q',
    '/echo.php/path/info',
    '/echo.php/',
    '/none.php',
    '/none.php/x',
    '/none',
    '/params/echo.php',
    '/params/echo.php?x',
    '/params/none.php',
  ])('as Debian writes it: %s', async (target) => {
    const [nginx, lbproxy] = [pair.nginx, pair.lbproxy].map((side) => ({ ...side, port: side.ports[1] }));
    const answers = await askBoth({ ...pair, nginx, lbproxy }, request('GET', target, ['X-A: b']));
    expect(answers.lbproxy).toEqual(answers.nginx);
  });

  it('says what scripts say to their error output, as nginx does', async () => {
    const saidBefore = pair.log.length;
    for (const target of ['/errors.php', '/fatal.php', '/none.php'])
      await askBoth(pair, request('GET', target));
    const theirs = readFileSync(join(pair.nginx.dir, 'error.log'), 'utf8');
    const ours = pair.log.slice(saidBefore).map((line) => line.replace(/^error: /, ''));
    expect(ours).toHaveLength(3);
    for (const line of ours) expect(theirs).toContain(line);
    expect(ours[0]).toMatch(/^FastCGI sent in stderr: "PHP message: it is said\. .*a warning/s);
  });
});
