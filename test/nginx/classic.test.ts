// The nginx configurations that tutorials of the Tornado deployment give (config/classic-*.conf), as they are but for paths and ports:
// lbproxy runs all of them; nginx runs those it takes, and a modern wording of what it refuses (no `http { }`, `ssl on`). Same answers.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../support/free-ports.ts';
import { type NginxReference, nginxVersion, startNginxHttp } from '../support/nginx.ts';
import { startProxy } from '../support/proxy.ts';
import type { TestPeer } from '../support/upstream.ts';
import { exchangeOnce } from '../support/wire.ts';
import { answerWith, startEchoPeer } from './echo-peer.ts';
import { type Comparable, comparable, request, type Side } from './pair.ts';

/** Ports and places of one run. */
interface Site {
  readonly root: string;
  readonly peer: number;
  readonly port: number;
  readonly tlsPort: number;
}

/** A shipped example with this run's ports and paths in the places of its own. */
function configuration(name: string, site: Site): string {
  const file = fileURLToPath(new URL(`../../config/${name}`, import.meta.url));
  return readFileSync(file, 'utf8')
    .replace(/listen( +)8080;/g, `listen$1127.0.0.1:${site.port};`)
    .replace(/listen( +)8443;/g, `listen$1127.0.0.1:${site.tlsPort};`)
    .replace(/127\.0\.0\.1:800(\d);/g, `127.0.0.$1:${site.peer};`)
    .replace(/root demo;/g, `root ${site.root};`)
    .replace(/^pid .*$/m, '');
}

/** nginx knows fewer types by itself. */
const TYPES = 'types { text/html html; text/css css; text/plain txt; image/x-icon ico; }';

/** What stands in `http { }` for nginx: what it refuses put right, and HTTP/1.1 to peers, which newer versions speak by default. */
function modern(text: string, root: string): string {
  const inside = /^http \{([\s\S]*)\}$/m.exec(text)?.[1] ?? text;
  const main = /^(?:user|worker_processes|error_log|pid) .*$|^events \{[^}]*\}/gm;
  return `proxy_http_version 1.1; ${TYPES} ${inside
    .replace(main, '')
    .replace(/(listen [\d.:]+);\s+ssl on;/, '$1 ssl;')
    .replace(
      'ssl_certificate self-signed;',
      `ssl_certificate ${root}/cert.pem; ssl_certificate_key ${root}/cert.key;`,
    )}`;
}

const PEER_ANSWER = answerWith(
  'HTTP/1.1 302 Found\r\nServer: TornadoServer/6.2\r\nLocation: http://tornadoes/next\r\nContent-Length: 0\r\n\r\n',
);
const HOSTS = ['www.example.org', 'a.b.example.org', 'example.com', 'localhost', 'unknown.example:81'];
const TARGETS = [
  '/',
  '/a%20b/c?d=e&f',
  '/static/app.css',
  '/static/app.css?v=1',
  '/static/none',
  '/static/none?v=1',
  '/static',
  '/static/',
].concat([
  '/favicon.ico',
  '/favicon.ico?v=1',
  '/robots.txt',
  '/caf%C3%A9?x',
  '/static/../x',
  '//static/app.css?v=1',
]);
const REQUESTS: readonly string[] = [
  ...HOSTS.flatMap((host) => TARGETS.map((target) => request('GET', target).replace('ref.example', host))),
  request('POST', '/post', ['Content-Length: 5', 'X-Real-IP: forged', 'X-Scheme: forged'], 'hello'),
  request('HEAD', '/'),
  request('HEAD', '/static/app.css?v=1'),
  request('GET', '/redirected', [PEER_ANSWER]),
];

describe.skipIf(nginxVersion === '')('configurations of tutorials', () => {
  const root = mkdtempSync(join(tmpdir(), 'lbproxy-classic-'));
  let peer: TestPeer;
  let nginx: NginxReference | undefined;
  beforeAll(async () => {
    mkdirSync(join(root, 'static'));
    for (const name of ['app.css', 'favicon.ico', 'robots.txt']) {
      writeFileSync(join(root, 'static', name), `the content of ${name}\n`);
      utimesSync(join(root, 'static', name), 1_700_000_000, 1_700_000_000);
    }
    const words =
      '-x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost'.split(' ');
    const files = ['-keyout', join(root, 'cert.key'), '-out', join(root, 'cert.pem')];
    execFileSync('openssl', ['req', ...words, ...files], { stdio: 'ignore' });
    peer = await startEchoPeer();
  });
  afterAll(async () => {
    await nginx?.stop();
    await peer?.close();
    rmSync(root, { recursive: true, force: true });
  });

  it.each(['balanced', 'commented', 'no-http', 'tls'])('%s answers as in nginx', async (name) => {
    const ports = await freePorts(4);
    const example = (port: number, tlsPort: number): string =>
      configuration(`classic-${name}.conf`, { root, peer: peer.port, port, tlsPort });
    await nginx?.stop();
    nginx = await startNginxHttp(modern(example(ports[0], ports[1]), root), ports[0]);
    const certificate = { certificate: join(root, 'cert.pem'), key: join(root, 'cert.key') };
    const proxy = await startProxy(example(ports[2], ports[3]), { certificate });
    try {
      for (const secure of name === 'tls' ? [false, true] : [false]) {
        for (const bytes of REQUESTS) {
          const wanted = await ask(ports.slice(0, 2), 'nginx', secure, bytes);
          expect(await ask(ports.slice(2), 'lbproxy', secure, bytes), bytes).toEqual(wanted);
        }
      }
    } finally {
      await proxy.close();
    }
  });
});

async function ask(ports: number[], name: Side['name'], secure: boolean, bytes: string): Promise<Comparable> {
  const port = ports[secure ? 1 : 0];
  const socket = secure ? connect({ port, host: '127.0.0.1', rejectUnauthorized: false }) : undefined;
  const answer = await exchangeOnce(port, bytes, { socket });
  return comparable(answer, { name, port, ports, dir: '', flush: () => {} });
}
