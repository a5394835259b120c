// Files that are replaced under the running process: an installation that takes the packages away for some seconds, a certificate whose
// renewal is half done. What runs goes on, and so does what takes its place.
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeCertificate } from '../support/certificates.ts';
import { get, until } from '../support/http-client.ts';
import { startLbproxy } from '../support/lbproxy-process.ts';
import { MAIN } from '../support/main-file.ts';
import { connectTls } from './tls-client.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Each process leaves a file once it has loaded pino. */
const WATCH = `import { registerHooks } from 'node:module';
const { writeFileSync } = process.getBuiltinModule('fs');
registerHooks({ load: (url, context, next) => {
  const loaded = next(url, context);
  if (/\\/pino\\/pino\\.js$/.test(url)) setTimeout(() => writeFileSync(\`\${process.env.LOADED_DIR}/pino-\${process.pid}\`, ''), 0);
  return loaded;
} });`;

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lbproxy-replaced-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('packages that are away for a while', () => {
  it('are needed by no process that serves, and by none that takes its place', async () => {
    cpSync(dirname(MAIN), join(dir, 'lbproxy'), { recursive: true });
    copyFileSync(join(ROOT, 'package.json'), join(dir, 'package.json'));
    writeFileSync(join(dir, 'watch.mjs'), WATCH);
    const modules = join(dir, 'node_modules');
    symlinkSync(join(ROOT, 'node_modules'), modules);
    const lbproxy = await startLbproxy(
      `worker_processes 2; error_log DIR/error.log info;
       http { server { listen 127.0.0.1:PORT1; location / { return 200 "ok"; } location /files/ { root DIR/none; } } }`,
      {
        main: join(dir, 'lbproxy', basename(MAIN)),
        env: { NODE_OPTIONS: `--import ${pathToFileURL(join(dir, 'watch.mjs'))}`, LOADED_DIR: dir },
      },
    );
    // No line was logged yet when they go, but each process has had time to load what it needs for that.
    const processes = [lbproxy.pid, ...lbproxy.acceptorPids()];
    const haveLoaded = (): boolean => processes.every((pid) => existsSync(join(dir, `pino-${pid}`)));
    await until(haveLoaded, 20_000, 'pino in each process');
    renameSync(modules, join(dir, 'away'));
    expect((await get(lbproxy.port, '/files/x')).status).toBe(404);
    const logged = (): number =>
      readFileSync(join(lbproxy.dir, 'error.log'), 'utf8').split('files/x').length - 1;
    // What an acceptor has not written by then dies with it.
    await until(() => logged() > 0, 10_000, 'the first line');
    const perRequest = logged();
    const [victim] = lbproxy.acceptorPids();
    process.kill(victim, 'SIGKILL');
    await lbproxy.acceptors(2, [victim]);
    for (let i = 0; i < 20; i++) expect((await get(lbproxy.port, '/')).body).toBe('ok');
    for (let i = 0; i < 20; i++) expect((await get(lbproxy.port, '/files/x')).status).toBe(404);
    await until(() => logged() >= 21 * perRequest, 10_000, 'the last line');
    const lines = readFileSync(join(lbproxy.dir, 'error.log'), 'utf8').trim().split('\n');
    const parsed = lines.map((line) => JSON.parse(line) as { level: string; pid: number; msg: string });
    // The successor, which cannot load the logger, logs all the same.
    const files = parsed.filter(({ msg }) => msg.includes('files/x'));
    expect(files.every(({ level, pid }) => level === 'error' && pid > 0)).toBe(true);
    expect(files.length).toBe(21);
    expect(parsed.some(({ msg }) => /acceptor \d+ exited on signal SIGKILL/.test(msg))).toBe(true);
    renameSync(join(dir, 'away'), modules);
    expect(await lbproxy.command('-s', 'reload')).toMatchObject({ code: 0 });
  });
});

describe('a certificate whose renewal is half done', () => {
  it('does not reach an acceptor that takes the place of another', async () => {
    const old = makeCertificate(dir, 'old', 'old.test');
    const renewed = makeCertificate(dir, 'renewed', 'renewed.test');
    const live = { certificate: join(dir, 'live.crt'), key: join(dir, 'live.key') };
    copyFileSync(old.certificate, live.certificate);
    copyFileSync(old.key, live.key);
    const lbproxy = await startLbproxy(
      `worker_processes 2; http { server { listen 127.0.0.1:PORT1 ssl; ssl_certificate ${live.certificate};
         ssl_certificate_key ${live.key}; location / { return 200 "ok"; } } }`,
    );
    const seen = async (): Promise<string[]> => {
      const names = new Set<string>();
      for (let i = 0; i < 10; i++) names.add(await connectTls(lbproxy.port));
      return [...names];
    };
    expect(await seen()).toEqual(['old.test']);
    copyFileSync(renewed.certificate, live.certificate);
    const victims = lbproxy.acceptorPids();
    for (const pid of victims) process.kill(pid, 'SIGKILL');
    await lbproxy.acceptors(2, victims);
    expect(await seen()).toEqual(['old.test']);
    // A reload in that moment is refused, and says which key does not belong to which certificate.
    const refused = await lbproxy.command('-s', 'reload');
    expect(refused.code).toBe(1);
    expect(refused.text).toContain(`ssl_certificate_key ${live.key} does not belong to ${live.certificate}`);
    copyFileSync(renewed.key, live.key);
    expect((await lbproxy.command('-s', 'reload')).code).toBe(0);
    expect(await seen()).toEqual(['renewed.test']);
  }, 30_000);
});
