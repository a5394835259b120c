// The package as others install it: nothing runs at its installation, and what few need may be left out.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runLbproxy } from '../support/cli.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MANIFEST = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lbproxy-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

it('has no script that npm would run, or ask about, where it is installed', () => {
  const run = ['preinstall', 'install', 'postinstall', 'preprepare', 'prepare', 'postprepare'];
  expect(Object.keys(MANIFEST.scripts).filter((name) => run.includes(name))).toEqual([]);
  // `npm ci` in a checkout builds all the same, and so does whoever packs.
  expect(MANIFEST.scripts).toMatchObject({ dependencies: 'npm run build', prepack: 'npm run build' });
});

/** The sources with the packages that `npm install --omit=optional` brings. */
function withoutOptional(): string {
  cpSync(join(ROOT, 'src'), join(dir, 'src'), { recursive: true });
  writeFileSync(join(dir, 'package.json'), JSON.stringify({ type: 'module' }));
  mkdirSync(join(dir, 'node_modules'));
  for (const name of Object.keys(MANIFEST.dependencies))
    symlinkSync(join(ROOT, 'node_modules', name), join(dir, 'node_modules', name));
  return join(dir, 'src', 'main.ts');
}

it('works without its optional part, which is asked for by name where it is needed', async () => {
  expect(Object.keys(MANIFEST.optionalDependencies)).toEqual(['@peculiar/x509', 'selfsigned']);
  const main = withoutOptional();
  const env = { XDG_STATE_HOME: join(dir, 'state') };
  writeFileSync(join(dir, 'plain.conf'), 'http { server { listen 127.0.0.1:0; return 204; } }\n');
  expect(await runLbproxy(['-tq', 'plain.conf'], { cwd: dir, env, main })).toEqual({
    code: 0,
    stdout: '',
    stderr: '',
  });
  writeFileSync(
    join(dir, 'tls.conf'),
    'http {\nserver { listen 127.0.0.1:0 ssl; ssl_certificate self-signed; return 204; } }\n',
  );
  const why =
    'tls.conf:2:1: certificates are made by the package selfsigned, which is not installed: run ' +
    '"npm install selfsigned", or name a certificate of your own';
  for (const args of [['-t'], []]) {
    const { code, stderr } = await runLbproxy([...args, 'tls.conf'], { cwd: dir, env, main });
    expect(stderr).toContain(why);
    expect(code).toBe(1);
  }
  // Beside what else is missing: all at once, with -t as at a start.
  writeFileSync(
    join(dir, 'more.conf'),
    'http {\nserver { listen 127.0.0.1:0 ssl; ssl_certificate self-signed; }\n' +
      'server { listen 127.0.0.2:0 ssl; ssl_certificate a.crt; ssl_certificate_key a.key; } }\n',
  );
  const tested = await runLbproxy(['-t', 'more.conf'], { cwd: dir, env, main });
  expect(tested.stderr).toContain(why.replace('tls.conf', 'more.conf'));
  expect(tested.stderr).toMatch(/^more\.conf:3:34: ssl_certificate .*a\.crt cannot be read/m);
  writeFileSync(
    join(dir, 'taken.conf'),
    'http {\nserver { listen 127.0.0.1:0 ssl; ssl_certificate self-signed; }\nserver { listen 192.0.2.1:9; } }\n',
  );
  const started = await runLbproxy(['taken.conf'], { cwd: dir, env, main });
  expect(started.stderr).toContain(why.replace('tls.conf', 'taken.conf'));
  expect(started.stderr).toMatch(/^taken\.conf:3:17: cannot listen on 192\.0\.2\.1:9:/m);
});
