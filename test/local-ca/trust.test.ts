// lbproxy trust and untrust: which commands each store needs, that they are run once, and that what fails is told with the next step. The
// stores are in a directory of the test; of the tools certutil and keytool are real ones, where there are some.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Authority } from '../../src/local-ca/authority.ts';
import { makeAuthority } from '../../src/local-ca/maker.ts';
import { apply, printed, storesFor, type TrustWish, trustedOne } from '../../src/local-ca/trust/apply.ts';
import { runCommand } from '../../src/local-ca/trust/places.ts';
import type { TrustedOne, TrustPlaces } from '../../src/local-ca/trust/store.ts';
import { runLbproxy } from '../support/cli.ts';

const CERTUTIL = '/usr/bin/certutil';
if (!existsSync(CERTUTIL)) console.warn('\n*** no certutil: stores of browsers are SKIPPED ***\n');

const all = mkdtempSync(join(tmpdir(), 'lbproxy-trust-'));
let one: TrustedOne;
let authority: Authority;
beforeAll(async () => {
  const path = join(all, 'local-ca.crt');
  authority = { origin: 'lbproxy', path, ...(await makeAuthority('x', Date.now())) };
  writeFileSync(path, authority.certificate);
  one = trustedOne(authority);
});
afterAll(() => rmSync(all, { recursive: true, force: true }));

let dir = '';
let ran: string[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(all, 'machine-'));
  for (const name of ['bin', 'home']) mkdirSync(join(dir, name));
  ran = [];
});

/** A machine in a directory; its tools are those in `bin`. */
function machine(own: Partial<TrustPlaces> = {}): TrustPlaces {
  const env = { PATH: join(dir, 'bin') };
  return {
    platform: 'linux',
    env,
    home: join(dir, 'home'),
    root: dir,
    isRoot: true,
    isTerminal: false,
    run: (argv) => {
      ran.push(argv.join(' ').replaceAll(dir, 'DIR'));
      return runCommand(argv, { PATH: `${env.PATH}:/usr/bin:/bin`, DIR: dir });
    },
    ...own,
  };
}

function tool(name: string, script: string): void {
  writeFileSync(join(dir, 'bin', name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(dir, 'bin', name), 0o755);
}

const did = (wish: TrustWish, places = machine()): string[] =>
  apply(wish, storesFor(one, places), places).map(({ ok, store, text }) =>
    `${ok ? 'ok' : 'no'} ${store}: ${text}`.replaceAll(dir, 'DIR'),
  );

/** Debian: a directory, and a command that makes a bundle of it. */
function debian(): void {
  for (const name of ['usr/local/share/ca-certificates', 'etc/ssl/certs'])
    mkdirSync(join(dir, name), { recursive: true });
  tool(
    'update-ca-certificates',
    'cat $DIR/usr/local/share/ca-certificates/*.crt > $DIR/etc/ssl/certs/ca-certificates.crt 2>/dev/null; true',
  );
}

describe('the store of the system', () => {
  it('trusts it, and no longer, each said once', () => {
    debian();
    const file = `DIR/usr/local/share/ca-certificates/${one.name.replaceAll(' ', '_')}.crt`;
    const name = 'system (Debian, Ubuntu, Alpine)';
    expect(did('untrust')).toEqual([`ok ${name}: not trusted, as before`]);
    expect(ran).toEqual([]);
    expect(did('trust')).toEqual([`ok ${name}: trusted now`]);
    expect(ran).toEqual([`install -m 0644 ${one.path} ${file}`, 'update-ca-certificates']);
    expect(readFileSync(file.replace('DIR', dir), 'utf8')).toBe(authority.certificate);
    expect(did('trust')).toEqual([`ok ${name}: trusted already`]);
    ran = [];
    expect(did('untrust')).toEqual([`ok ${name}: no longer trusted`]);
    expect(ran).toEqual([`rm -f ${file}`, 'update-ca-certificates']);
    expect(existsSync(file.replace('DIR', dir))).toBe(false);
  });

  it.each([
    ['etc/pki/ca-trust/source/anchors', 'update-ca-trust', 'update-ca-trust extract'],
    ['etc/ca-certificates/trust-source/anchors', 'trust', 'trust extract-compat'],
    ['usr/share/pki/trust/anchors', 'update-ca-certificates', 'update-ca-certificates'],
  ])('is the one that the machine has: %s', (directory, name, update) => {
    mkdirSync(join(dir, directory), { recursive: true });
    tool(name, 'true');
    did('trust');
    expect(ran).toEqual([expect.stringContaining(`DIR/${directory}/lbproxy_local_CA_`), update]);
  });

  it('that does not do as it is told is told of, with the commands', () => {
    debian();
    tool('update-ca-certificates', 'echo gone wrong >&2; exit 3');
    expect(did('trust')).toEqual([
      expect.stringMatching(
        /^no system .*: not done: update-ca-certificates failed \(gone wrong\); to try it by hand:\n {6}install -m 0644 .*\n {6}update-ca-certificates$/,
      ),
    ]);
    tool('update-ca-certificates', 'true');
    expect(did('trust')).toEqual([
      expect.stringMatching(/: it does not trust the authority all the same; see what/),
    ]);
  });

  it('is root’s: others are told the commands, or asked for their password', () => {
    debian();
    expect(did('trust', machine({ isRoot: false }))).toEqual([
      expect.stringMatching(
        /: not done: only root may do it; run\n {6}sudo -- install .*\n {6}sudo -- update-ca-certificates$/,
      ),
    ]);
    expect(ran).toEqual([]);
    tool('sudo', 'shift; exec "$@"');
    expect(did('trust', machine({ isRoot: false, isTerminal: true }))).toEqual([
      expect.stringMatching(/: trusted now$/),
    ]);
    expect(ran[1]).toBe('sudo -- update-ca-certificates');
  });

  it('may be none that is known, or lack its command', () => {
    expect(did('trust')).toEqual([
      expect.stringMatching(/^no system: not done: no directory .*: install the package ca-certificates$/),
    ]);
    mkdirSync(join(dir, 'usr/local/share/ca-certificates'), { recursive: true });
    expect(did('trust')).toEqual([
      'no system: not done: update-ca-certificates is missing: install the package ca-certificates',
    ]);
  });

  it('has the commands of macOS and Windows, which --print shows', () => {
    const macos = machine({ platform: 'darwin', isRoot: false, isTerminal: true });
    expect(printed('trust', storesFor(one, macos), macos)).toBe(
      `# system (macOS)\nsudo -- security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain ${one.path}\n`,
    );
    expect(printed('untrust', storesFor(one, macos), macos)).toContain(
      `sudo -- security remove-trusted-cert -d ${one.path}`,
    );
    const windows = machine({ platform: 'win32' });
    expect(printed('trust', storesFor(one, windows), windows)).toBe(
      `# system (Windows)\ncertutil.exe -user -addstore -f Root ${one.path}\n`,
    );
    expect(printed('untrust', storesFor(one, windows), windows)).toContain(
      `certutil.exe -user -delstore Root ${one.serial}`,
    );
  });
});

describe('stores of browsers', () => {
  const profile = '.mozilla/firefox/abc.default';

  it.runIf(existsSync(CERTUTIL))(
    'trust it, and no longer, also one that the browser has not made yet',
    () => {
      debian();
      cpSync(realpathSync(CERTUTIL), join(dir, 'bin/certutil'));
      tool('chromium', 'true');
      mkdirSync(join(dir, 'home', profile), { recursive: true });
      execFileSync(CERTUTIL, ['-N', '--empty-password', '-d', `sql:${join(dir, 'home', profile)}`]);
      const names = [
        'system (Debian, Ubuntu, Alpine)',
        'Chromium (DIR/home/.pki/nssdb)',
        `Firefox (DIR/home/${profile})`,
      ];
      const each = (text: string): string[] => names.map((name) => `ok ${name}: ${text}`);
      expect(did('trust')).toEqual(each('trusted now'));
      expect(did('trust')).toEqual(each('trusted already'));
      const listed = execFileSync(CERTUTIL, ['-L', '-d', `sql:${join(dir, 'home', profile)}`], {
        encoding: 'utf8',
      });
      expect(listed).toMatch(new RegExp(`^${one.name} +C,, *$`, 'm'));
      expect(did('untrust')).toEqual(each('no longer trusted'));
      expect(did('untrust')).toEqual(each('not trusted, as before'));
    },
  );

  it('are told of where certutil is missing', () => {
    mkdirSync(join(dir, 'home', profile), { recursive: true });
    writeFileSync(join(dir, 'home', profile, 'cert9.db'), '');
    const places = machine({ env: { PATH: join(dir, 'bin') } });
    const firefox = storesFor(one, places).find(({ name }) => name.startsWith('Firefox'));
    expect(firefox?.problem).toBe('certutil is missing: apt-get install libnss3-tools (nss-tools, nss)');
  });
});

/** Keeps `alias fingerprint` lines, and lists them as the real one does, which takes seconds for each word. */
const KEYTOOL = `store=$(echo "$*" | sed 's/.*-keystore \\([^ ]*\\).*/\\1/')
alias=$(echo "$*" | sed -n 's/.*-alias //p')
case $1 in
-list) sed 's/^\\(.*\\) \\([^ ]*\\)$/\\1, Nov 26, 2026, trustedCertEntry, \\nCertificate fingerprint (SHA-256): \\2/' $store ;;
-importcert) echo "$alias FINGERPRINT" >> $store ;;
-delete) grep -q "^$alias " $store || { echo "keytool error: Alias <$alias> does not exist"; exit 1; }
  sed -i "/^$alias /d" $store ;;
esac`;

describe('the store of Java', () => {
  it('trusts it, and no longer, under whatever name it stands there', () => {
    const home = join(dir, 'java');
    const cacerts = join(home, 'lib/security/cacerts');
    for (const path of [join(home, 'bin'), dirname(cacerts)]) mkdirSync(path, { recursive: true });
    const script = `#!/bin/sh\n${KEYTOOL.replace('FINGERPRINT', one.fingerprint)}\n`;
    writeFileSync(join(home, 'bin/keytool'), script, { mode: 0o755 });
    writeFileSync(cacerts, 'first AA:BB\n');
    const places = machine({ env: { PATH: join(dir, 'bin'), JAVA_HOME: home } });
    const java = (wish: TrustWish): string => did(wish, places).at(-1) ?? '';
    expect(java('untrust')).toBe('ok Java (DIR/java/lib/security/cacerts): not trusted, as before');
    expect(java('trust')).toMatch(/: trusted now$/);
    expect(java('trust')).toMatch(/: trusted already$/);
    expect(readFileSync(cacerts, 'utf8')).toBe(`first AA:BB\n${one.name} ${one.fingerprint}\n`);
    writeFileSync(cacerts, `first AA:BB\ndebian:lbproxy.pem ${one.fingerprint}\n`);
    expect(java('untrust')).toMatch(/: no longer trusted$/);
    expect(readFileSync(cacerts, 'utf8')).toBe('first AA:BB\n');
    rmSync(join(home, 'bin/keytool'));
    expect(java('trust')).not.toMatch(/Java/);
  });
});

describe('the command', () => {
  const env = (): Record<string, string> => ({
    HOME: dir,
    XDG_STATE_HOME: join(dir, 'state'),
    CAROOT: '/nonexistent',
  });

  it('prints what it would run, for the authority of the configuration', async () => {
    writeFileSync(
      join(dir, 'a.conf'),
      'state_path mine; http { server { listen 127.0.0.1:1 ssl; ssl_certificate local; } }',
    );
    const { code, stdout } = await runLbproxy(['trust', '--print', '-c', 'a.conf'], { cwd: dir, env: env() });
    expect(code).toBe(0);
    expect(stdout).toContain('# system');
    expect(existsSync(join(dir, 'mine/local-ca.crt'))).toBe(true);
  });

  it('makes no authority to take it back', async () => {
    expect(await runLbproxy(['untrust'], { cwd: dir, env: env() })).toEqual({
      code: 0,
      stdout: `there is no local authority in ${dir}/state/lbproxy: nothing is to be done\n`,
      stderr: '',
    });
    expect(existsSync(join(dir, 'state'))).toBe(false);
  });

  it('does nothing for a configuration that cannot be read', async () => {
    writeFileSync(join(dir, 'a.conf'), 'nonsense');
    const { code, stderr } = await runLbproxy(['trust', '-c', 'a.conf'], { cwd: dir, env: env() });
    expect(code).toBe(1);
    expect(stderr).toContain('a.conf has errors; nothing was done');
  });
});
