// Peers and groups whose names have letters beyond ASCII: paths of Unix sockets and names of upstreams, written and made by variables.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import { exchangeOnce } from '../support/wire.ts';
import { askBoth, type Pair, request, startPair } from './pair.ts';

const LOG = `"$request_uri" $status [$upstream_addr] [$proxy_host] [$proxy_port] [$upstream_status] [$to]`;

const CONFIGURATION = `
  log_format names '${LOG}';
  log_format names_json escape=json '{"at":"$request_uri","addr":"$upstream_addr","host":"$proxy_host"}';
  log_format names_none escape=none '$request_uri $upstream_addr $proxy_host';
  proxy_cache_path {dir}/cache keys_zone=one:1m;
  upstream grüße { server unix:{peer}; }
  upstream weg { server unix:{dead}; }
  upstream zwei { server unix:{dead} max_fails=0; server unix:{peer}; }
  upstream läden { hash $arg_key consistent; server unix:{peer} weight=2; server unix:{other}; server unix:{third}; }
  upstream tür { server unix:{fcgi}; }
  upstream ÄRGER { server unix:{peer}; }
  server { listen {port};
    access_log {dir}/access.log names; access_log {dir}/json.log names_json; access_log {dir}/none.log names_none;
    proxy_http_version 1.1; add_header X-Addr $upstream_addr; fastcgi_param A ä; uwsgi_param A ä; scgi_param A ä; set $to '';
    location /literal/ { proxy_pass http://unix:{peer}; }
    location /literal-uri/ { proxy_pass http://unix:{peer}:/ä/b/; }
    location /literal-dead/ { proxy_pass http://unix:{dead}:/x/; }
    location /group/ { proxy_pass http://grüße; }
    location /group-uri/ { proxy_pass http://grüße/ö/; }
    location /group-dead/ { proxy_pass http://weg; }
    location /moved/ { error_page 502 = @then; proxy_pass http://weg; }
    location @then { return 200; }
    location /two/ { proxy_pass http://zwei; }
    location /hash/ { proxy_pass http://läden; }
    location /case/ { proxy_pass http://Ärger/; }
    location /case-variable/ { set $to ärger; proxy_pass http://$to; }
    location /stranger/ { set $to a~b; proxy_pass http://$to; }
    location /no-address/ { set $to ä:x; proxy_pass http://$to; }
    location /variable-group/ { set $to grüße; proxy_pass http://$to; }
    location /variable-socket/ { set $to unix:{peer}; proxy_pass http://$to:/v/; }
    location /variable-url/ { set $to http://unix:{peer}:/v/; proxy_pass $to; }
    location /variable-path/ { set $to ä; proxy_pass http://unix:{peer}:/$to; }
    location /variable-dead/ { set $to unix:{dead}; proxy_pass http://$to:/v/; }
    location /cached/ { proxy_cache one; proxy_cache_valid any 1h; proxy_pass http://unix:{peer}:/c/; }
    location /cached-group/ { proxy_cache one; proxy_cache_valid any 1h; proxy_pass http://grüße/c/; }
    location /fastcgi/ { fastcgi_pass unix:{fcgi}; }
    location /fastcgi-group/ { fastcgi_pass tür; }
    location /fastcgi-variable/ { set $to unix:{fcgi}; fastcgi_pass $to; }
    location /fastcgi-variable-group/ { set $to tür; fastcgi_pass $to; }
    location /uwsgi/ { uwsgi_pass unix:{app}; }
    location /uwsgi-scheme/ { uwsgi_pass uwsgi://unix:{app}; }
    location /uwsgi-variable/ { set $to unix:{app}; uwsgi_pass $to; }
    location /scgi/ { scgi_pass unix:{app}; }
    location /scgi-variable/ { set $to unix:{app}; scgi_pass $to; }
  }
  server { listen unix:{dir}/hörer.sock; location / { return 200 "$server_addr|$server_port|$remote_addr|$remote_port"; } location /away { return 301 /there; } }`;

const TARGETS = [...CONFIGURATION.matchAll(/location (\/[a-z-]+\/) /g)].map(([, path]) => `${path}x?y`);
const KEYS = Array.from({ length: 40 }, (_none, i) => `/hash/k?key=${i}`);

describe.skipIf(nginxVersion === '')('names beyond ASCII', () => {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-grüße-'));
  const servers: Server[] = [];
  let pair: Pair;

  const serve = (name: string, answer: (text: string) => string): Promise<string> => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (bytes) => socket.end(answer(bytes.toString('latin1')), 'latin1'));
    });
    servers.push(server);
    const path = join(dir, name);
    return new Promise((resolve) => server.listen(path, () => resolve(path)));
  };
  const echo = (text: string): string => {
    const seen = text.replace(/Connection: .*\r\n/i, '');
    const where = 'Location: http://gr\xc3\xbc\xc3\x9fe/moved\r\n';
    return `HTTP/1.1 200 OK\r\n${where}Content-Length: ${seen.length}\r\n\r\n${seen}`;
  };
  const record = (kind: number, text: string): string =>
    `\x01${String.fromCharCode(kind)}\0\x01\0${String.fromCharCode(text.length)}\0\0${text}`;
  const fastcgi = (): string =>
    `${record(6, 'Status: 200 OK\r\n\r\nfcgi')}${record(6, '')}${record(3, '\0'.repeat(8))}`;

  beforeAll(async () => {
    const places = {
      peer: await serve('ä.sock', echo),
      other: await serve('ö€.sock', echo),
      third: await serve('ü.sock', echo),
      fcgi: await serve('tür.sock', fastcgi),
      app: await serve('löffel.sock', () => 'Status: 200 OK\r\n\r\napp'),
      dead: join(dir, 'tot-ß.sock'),
    };
    pair = await startPair(CONFIGURATION, [places, places]);
  });
  afterAll(async () => {
    await pair?.close();
    for (const server of servers) server.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it.each([...TARGETS, ...KEYS])('%s', async (target) => {
    const { nginx, lbproxy } = await askBoth(pair, request('GET', target));
    expect(lbproxy).toEqual(nginx);
  });

  it.each([request('GET', '/'), request('GET', '/away'), 'GET /away HTTP/1.0\r\n\r\n'])(
    'listens on a socket and tells its name: %j',
    async (bytes) => {
      const asked = [pair.nginx, pair.lbproxy].map(async (side) => {
        const socket = connect(join(side.dir, 'hörer.sock'));
        const { status, body, fields } = await exchangeOnce(0, bytes, { socket });
        const told = [status, status === 200 ? body : fields.find(([name]) => name === 'Location')?.[1]];
        return JSON.stringify(told).replace(side.dir, 'DIR');
      });
      const [nginx, lbproxy] = await Promise.all(asked);
      expect(lbproxy).toBe(nginx);
    },
  );

  it.each(['access.log', 'json.log', 'none.log'])('logs the same: %s', (name) => {
    pair.lbproxy.flush();
    const [nginx, lbproxy] = [pair.nginx, pair.lbproxy].map((side) =>
      readFileSync(join(side.dir, name), 'latin1').split('\n').sort(),
    );
    expect(nginx.length).toBeGreaterThan(TARGETS.length + KEYS.length);
    expect(lbproxy).toEqual(nginx);
  });

  it('has the same keys in the cache', () => {
    const [nginx, lbproxy] = [pair.nginx, pair.lbproxy].map((side) =>
      readdirSync(join(side.dir, 'cache'))
        .filter((name) => !name.startsWith('.'))
        .sort(),
    );
    expect(nginx).toHaveLength(2);
    expect(lbproxy).toEqual(nginx);
  });
});
