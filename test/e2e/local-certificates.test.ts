// `ssl_certificate local` as clients see it who trust the authority: names, addresses, a reload, acceptors that are no longer root, and
// programs that call lbproxy.
import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { findAuthority } from '../../src/local-ca/authority.ts';
import { apply, trustedOne } from '../../src/local-ca/trust/apply.ts';
import { nssStores } from '../../src/local-ca/trust/nss-stores.ts';
import { thisMachine } from '../../src/local-ca/trust/places.ts';
import { freePorts } from '../support/free-ports.ts';
import { type LbproxyProcess, startLbproxy } from '../support/lbproxy-process.ts';
import { MAIN } from '../support/main-file.ts';
import { isRoot } from '../support/root.ts';

const run = promisify(execFile);
const BROWSER = ['/usr/bin/chromium', '/usr/bin/certutil'];
const hasBrowser = BROWSER.every((path) => existsSync(path));
const hasRequests = spawnSync('/usr/bin/python3', ['-c', 'import requests']).status === 0;
if (!hasBrowser) console.warn('\n*** no chromium and certutil: what a browser says is SKIPPED ***\n');
if (!hasRequests) console.warn('\n*** no requests for Python: what it says is SKIPPED ***\n');

// What the machine that runs the tests has is not theirs.
for (const name of [
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
])
  delete process.env[name];
const env = { CAROOT: '/nonexistent', NODE: process.execPath };

const PROGRAM = `program caller {
  command "sh DIR/call.sh"; autorestart false; stdout_logfile DIR/called; redirect_stderr on;
  environment URL=https://localhost:PORT1/;
}
program own { command "sh -c 'echo $SSL_CERT_FILE; sleep 60'"; stdout_logfile DIR/own; environment SSL_CERT_FILE=/my/own; }
`;
/** Clients that programs have, none of them told of anything. */
const CALL = `echo "curl $(curl -s $URL 2>&1)"
echo "node $($NODE -e "fetch('$URL').then((a) => a.text()).then(console.log, (e) => console.log(e.cause.code))" 2>&1)"
echo "python $(/usr/bin/python3 -c "import urllib.request as u; print(u.urlopen('$URL').read().decode())" 2>&1 | tail -1)"
echo "requests $(/usr/bin/python3 -c "import requests; print(requests.get('$URL').text)" 2>&1 | tail -1)"
echo "bundle $(grep -c BEGIN $SSL_CERT_FILE)"
echo done`;

const config = (more = ''): string => `state_path DIR/state; worker_processes 2;
${PROGRAM}
http {
  ssl_certificate local;
  server { listen 127.0.0.1:PORT1 ssl; listen [::1]:PORT1 ssl; server_name app.localhost *.wild.test ~^re\\d+\\.test$; return 200 "hello $host"; }
  server { listen 127.0.0.1:PORT1 ssl; server_name second.test; return 200 second; }
  ${more}
}`;

/** The certificate that a client is shown who trusts `ca` alone, or why there is none to its taste. */
function visit(port: number, ca: string, servername: string, host = '127.0.0.1'): Promise<string> {
  return new Promise((resolve) => {
    const names = servername === '' ? {} : { servername };
    const socket = connect({ port, host, ca, ...names, ALPNProtocols: ['http/1.1'] });
    socket.setTimeout(10_000, () => socket.destroy(new Error('nothing came')));
    socket.on('secureConnect', () => {
      resolve(socket.getPeerCertificate().subjectaltname ?? '');
      socket.destroy();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

async function expectNames({ port, dir }: LbproxyProcess): Promise<void> {
  const ca = readFileSync(join(dir, 'state/local-ca.crt'), 'utf8');
  const own = 'DNS:localhost, DNS:app.localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1';
  for (const name of ['app.localhost', 'localhost', 'APP.localhost', ''])
    expect(await visit(port, ca, name)).toBe(own);
  expect(await visit(port, ca, '', '::1')).toBe(own);
  const made = ['x.localhost', 'a.b.localhost', 'x.wild.test', 'a.b.wild.test', 're12.test'];
  // More than once, so that each acceptor is asked.
  for (const name of [...made, ...made, ...made]) expect(await visit(port, ca, name)).toBe(`DNS:${name}`);
  expect(await visit(port, ca, 'second.test')).toMatch(/^DNS:localhost, DNS:second\.test,/);
  for (const name of ['foreign.test', 'x.second.test', 'wild.test', 'third.test'])
    expect(await visit(port, ca, name)).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
}

/** They learn of the authority unless they say otherwise. */
async function expectPrograms(lbproxy: LbproxyProcess): Promise<void> {
  const said = join(lbproxy.dir, 'called');
  await expect.poll(() => readFileSync(said, 'utf8'), { timeout: 40_000 }).toContain('done');
  const lines = readFileSync(said, 'utf8').split('\n');
  expect(lines.slice(0, 3)).toEqual(['curl', 'node', 'python'].map((client) => `${client} hello localhost`));
  if (hasRequests) expect(lines[3]).toBe('requests hello localhost');
  // The system's authorities are there as well.
  expect(Number(/^bundle (\d+)$/m.exec(lines.join('\n'))?.[1])).toBeGreaterThan(100);
  await expect.poll(() => readFileSync(join(lbproxy.dir, 'own'), 'utf8')).toBe('/my/own\n');
}

/** What a page says in Chromium, which trusts whom the NSS store in `home` trusts. */
async function browse(home: string, url: string): Promise<string> {
  const { stdout } = await run(
    '/usr/bin/chromium',
    [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      `--user-data-dir=${join(home, 'profile')}`,
      '--dump-dom',
      url,
    ],
    { env: { ...process.env, HOME: home }, timeout: 50_000, killSignal: 'SIGKILL' },
  );
  return stdout;
}

it('is believed by all who trust the authority, programs too, for the names of the servers and no others', async () => {
  const lbproxy = await startLbproxy(config(), { env, files: { 'call.sh': CALL } });
  expect(lbproxy.stderr()).toMatch(
    /made a local authority: .*\/state\/local-ca\.crt; lbproxy trust has browsers/,
  );
  await Promise.all([expectNames(lbproxy), expectPrograms(lbproxy)]);
  const ca = readFileSync(join(lbproxy.dir, 'state/local-ca.crt'), 'utf8');
  // A reload brings a name, and takes none of the certificates that are there.
  const third = 'server { listen 127.0.0.1:PORT1 ssl; server_name third.test; return 200 third; }';
  expect(await lbproxy.reload(config(third))).toBe('reloaded');
  expect(await visit(lbproxy.port, ca, 'third.test')).toMatch(/^DNS:localhost, DNS:third\.test,/);
  expect(await visit(lbproxy.port, ca, 'x.wild.test')).toBe('DNS:x.wild.test');
  expect(readFileSync(join(lbproxy.dir, 'state/local-ca.crt'), 'utf8')).toBe(ca);
});

it.runIf(hasBrowser)('opens in Chromium where its store has the authority, and only there', async () => {
  const lbproxy = await startLbproxy(config(), { env, files: { 'call.sh': '' } });
  const [home, stranger] = ['home', 'stranger'].map((name) => join(lbproxy.dir, name));
  for (const each of [home, stranger]) mkdirSync(each);
  const { authority } = findAuthority({ stateDir: join(lbproxy.dir, 'state'), env, platform: 'linux' });
  if (authority === null) throw new Error('there is no authority');
  // Those of lbproxy trust, but for that of the system.
  const places = { ...thisMachine(), home };
  const outcomes = apply('trust', nssStores(trustedOne(authority), places), places);
  expect(outcomes.map(({ text }) => text)).toEqual(['trusted now']);
  const page = `https://app.localhost:${lbproxy.port}/`;
  const [believed, other] = await Promise.all([browse(home, page), browse(stranger, page)]);
  expect(believed).toContain('hello app.localhost');
  expect(other).not.toContain('hello');
});

it.runIf(isRoot)('comes from acceptors that are no longer root', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-local-'));
  const [port] = await freePorts(1);
  try {
    chmodSync(dir, 0o755);
    for (const name of ['logs', 'conf']) mkdirSync(join(dir, name));
    const server = `server { listen 127.0.0.1:${port} ssl; server_name *.wild.test; ssl_certificate local; return 204; }`;
    writeFileSync(
      join(dir, 'conf/nginx.conf'),
      `user nobody nogroup; worker_processes 1; daemon on; state_path ${dir}/state; error_log logs/error.log; events { } http { ${server} }`,
    );
    const nginx = (...args: string[]): unknown =>
      run(process.execPath, [MAIN, '--as-nginx', '-p', dir, ...args], {
        env: { ...process.env, ...env },
        timeout: 50_000,
      });
    await nginx();
    const pid = Number(readFileSync(join(dir, 'logs/nginx.pid'), 'utf8'));
    try {
      const ca = readFileSync(join(dir, 'state/local-ca.crt'), 'utf8');
      expect(await visit(port, ca, 'x.wild.test')).toBe('DNS:x.wild.test');
      const [acceptor] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
      expect(/^Uid:\t(\d+)/m.exec(readFileSync(`/proc/${acceptor}/status`, 'utf8'))?.[1]).toBe('65534');
    } finally {
      process.kill(pid, 'SIGTERM');
    }
  } finally {
    rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
});
