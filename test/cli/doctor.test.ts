// lbproxy doctor: each check fires where it should, says how to mend it, and is silent otherwise.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Finding, Surroundings } from '../../src/cli/doctor/check.ts';
import { CHECKS, doctor } from '../../src/cli/doctor/doctor.ts';
import { surroundings } from '../../src/cli/doctor/surroundings.ts';
import { freePorts } from '../support/free-ports.ts';

const dirs: string[] = [];
afterAll(() => {
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
});

type Files = Readonly<Record<string, string>>;

function make(files: Files): string {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-doctor-'));
  dirs.push(dir);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  return dir;
}

/** A machine where all is well, and every port free and answered. */
const WELL: Surroundings = {
  env: {},
  platform: 'linux',
  nodeVersion: '24.1.0',
  nowMs: Date.now(),
  descriptors: 1 << 20,
  readFile: (path) => {
    if (path === '/etc/ssl/certs/ca-certificates.crt') return '-----BEGIN CERTIFICATE-----';
    if (path.startsWith('/.') || path.startsWith('/run/')) return undefined;
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return undefined;
    }
  },
  isDirectory: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false,
  changedAtMs: () => 0,
  addressesOf: async () => ['127.0.0.1'],
  whyPortUnusable: async () => undefined,
  accepts: async () => true,
  distrustedBy: () => [],
};

interface Examined {
  readonly code: number;
  readonly findings: readonly Finding[];
}

/** The findings of one check, or of all. */
async function examine(check: string, files: Files, here: Partial<Surroundings> = {}): Promise<Examined> {
  const dir = make(files);
  const out: string[] = [];
  const config = Object.keys(files).find((name) => /^(?:nginx\.conf|upstreams\.json)$/.test(name));
  const named = config === undefined ? ['-p', dir] : ['-c', join(dir, config)];
  const io = { print: (text: string) => out.push(text), fail: () => {}, here: { ...WELL, ...here } };
  const code = await doctor([...named, '--json'], io);
  const { findings } = JSON.parse(out.join('')) as Examined;
  return { code, findings: check === '' ? findings : findings.filter((each) => each.check === check) };
}

const http = (inner: string): Files => ({
  'nginx.conf': `http { server { listen 127.0.0.1:8080; ${inner} } }\n`,
});
const PLAIN = http('return 204;');

/** What makes a check fire, what it says, and how it is mended; and the same where it has nothing to say. */
interface Case {
  readonly check: string;
  readonly files?: Files;
  readonly here?: Partial<Surroundings>;
  readonly says: string;
  readonly fix: string;
  /** Silent with these instead. */
  readonly well?: { readonly files?: Files; readonly here?: Partial<Surroundings> };
}

const reads = (path: string, text: string): Pick<Surroundings, 'readFile'> => ({
  readFile: (each) => (each === path ? text : WELL.readFile(each)),
});

const DJANGO: Files = {
  'manage.py': "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site1.settings') # django",
  'site1/settings.py': 'DEBUG = False',
};
const TLS = 'listen 127.0.0.1:8443 ssl; ssl_certificate self-signed;';
const PASS = 'location / { proxy_pass http://127.0.0.1:1; }';
const PROTO = 'proxy_set_header X-Forwarded-Proto $scheme;';
const TORNADO = 'class A(tornado.websocket.WebSocketHandler):\n  pass\n';

const CASES: readonly Case[] = [
  {
    check: 'node',
    here: { nodeVersion: '20.19.0' },
    says: 'this is Node 20.19.0',
    fix: 'install Node 22.12 or newer',
  },
  {
    check: 'node',
    here: { nodeVersion: '23.1.0' },
    says: 'half a year',
    fix: 'take Node 24, or 22',
    well: { here: { nodeVersion: '22.12.0' } },
  },
  { check: 'ulimit', here: { descriptors: 1024 }, says: 'some 462 clients', fix: 'ulimit -n 65536' },
  {
    check: 'ulimit',
    files: { 'nginx.conf': `events { worker_connections 50000; }\n${PLAIN['nginx.conf']}` },
    here: { descriptors: 65_536 },
    says: '65536 descriptors',
    fix: 'ulimit -n 100000',
    well: { here: { descriptors: 100_000 } },
  },
  {
    check: 'clock',
    here: { nowMs: Date.UTC(2001, 0, 1) },
    says: 'the clock says 2001-01-01',
    fix: 'set the clock',
  },
  {
    check: 'clock',
    here: { changedAtMs: () => Date.now() + 9e9 },
    says: 'was changed later',
    fix: 'set the clock',
  },
  {
    check: 'dns',
    here: { addressesOf: async () => [] },
    says: '"localhost" has no address',
    fix: '/etc/hosts',
  },
  {
    check: 'dns',
    files: http('location / { proxy_pass http://localhost:3000; }'),
    here: { addressesOf: async () => ['::1', '127.0.0.1'], accepts: async (host) => host === '127.0.0.1' },
    says: 'localhost:3000 is ::1 and 127.0.0.1, and the app listens on 127.0.0.1 alone',
    fix: 'write 127.0.0.1:3000',
    well: { here: { addressesOf: async () => ['::1', '127.0.0.1'] } },
  },
  {
    check: 'dns',
    files: { 'nginx.conf': 'http { upstream u { server app.test:80; } server { listen 8080; } }\n' },
    here: { addressesOf: async (name) => (name === 'localhost' ? ['127.0.0.1'] : []) },
    says: 'the host name "app.test" has no address',
    fix: 'correct the name',
  },
  {
    check: 'proxy-variables',
    here: { env: { http_proxy: 'http://p:1', HTTPS_PROXY: 'x' } },
    says: 'http_proxy, HTTPS_PROXY are set',
    fix: 'export NO_PROXY=localhost,127.0.0.1,::1',
    well: { here: { env: { http_proxy: 'http://p:1', NO_PROXY: 'a, localhost,127.0.0.1' } } },
  },
  {
    check: 'container',
    files: http('return 204;'),
    here: reads('/.dockerenv', ''),
    says: 'a published port does not lead there',
    fix: 'listen 8080 instead of 127.0.0.1:8080',
    well: {
      files: { 'nginx.conf': 'http { server { listen 8080; return 204; } }' },
      here: reads('/.dockerenv', ''),
    },
  },
  {
    check: 'container',
    files: {
      'nginx.conf': 'http { server { listen 8080; location / { proxy_pass http://localhost:3000; } } }',
    },
    here: { env: { KUBERNETES_SERVICE_HOST: 'x' } },
    says: 'localhost:3000 is a port inside of it',
    fix: 'host.docker.internal',
  },
  {
    check: 'ports',
    files: http('return 204;'),
    here: { whyPortUnusable: async () => 'port 8080 is taken by pid 7 (x): stop that, or name another port' },
    says: 'port 8080 is taken by pid 7 (x)',
    fix: 'stop that, or name another port',
  },
  {
    check: 'ports',
    files: { 'upstreams.json': '{ "programs": { "a": { "command": "x", "first_port": 9000 } } }' },
    here: { whyPortUnusable: async () => 'port 9000 is taken by pid 7 (x): stop that' },
    says: 'program a: port 9000 is taken by pid 7 (x)',
    fix: 'another first_port',
  },
  {
    check: 'peers',
    files: http(PASS),
    here: { accepts: async () => false },
    says: 'nothing listens on 127.0.0.1:1: requests get 502',
    fix: 'start the app, or let lbproxy start it',
  },
  {
    check: 'trust',
    here: { env: { SSL_CERT_FILE: '/none' } },
    says: 'SSL_CERT_FILE names /none, which cannot be read',
    fix: 'unset SSL_CERT_FILE',
  },
  {
    check: 'trust',
    here: { env: { NODE_EXTRA_CA_CERTS: '/x' }, ...reads('/x', 'nothing') },
    says: 'which holds no certificate',
    fix: 'unset NODE_EXTRA_CA_CERTS',
    well: { here: { env: { NODE_EXTRA_CA_CERTS: '/x' }, ...reads('/x', '-----BEGIN CERTIFICATE-----') } },
  },
  {
    check: 'trust',
    here: { readFile: () => undefined },
    says: 'no certificates of public authorities',
    fix: 'apt-get install ca-certificates',
  },
  {
    check: 'trust',
    files: http('listen 127.0.0.1:8443 ssl; ssl_certificate local;'),
    here: { distrustedBy: () => ['the system store', 'Firefox'] },
    says: 'local certificates are not believed by: the system store, Firefox',
    fix: 'run lbproxy trust',
  },
  {
    check: 'trust',
    files: http('listen 127.0.0.1:8443 ssl; ssl_certificate local;'),
    here: { distrustedBy: () => null },
    says: 'nobody believes local certificates yet',
    fix: 'run lbproxy trust',
  },
  {
    check: 'trust',
    files: http(TLS),
    says: 'no browser believes a self-signed certificate',
    fix: 'write ssl_certificate local, then run lbproxy trust',
    well: { files: PLAIN },
  },
  {
    check: 'alias',
    files: http('location /img { alias /data/; }'),
    says: '/img../x is a file beside that directory',
    fix: 'write location /img/',
    well: {
      files: http(
        'location /img/ { alias /data/; } location /b { alias /data; } location ~ ^/x { root /y/; }',
      ),
    },
  },
  {
    check: 'alias',
    files: http('location /img/ { alias /data; }'),
    says: '/img/a is looked for as /dataa',
    fix: 'write alias /data/',
    well: { files: http('location /img/ { alias /data/; }') },
  },
  {
    check: 'alias',
    files: { ...http('location /static/ { root www/static; }'), 'www/static/a.css': '' },
    says: 'is looked for as',
    fix: 'write alias www/static/, or root www',
    well: { files: { ...http('location /static/ { root www; }'), 'www/static/a.css': '' } },
  },
  {
    check: 'proxy-pass-slash',
    files: http('location /api { proxy_pass http://127.0.0.1:1/; }'),
    says: 'the peer gets /api/users as //users',
    fix: 'write location /api/, or http://127.0.0.1:1',
    well: {
      files: http(
        'location /api/ { proxy_pass http://127.0.0.1:1/; } location /b { proxy_pass http://127.0.0.1:1; } location /c { proxy_pass http://127.0.0.1:1/d; } location = /e { proxy_pass http://127.0.0.1:1/; }',
      ),
    },
  },
  {
    check: 'proxy-pass-slash',
    files: http('location /api/ { proxy_pass http://127.0.0.1:1/v1; }'),
    says: 'the peer gets /api/users as /v1users',
    fix: 'write http://127.0.0.1:1/v1/',
    well: { files: http('location /api/ { proxy_pass http://127.0.0.1:1/v1/; }') },
  },
  {
    check: 'if',
    files: http('location / { try_files $uri =404; if ($arg_a) { add_header X y; } }'),
    says: '"add_header" in an "if"',
    fix: 'let a map give the value',
    well: {
      files: http(
        'if ($arg_a) { return 403; } location / { try_files $uri =404; if ($arg_a) { return 403; } }',
      ),
    },
  },
  {
    check: 'inheritance',
    files: http('add_header X-Frame-Options DENY; add_header B c; location / { add_header B d; }'),
    says: 'none of those around: X-Frame-Options is not set here',
    fix: 'repeat them here, or write add_header_inherit merge',
    well: {
      files: http(
        'add_header A b; add_header_inherit merge; location / { add_header C d; } location /x { return 204; }',
      ),
    },
  },
  {
    check: 'inheritance',
    files: http(
      'proxy_set_header Host $host; proxy_set_header A b; location / { proxy_set_header C d; proxy_pass http://127.0.0.1:1; }',
    ),
    says: 'Host, A are not set here',
    fix: 'repeat them here',
    well: {
      files: http(
        'proxy_set_header A b; location / { proxy_set_header A c; proxy_pass http://127.0.0.1:1; }',
      ),
    },
  },
  {
    check: 'django',
    files: { ...http(`${TLS} ${PASS}`), ...DJANGO },
    says: 'Django is not told that clients come by https',
    fix: 'proxy_set_header X-Forwarded-Proto $scheme',
    well: { files: { ...http(PASS), ...DJANGO } },
  },
  {
    check: 'django',
    files: { ...http(`${TLS} ${PROTO} ${PASS}`), ...DJANGO },
    says: 'Django does not look at X-Forwarded-Proto',
    fix: 'SECURE_PROXY_SSL_HEADER',
    well: {
      files: {
        ...http(`${TLS} ${PROTO} ${PASS}`),
        ...DJANGO,
        'site1/settings.py': 'SECURE_PROXY_SSL_HEADER = 1',
      },
    },
  },
  {
    check: 'tornado',
    files: { ...http(PASS), 'app.py': TORNADO },
    says: 'check_origin compares Origin with Host',
    fix: 'proxy_set_header Host $http_host',
    well: { files: { ...http(`proxy_set_header Host $http_host; ${PASS}`), 'app.py': TORNADO } },
  },
  {
    check: 'configuration',
    files: { 'nginx.conf': 'http { server { lissten 1; } }' },
    says: 'unknown directive "lissten"',
    fix: 'did you mean',
  },
];

describe('each check', () => {
  it.each(CASES.map((one, i) => [`${one.check} ${i}: ${one.says}`, one] as const))('%s', async (_, one) => {
    const { files = PLAIN, here = {}, well = {} } = one;
    const { findings } = await examine(one.check, files, here);
    expect(findings.map(({ what }) => what).join('\n')).toContain(one.says);
    expect(findings.map(({ fix }) => fix).join('\n')).toContain(one.fix);
    const wellFiles = well.files ?? (one.check === 'configuration' ? PLAIN : files);
    expect((await examine(one.check, wellFiles, well.here ?? {})).findings).toEqual([]);
  });

  it('has its case here', () => {
    const tried = new Set(CASES.map(({ check }) => check));
    expect(CHECKS.map(({ name }) => name).filter((name) => !tried.has(name))).toEqual(['certificates']);
  });

  it('certificates: their end, and the key of another', async () => {
    const dir = make({});
    const pair = (name: string): void => {
      const subject = ['-subj', '/CN=localhost', '-days', '30'];
      const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
      const files = ['-keyout', join(dir, `${name}.key`), '-out', join(dir, `${name}.crt`)];
      execFileSync('openssl', ['req', '-x509', ...key, ...subject, ...files], { stdio: 'ignore' });
    };
    pair('a');
    pair('b');
    const site = (key: string): Files =>
      http(`listen 127.0.0.1:8443 ssl; ssl_certificate ${dir}/a.crt; ssl_certificate_key ${dir}/${key}.key;`);
    const at = (days: number) => ({ nowMs: Date.now() + days * 24 * 3600_000 });
    expect((await examine('certificates', site('a'))).findings).toEqual([]);
    expect((await examine('certificates', site('a'), at(20))).findings).toMatchObject([
      { level: 'advice', what: `${dir}/a.crt expires in 9 days`, fix: expect.stringContaining('renew it') },
    ]);
    expect((await examine('certificates', site('a'), at(40))).findings).toMatchObject([
      { level: 'problem', what: `${dir}/a.crt has expired: browsers refuse it` },
    ]);
    const other = await examine('', site('b'));
    expect(other.findings.map(({ what }) => what).join()).toContain(
      `${dir}/b.key does not belong to ${dir}/a.crt`,
    );
    expect(other.code).toBe(1);
  });
});

describe('lbproxy doctor', () => {
  async function run(args: readonly string[], here: Partial<Surroundings> = {}) {
    const out: string[] = [];
    const said: string[] = [];
    const io = { print: (text: string) => out.push(text), fail: (text: string) => said.push(text) };
    const code = await doctor(args, { ...io, here: { ...WELL, ...here } });
    return { code, out: out.join('\n'), said: said.join('\n') };
  }

  it('says that all is well, of a machine alone too', async () => {
    const dir = make({});
    const { code, out } = await run(['-p', dir]);
    expect(out).toBe(
      `no problem: looked at this machine; there is no configuration that could be read (${CHECKS.length} checks)`,
    );
    expect(code).toBe(0);
  });

  it('tells each with its place and its fix, problems first; 1 where something does not work', async () => {
    const dir = make(http('location /api { proxy_pass http://127.0.0.1:1/; }'));
    const { code, out } = await run(['-c', join(dir, 'nginx.conf')], { env: { http_proxy: 'x' } });
    const [first, fix, second] = out.split('\n');
    expect(first).toMatch(
      /^problem {2}.*nginx\.conf:1:\d+: the peer gets \/api\/users as \/\/users \[proxy-pass-slash\]$/,
    );
    expect(fix).toBe('         → write location /api/, or http://127.0.0.1:1');
    expect(second).toMatch(/^advice {3}http_proxy is set/);
    expect(out).toContain('1 problem, 1 to consider: looked at this machine and ');
    expect(code).toBe(1);
    expect((await run(['-p', make({})], { env: { http_proxy: 'x' } })).code).toBe(0);
  });

  it('looks at a real machine: a port that is taken, with who has it', async () => {
    const [port] = await freePorts(1);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const dir = make({ 'nginx.conf': `http { server { listen 127.0.0.1:${port}; return 204; } }` });
    const { out } = await run(['-c', join(dir, 'nginx.conf')], surroundings());
    await new Promise((resolve) => server.close(resolve));
    expect(out).toMatch(new RegExp(`nginx\\.conf:1:\\d+: port ${port} is taken by pid ${process.pid} `));
  });

  it('lists its checks', async () => {
    const { out, code } = await run(['--help']);
    for (const { name } of CHECKS) expect(out).toContain(`  ${name} `);
    expect(code).toBe(0);
  });

  it.each([
    [['--x'], "Unknown option '--x'"],
    [['a', 'b'], 'name one'],
    [['a', '-c', 'b'], 'name one'],
  ])('%j is a wrong command line', async (args, text) => {
    const { code, said } = await run(args);
    expect(said).toContain(text);
    expect(code).toBe(2);
  });
});
