// `lbproxy explain` from its command line to what it prints: each kind of decision with its place, and that nothing is sent.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ExplainIo, explainIo, runExplain } from '../../src/cli/explain.ts';
import { freePorts } from '../support/free-ports.ts';
import { startProxy } from '../support/proxy.ts';
import { exchangeOnce } from '../support/wire.ts';

const dir = realpathSync(mkdtempSync(join(tmpdir(), 'explain-')));
let peer: Server;
let peerPort = 0;
let connections = 0;

beforeAll(async () => {
  mkdirSync(join(dir, 'www/static'), { recursive: true });
  mkdirSync(join(dir, 'www/pics'));
  writeFileSync(join(dir, 'www/index.html'), 'home');
  writeFileSync(join(dir, 'www/pics/a.png'), 'png');
  writeFileSync(join(dir, 'users'), 'ann:{PLAIN}secret\n');
  peer = createServer((socket) => {
    connections++;
    socket.on('error', () => {});
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Peer: yes\r\n\r\nhi');
  });
  await new Promise<void>((resolve) => peer.listen(0, '127.0.0.1', resolve));
  const address = peer.address();
  peerPort = typeof address === 'object' && address !== null ? address.port : 0;
});

afterAll(() => {
  peer.close();
  rmSync(dir, { recursive: true, force: true });
});

afterEach(() => {
  connections = 0;
});

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function setOrDelete(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}

const explain = (conf: string, ...words: string[]): Promise<Run> =>
  explainStyled({ colours: false }, conf, ...words);

async function explainStyled(
  { colours }: { readonly colours: boolean },
  conf: string,
  ...words: string[]
): Promise<Run> {
  const file = join(dir, conf.trimStart().startsWith('{') ? 'lbproxy.json' : 'nginx.conf');
  writeFileSync(file, conf.replaceAll('DIR', dir).replaceAll('PEER', `127.0.0.1:${peerPort}`));
  let [out, err] = ['', ''];
  const io: ExplainIo = {
    print(text) {
      out += text;
    },
    fail(text) {
      err += `${text}\n`;
    },
    style: { width: 100, colours, directory: dir },
  };
  const code = await runExplain(['-c', file, ...words], io);
  return { code, out, err };
}

const LABEL_WIDTH = 13;

/** Rows whose label is this, each on one line, blanks as one. */
function rows(out: string, label: string): string[] {
  const joined: { label: string; text: string }[] = [];
  for (const line of out.split('\n')) {
    const row = { label: line.slice(0, LABEL_WIDTH).trim(), text: line.slice(LABEL_WIDTH) };
    const last = joined.at(-1);
    if (row.label === '' && row.text.startsWith('  ') && last !== undefined)
      last.text += ` ${row.text.trim()}`;
    else joined.push(row);
  }
  return joined.filter((row) => row.label === label).map(({ text }) => text.trim().replace(/ {2,}/g, ' '));
}

const SITE = `http {
server { listen 127.0.0.1:8081; server_name a.test *.b.test; root DIR/www; return 200 a; }
server { listen 127.0.0.1:8081; server_name www.* ~^r(\\d+)$; return 200 b; }
server { listen 127.0.0.1:8081 default_server; listen 8082; server_name c.test; return 200 c; }
server { listen 127.0.0.1:8082; server_name d.test; return 200 d; }
}`;

describe('the address and the server', () => {
  it.each([
    ['http://a.test:8081/', 'a.test: "a.test" is the name, exactly nginx.conf:2:1'],
    ['http://x.b.test:8081/', 'a.test: "*.b.test" is the longest wildcard at the start; no exact name fits'],
    ['http://www.x:8081/', 'www.*: "www.*" is the longest wildcard at the end'],
    ['http://r12:8081/', 'www.*: "~^r(\\d+)$" is the first regular expression that matches'],
    ['http://other:8081/', 'c.test: no server_name fits "other": it is the default_server nginx.conf:4:1'],
    ['http://127.0.0.1:8082/', 'd.test: the only server of the address nginx.conf:5:1'],
    ['http://127.0.0.2:8082/', 'c.test: the only server of the address nginx.conf:4:1'],
  ])('%s', async (url, server) => {
    const { code, out } = await explain(SITE, url);
    expect(code).toBe(0);
    expect(rows(out, 'server')[0]).toContain(server);
  });

  it('says which address was taken where the URL has no port', async () => {
    const { out } = await explain(SITE, 'a.test');
    expect(rows(out, 'address')[0]).toContain(
      '127.0.0.1:8081: the URL names no port, and nobody listens on 80: taken for 127.0.0.1:8081',
    );
  });

  it('refuses a port that nobody listens on', async () => {
    const { code, err } = await explain(SITE, 'http://a.test:9/');
    expect(code).toBe(2);
    expect(err).toContain('nobody listens on port 9: this configuration has 127.0.0.1:8081, *:8082');
  });

  it('tells plain HTTP at a TLS port', async () => {
    const conf =
      'http { server { listen 8083 ssl; ssl_certificate DIR/none; ssl_certificate_key DIR/none; return 200; } }';
    const { out } = await explain(conf, 'http://x:8083/');
    expect(rows(out, 'status')[0]).toContain('497');
    expect(rows(out, 'answer')[0]).toMatch(/^400 Bad Request, \d+ bytes/);
    expect(rows((await explain(conf, 'https://x:8083/')).out, 'answer')[0]).toContain('200 OK');
  });
});

const PLACES = `http { server { listen 8081; root DIR/www;
location / { return 200 root; }
location /a/ { return 200 a; location /a/in/ { return 200 in; } }
location = /a/exact { return 200 exact; }
location ^~ /a/final/ { return 200 final; }
location ~ \\.php$ { return 200 "php $1"; }
location ~ /a/(\\w+)\\.php$ { return 200 second; }
} }`;

describe('the location', () => {
  it.each([
    [
      '/a/x',
      '/a/ for /a/x: the longest prefix, and no regular expression matches',
      ['not /: a shorter prefix'],
    ],
    [
      '/a/in/x',
      '/a/in/ for /a/in/x: the longest prefix, and no regular expression matches, inside',
      ['not /a/: a location inside'],
    ],
    [
      '/a/exact',
      '= /a/exact for /a/exact: exact: nothing else is looked at',
      ['not /a/: "=" comes before prefixes'],
    ],
    ['/a/final/x.php', '^~ /a/final/ for', ['not ~ \\.php$: not tried: "^~" keeps regular expressions away']],
    [
      '/a/x.php',
      '~ \\.php$ for /a/x.php: the first regular expression that matches',
      ['not ~ /a/(\\w+)\\.php$: stands behind the one that matched', 'not /a/: a regular expression matches'],
    ],
  ])('of %s', async (path, chosen, lost) => {
    const { out } = await explain(PLACES, `http://x:8081${path}`);
    const flat = out.replace(/\s+/g, ' ');
    expect(flat).toContain(chosen);
    for (const one of lost) expect(flat).toContain(one);
    expect(rows(out, 'location')[0]).toMatch(/nginx\.conf:\d+:\d+$|\D$/);
  });

  it('tells none', async () => {
    const { out } = await explain(
      'http { server { listen 8081; location /x { return 200; } } }',
      'http://x:8081/y',
    );
    expect(rows(out, 'location')).toEqual(['(none) for /y: no location fits']);
  });
});

describe('scripts', () => {
  const conf = `http { server { listen 8081; root DIR/www;
rewrite ^/old/(\\w+)/(.*)$ /new/$2?from=$1;
if ($arg_from ~ ^(\\w)) { set $first $1; }
if ($http_x = no) { return 403; }
location /new/ { return 200 "to $uri by $first"; }
} }`;

  it('are followed step by step', async () => {
    const { out } = await explain(conf, 'http://x:8081/old/shop/cart');
    expect(rows(out, 'rewrite')).toEqual([
      '^/old/(\\w+)/(.*)$ matches /old/shop/cart, $1="shop" $2="cart" → /new/cart?from=shop nginx.conf:2:1',
    ]);
    expect(rows(out, 'if')).toEqual([
      '($arg_from ~ ^(\\w)) holds, the value is "shop", $1="s" nginx.conf:3:1',
      '($http_x = no) does not hold, the value is "" nginx.conf:4:1',
    ]);
    expect(rows(out, 'set')).toEqual(['$first = "s" nginx.conf:3:26']);
    expect(rows(out, 'return')).toEqual(['200 to /new/cart by s nginx.conf:5:18']);
    expect(rows(out, 'answer')[0]).toContain('200 OK, 17 bytes');
  });

  it('see the fields and the method', async () => {
    const { out } = await explain(conf, '-X', 'DELETE', '-H', 'X: no', 'http://x:8081/old/shop/cart');
    expect(out).toContain('DELETE /old/shop/cart');
    expect(rows(out, 'answer')[0]).toContain('403 Forbidden');
  });
});

describe('files', () => {
  it('shows each path of try_files', async () => {
    const conf =
      'http { server { listen 8081; location / { root DIR/www; try_files $uri $uri/ $uri.png /index.html; } } }';
    const { out } = await explain(conf, 'http://x:8081/pics/a');
    expect(rows(out, 'try_files')[0]).toMatch(/^passes nginx\.conf:1:\d+$/);
    expect(out).toContain(`${dir}/www/pics/a   not there`);
    expect(out).toContain(`${dir}/www/pics/a/   not there`);
    expect(out).toContain(`${dir}/www/pics/a.png   a file`);
    expect(rows(out, 'answer')[0]).toContain('200 OK, 3 bytes');
    expect(rows((await explain(conf, 'http://x:8081/none')).out, 'turns to')[0]).toMatch(
      /^\/index\.html nginx\.conf:1:\d+$/,
    );
  });

  it('names the root that is there twice, and the alias without its slash', async () => {
    const root = await explain(
      'http { server { listen 8081; location /static/ { root DIR/www/static; } } }',
      'http://x:8081/static/x',
    );
    expect(root.out).toContain(`${dir}/www/static/static/x   not there`);
    expect(root.out.replace(/\s+/g, ' ')).toContain(`so /static stands twice: ${dir}/www/static/static/x.`);
    const alias = await explain(
      'http { server { listen 8081; location /pics/ { alias DIR/www; } } }',
      'http://x:8081/pics/a',
    );
    expect(alias.out).toContain('Write both with a slash');
    const right = await explain(
      'http { server { listen 8081; location /pics/ { root DIR/www; } } }',
      'http://x:8081/pics/a.png',
    );
    expect(rows(right.out, 'hint')).toEqual([]);
  });

  it('follows an index and an error_page', async () => {
    const conf =
      'http { server { listen 8081; root DIR/www; error_page 404 = @lost; location @lost { return 410 gone; } } }';
    const index = await explain(conf, 'http://x:8081/');
    expect(rows(index.out, 'turns to')[0]).toContain('/index.html');
    const lost = await explain(conf, 'http://x:8081/none');
    expect(rows(lost.out, 'error_page')[0]).toMatch(/^@lost nginx\.conf:1:\d+$/);
    expect(rows(lost.out, 'answer')[0]).toContain('410 Gone');
  });
});

describe('steps', () => {
  const conf = `http { limit_req_zone $binary_remote_addr zone=z:1m rate=1r/s; server { listen 8081;
location /rules { allow 10.0.0.0/8; deny all; return 200; }
location /in { allow 10.0.0.0/8; deny all; root DIR/www; }
location /login { auth_basic x; auth_basic_user_file DIR/users; limit_req zone=z burst=5; root DIR/www; }
location /asks { auth_request /ask; root DIR/www; }
location /asks-peer { auth_request /peer; root DIR/www; }
location = /ask { return 403; }
location = /peer { internal; proxy_pass http://PEER; }
location = /bye { return 444; }
} }`;

  it('tells who is let in, by the address', async () => {
    const out = await explain(conf, 'http://x:8081/in');
    expect(rows(out.out, 'access')).toEqual(['refuses: 403 (allow 10.0.0.0/8; deny all) nginx.conf:3:34']);
    const inside = await explain(conf, '--from', '10.1.2.3', 'http://x:8081/in');
    expect(rows(inside.out, 'access')[0]).toContain('allows');
  });

  it('compares passwords, and counts as if nobody else had asked', async () => {
    const login = (text: string): string[] => [
      '-H',
      `Authorization: Basic ${Buffer.from(text).toString('base64')}`,
      'http://x:8081/login',
    ];
    const wrong = await explain(conf, ...login('ann:wrong'));
    expect(rows(wrong.out, 'auth_basic')[0]).toContain('refuses: 401');
    expect(wrong.out).toContain('user "ann": password mismatch');
    const right = await explain(conf, ...login('ann:secret'));
    expect(rows(right.out, 'auth_basic')[0]).toContain('passes');
    expect(rows(right.out, 'limit_req')[0]).toContain(
      'passes (zone z, burst 5: as if nobody else had asked)',
    );
  });

  it('follows a subrequest that is decided here, and takes a peer for well-disposed', async () => {
    const here = await explain(conf, 'http://x:8081/asks');
    expect(rows(here.out, 'auth_request')[0]).toContain('refuses: 403');
    expect(rows(here.out, 'return')).toEqual(['403 nginx.conf:7:19']);
    const there = await explain(conf, 'http://x:8081/asks-peer');
    expect(rows(there.out, 'auth_request')[0]).toContain('what a peer would say counts as 200');
    expect(rows(there.out, 'answer')[0]).toContain('404');
    expect(connections).toBe(0);
  });

  it('tells a connection that is closed', async () => {
    const { out } = await explain(conf, 'http://x:8081/bye');
    expect(rows(out, 'answer')).toEqual(['the connection is closed without an answer (444)']);
  });
});

describe('a forwarded request', () => {
  const conf = `http { upstream app { ip_hash; server 127.0.0.1:1; server 127.0.0.1:2; server 127.0.0.1:3 down; }
upstream turns { server 127.0.0.1:1 weight=3; server 127.0.0.1:2; server 127.0.0.1:3 backup; }
upstream keyed { hash $uri consistent; server 127.0.0.1:1; server 127.0.0.1:2; }
server { listen 8081; client_max_body_size 10;
location / { proxy_pass http://app; proxy_read_timeout 7s; proxy_set_header Host $host; proxy_set_header X-Gone ""; }
location /turns/ { proxy_pass http://turns/t/; }
location /keyed { proxy_pass http://keyed; }
location /name { proxy_pass http://nowhere.invalid:81; }
location /php { fastcgi_pass 127.0.0.1:9; fastcgi_param SCRIPT_NAME $uri; }
} }`;

  it('has the peers in their order, and the fields with where they come from', async () => {
    const { out } = await explain(
      conf,
      '-H',
      'X-Gone: 1',
      '-H',
      'TE: gzip',
      '-H',
      'X-Own: é',
      '-d',
      'a=1',
      'http://x:8081/p?q=1',
    );
    const [peers] = rows(out, 'peers');
    expect(peers).toContain('app, ip_hash by "127.0.0.1"');
    expect(out).toMatch(
      /1\. 127\.0\.0\.1:\d .*nginx\.conf:1:\d+\n +2\. 127\.0\.0\.1:\d .*\n[^-]*\n +- {2}127\.0\.0\.1:3 {2}down/,
    );
    expect(rows(out, 'sends')).toEqual(['POST /p?q=1 HTTP/1.1']);
    expect(out).toMatch(/Host: x +nginx\.conf:5:60/);
    expect(out).toMatch(/X-Own: é +client/);
    expect(out).toMatch(/Content-Length: 3 +lbproxy/);
    expect(out).toMatch(/X-Gone: 1 {3}set to nothing here +nginx\.conf:5:89/);
    expect(out).toMatch(/TE: gzip {3}belongs to one connection only/);
    expect(rows(out, 'body')).toEqual(['3 bytes']);
    expect(out).toMatch(/proxy_read_timeout +7s +nginx\.conf:5:37/);
    expect(out).toMatch(/proxy_connect_timeout +60s +default/);
  });

  it('takes the turns, the key, the URI and names as they are', async () => {
    const turns = await explain(conf, 'http://x:8081/turns/x');
    expect(rows(turns.out, 'sends')).toEqual(['GET /t/x HTTP/1.1']);
    expect(turns.out).toMatch(
      /1\. 127\.0\.0\.1:1 {2}weight=3.*\n.*2\. 127\.0\.0\.1:2 .*\n.*3\. 127\.0\.0\.1:3 {2}backup/,
    );
    const keyed = await explain(conf, 'http://x:8081/keyed');
    expect(rows(keyed.out, 'peers')[0]).toContain('keyed, hash_consistent by "/keyed"');
    const name = await explain(conf, 'http://x:8081/name');
    expect(name.out).toContain('1. nowhere.invalid:81');
    const php = await explain(conf, 'http://x:8081/php');
    expect(rows(php.out, 'sends')[0]).toContain('SCRIPT_NAME: /php');
    expect(connections).toBe(0);
  });

  it('tells a body that is too large', async () => {
    const { out } = await explain(conf, '-d', 'x'.repeat(11), 'http://x:8081/');
    expect(rows(out, 'status')[0]).toContain('413: the body is larger than client_max_body_size (10 bytes)');
  });

  it('reads a cache, and writes nothing into it', async () => {
    const [port] = await freePorts(1);
    const cached = `http { proxy_cache_path DIR/cache keys_zone=z:1m; server { listen 127.0.0.1:${port}; location / { proxy_pass http://PEER; proxy_cache z; proxy_cache_lock on; proxy_cache_min_uses 2; proxy_cache_valid any 1h; } } }`;
    const url = `http://127.0.0.1:${port}/stored`;
    const missed = await explain(cached, '-H', 'Range: bytes=0-1', url);
    expect(rows(missed.out, 'cache')[0]).toContain(`MISS in zone z, key http://127.0.0.1:${peerPort}/stored`);
    expect(existsSync(join(dir, 'cache')) ? readdirSync(join(dir, 'cache')) : []).toEqual([]);
    const proxy = await startProxy(cached.replaceAll('DIR', dir).replaceAll('PEER', `127.0.0.1:${peerPort}`));
    try {
      for (let i = 0; i < 2; i++)
        await exchangeOnce(port, 'GET /stored HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n');
      const stored = readdirSync(join(dir, 'cache'));
      const hit = await explain(cached, url);
      expect(rows(hit.out, 'answer')[0]).toContain('200 OK');
      expect(hit.out).toContain('the answer is a copy that the cache has stored');
      expect(readdirSync(join(dir, 'cache'))).toEqual(stored);
    } finally {
      await proxy.close();
    }
  });

  it('has the processes of a program as its peers', async () => {
    const json =
      '{ "programs": { "web": { "command": "sleep 1", "numprocs": 2, "first_port": 8101 } }, "servers": [{ "listen": 8081, "locations": { "/": "http://web" } }] }';
    const { out } = await explain(json, 'http://x:8081/');
    expect(out).toMatch(/1\. 127\.0\.0\.1:8101[\s\S]*2\. 127\.0\.0\.1:8102/);
    expect(out).toMatch(/Host: x:8081 +client/);
  });
});

describe('the command', () => {
  it.each([
    [['--nope', 'http://x/'], "Unknown option '--nope'"],
    [[], 'no URL is given'],
    [['http://x/', 'http://y/'], 'two URLs are given'],
    [['ftp://x/'], 'ftp:// is not spoken here'],
    [['/path'], 'that names no host; write a whole URL, such as http://localhost:8080/path'],
    [['http://a b/'], 'is no host and port'],
    [['http://x:70000/'], 'is no host and port'],
    [['http://me:you@x/'], "-H 'Authorization: Basic …'"],
    [['http://x/a b'], 'write %20'],
    [['-H', 'no colon', 'http://x/'], "a field is written as 'Name: value'"],
    [['-X', 'GE T', 'http://x/'], 'that is no method'],
    [['--from', 'nobody', 'http://x/'], 'that is no IP address'],
    [['-d', '@/nowhere/body', 'http://x/'], 'ENOENT'],
  ])('refuses %j', async (words, message) => {
    const { code, out, err } = await explain(SITE, ...words);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(message);
  });

  it('refuses a configuration that is none', async () => {
    const { code, err } = await explain('http { server { listen 8081; retrun 200; } }', 'http://x:8081/');
    expect(code).toBe(2);
    expect(err).toContain('cannot be used as it is');
  });

  it('prints data', async () => {
    const { code, out } = await explain(PLACES, '--json', 'http://x:8081/a/x');
    expect(code).toBe(0);
    const told = JSON.parse(out);
    expect(told.location).toEqual({ location: 'location /a/', at: `${dir}/nginx.conf:3:1`, uri: '/a/x' });
    expect(told.ending).toMatchObject({ kind: 'answer', answer: { status: 200, body: 'a' } });
  });

  it('keeps to its width, and to what a terminal may be told', async () => {
    const { out } = await explain(PLACES, '-H', 'X-Long: \x1b[31mred', `http://x:8081/${'long-'.repeat(60)}`);
    expect(out).not.toContain('\x1b');
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  it('has colours where they are wanted, and the same text', async () => {
    const plain = await explain(PLACES, 'http://x:8081/a/x.php');
    const io = { colours: true };
    const coloured = await explainStyled(io, PLACES, 'http://x:8081/a/x.php');
    expect(coloured.out).toContain('\x1b[32m');
    expect(stripVTControlCharacters(coloured.out)).toBe(plain.out);
  });

  it('asks the terminal, and NO_COLOR', () => {
    const { isTTY } = process.stdout;
    const { NO_COLOR, TERM } = process.env;
    try {
      process.env.TERM = 'xterm';
      process.stdout.isTTY = true;
      process.env.NO_COLOR = '';
      expect(explainIo().style.colours).toBe(true);
      process.env.NO_COLOR = '1';
      expect(explainIo().style.colours).toBe(false);
      process.env.NO_COLOR = '';
      process.stdout.isTTY = false;
      expect(explainIo().style.colours).toBe(false);
    } finally {
      process.stdout.isTTY = isTTY;
      setOrDelete('NO_COLOR', NO_COLOR);
      setOrDelete('TERM', TERM);
    }
  });

  it('tells a request that is none', async () => {
    const { code, out } = await explain(
      PLACES,
      '-H',
      'Content-Length: many',
      '-H',
      'X: 1',
      'http://x:8081/a/',
    );
    expect(code).toBe(0);
    expect(rows(out, 'status')[0]).toContain('400: the request is not valid HTTP: invalid Content-Length');
    const body = await explain(PLACES, '-X', 'TRACE', 'http://x:8081/a/');
    expect(rows(body.out, 'answer')[0]).toMatch(/^405 Not Allowed/);
    const dots = await explain(PLACES, 'http://x:8081/../../etc/passwd');
    expect(rows(dots.out, 'answer')[0]).toMatch(/^400 Bad Request/);
  });

  it('sends the request where it is told to', async () => {
    const [port, dead] = await freePorts(2);
    const conf = `error_log DIR/error.log; http { server { listen 127.0.0.1:${port}; location / { proxy_pass http://PEER; } location /dead { proxy_pass http://127.0.0.1:${dead}; } } }`;
    const nobody = await explain(conf, '--send', `http://127.0.0.1:${port}/`);
    expect(nobody.code).toBe(0);
    expect(rows(nobody.out, 'answer')).toEqual([
      `nobody listens on 127.0.0.1:${port}: start lbproxy with this configuration`,
    ]);
    const proxy = await startProxy(conf.replaceAll('DIR', dir).replaceAll('PEER', `127.0.0.1:${peerPort}`));
    try {
      const { out } = await explain(conf, '--send', `http://127.0.0.1:${port}/`);
      expect(rows(out, 'answer')).toEqual(['HTTP/1.1 200 OK']);
      expect(out).toContain('X-Peer: yes');
      expect(connections).toBe(1);
      const failed = JSON.parse(
        (await explain(conf, '--send', '--json', `http://127.0.0.1:${port}/dead`)).out,
      );
      expect(failed.sent.statusLine).toBe('HTTP/1.1 502 Bad Gateway');
    } finally {
      await proxy.close();
    }
  });
});
