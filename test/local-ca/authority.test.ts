// The local authority: made once, by one of many that start at once, its key for its owner alone; mkcert's where there is one.
import { execFileSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  cpSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type EnsuredAuthority,
  ensureAuthority,
  type FoundAuthority,
  findAuthority,
} from '../../src/local-ca/authority.ts';
import { makeAuthority } from '../../src/local-ca/maker.ts';
import { mkcertRoot } from '../../src/local-ca/mkcert.ts';
import { isRoot, STRANGER } from '../support/root.ts';
import { runNode } from '../support/run-node.ts';

const DAY_MS = 24 * 3600_000;

let dir = '';
let key = '';
let certificate = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lbproxy-'));
  key = join(dir, 'local-ca.key');
  certificate = join(dir, 'local-ca.crt');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const ensure = (env: Record<string, string> = {}, nowMs?: number): Promise<EnsuredAuthority> =>
  ensureAuthority({ stateDir: dir, env, platform: 'linux' }, nowMs);
const find = (env: Record<string, string> = {}): FoundAuthority =>
  findAuthority({ stateDir: dir, env, platform: 'linux' });
const modeOf = (path: string): number => lstatSync(path).mode & 0o7777;

describe('an authority of our own', () => {
  it.each(['000', '077'])(
    'has the modes it shall have under umask %s, and leaves nothing else',
    async (umask) => {
      const from = JSON.stringify(new URL('../../src/local-ca/authority.ts', import.meta.url).href);
      const code = `const { ensureAuthority } = await import(${from});
      console.log((await ensureAuthority({ stateDir: ${JSON.stringify(dir)}, env: {}, platform: 'linux' })).created);`;
      expect(await runNode(code, `umask ${umask}`)).toBe('true');
      expect(readdirSync(dir).sort()).toEqual(['local-ca.crt', 'local-ca.key']);
      expect([modeOf(key), modeOf(certificate)]).toEqual([0o600, 0o644]);
      expect(readFileSync(certificate, 'utf8')).not.toContain('KEY');
      const made = new X509Certificate(readFileSync(certificate));
      expect(made.ca).toBe(true);
      expect(made.checkPrivateKey(createPrivateKey(readFileSync(key)))).toBe(true);
    },
  );

  it('is made once, and its certificate put back where it is gone', async () => {
    const first = await ensure();
    expect(first).toMatchObject({
      created: true,
      warnings: [],
      authority: { origin: 'lbproxy', path: certificate },
    });
    rmSync(certificate);
    const second = await ensure();
    expect(second).toEqual({ ...first, created: false });
    expect(readFileSync(certificate, 'utf8')).toBe(first.authority.certificate);
  });

  it('is one for processes that start at once', async () => {
    const from = JSON.stringify(new URL('../../src/local-ca/authority.ts', import.meta.url).href);
    const code = `const { ensureAuthority } = await import(${from});
      const { authority, created } = await ensureAuthority({ stateDir: ${JSON.stringify(dir)}, env: {}, platform: 'linux' });
      console.log(created + authority.key);`;
    const said = await Promise.all([runNode(code), runNode(code)]);
    expect(new Set(said.map((text) => text.replace(/^(true|false)/, ''))).size).toBe(1);
    expect(said.filter((text) => text.startsWith('true'))).toHaveLength(1);
  });

  it('is one for all that start at once', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => ensure()));
    expect(new Set(all.map(({ authority }) => authority.certificate)).size).toBe(1);
    expect(all.filter(({ created }) => created)).toHaveLength(1);
    expect(readdirSync(dir).sort()).toEqual(['local-ca.crt', 'local-ca.key']);
  });

  it.each([0o640, 0o604, 0o666])('is made anew where others could use its key: mode %o', async (mode) => {
    const before = await ensure();
    chmodSync(key, mode);
    expect(find().authority).toBeNull();
    const { created, warnings, authority } = await ensure();
    expect(created).toBe(true);
    expect(warnings).toEqual([
      `${key} is not used: its mode 0${mode.toString(8)} lets others use it; a new authority is made, which has to be trusted anew (lbproxy trust)`,
    ]);
    expect(authority.certificate).not.toBe(before.authority.certificate);
    expect([modeOf(key), readFileSync(certificate, 'utf8')]).toEqual([0o600, authority.certificate]);
  });

  it.runIf(isRoot)('is made anew where its key is another user’s', async () => {
    await ensure();
    chownSync(key, STRANGER, STRANGER);
    expect((await ensure()).warnings).toEqual([expect.stringContaining(`it belongs to user ${STRANGER}`)]);
    expect(lstatSync(key).uid).toBe(0);
  });

  it('is not read or written through a link', async () => {
    const other = join(dir, 'other');
    writeFileSync(other, 'untouched');
    symlinkSync(other, key);
    symlinkSync(other, certificate);
    const { warnings } = await ensure();
    expect(warnings).toEqual([expect.stringContaining('it is a symbolic link')]);
    expect(readFileSync(other, 'utf8')).toBe('untouched');
    expect([lstatSync(key).isFile(), lstatSync(certificate).isFile()]).toEqual([true, true]);
  });

  it('is made anew where it is none, or is about to end', async () => {
    writeFileSync(key, 'nothing', { mode: 0o600 });
    expect((await ensure()).warnings).toEqual([expect.stringContaining('holds no key and certificate')]);
    const soon = Date.now() + (3650 - 29) * DAY_MS;
    const { created, warnings } = await ensure({}, soon);
    expect(created).toBe(true);
    expect(warnings).toEqual([expect.stringMatching(/is not used: it ends on /)]);
  });
});

describe('the authority of mkcert', () => {
  it.each<[string, Record<string, string>, NodeJS.Platform, string | null]>([
    ['CAROOT', { CAROOT: '/a/root', HOME: '/h', XDG_DATA_HOME: '/x' }, 'linux', '/a/root'],
    ['XDG_DATA_HOME', { HOME: '/h', XDG_DATA_HOME: '/x' }, 'linux', '/x/mkcert'],
    ['Linux', { HOME: '/h' }, 'linux', '/h/.local/share/mkcert'],
    ['macOS', { HOME: '/h' }, 'darwin', '/h/Library/Application Support/mkcert'],
    ['Windows', { LOCALAPPDATA: '/l', HOME: '/h' }, 'win32', '/l/mkcert'],
    ['nobody’s home', {}, 'linux', null],
  ])('is looked for where mkcert has it: %s', (_, env, platform, root) => {
    expect(mkcertRoot(env, platform)).toBe(root);
  });

  const installed = mkdtempSync(join(tmpdir(), 'lbproxy-'));
  /** What `mkcert -install` leaves: an RSA key and a certificate. */
  beforeAll(() => {
    const [pem, keyPem] = [join(installed, 'rootCA.pem'), join(installed, 'rootCA-key.pem')];
    execFileSync(
      'openssl',
      [
        ...'req -x509 -newkey rsa:2048 -nodes -days 900 -subj /O=mkcert/CN=mkcert'.split(' '),
        ...['-addext', 'keyUsage=critical,keyCertSign', '-keyout', keyPem, '-out', pem],
      ],
      { stdio: 'ignore' },
    );
    chmodSync(keyPem, 0o400);
  });
  afterAll(() => rmSync(installed, { recursive: true, force: true }));
  const mkcertIn = (root: string): void => cpSync(installed, root, { recursive: true });

  it('is used where there is one, and no other is made', async () => {
    const CAROOT = join(dir, 'mkcert');
    mkcertIn(CAROOT);
    expect(await ensure({ CAROOT })).toMatchObject({
      created: false,
      warnings: [],
      authority: { origin: 'mkcert', path: join(CAROOT, 'rootCA.pem') },
    });
    expect(readdirSync(dir)).toEqual(['mkcert']);
  });

  it('is not used where others could use its key, which is told', async () => {
    const CAROOT = join(dir, 'mkcert');
    mkcertIn(CAROOT);
    chmodSync(join(CAROOT, 'rootCA-key.pem'), 0o644);
    const { authority, warnings } = await ensure({ CAROOT });
    expect(authority.origin).toBe('lbproxy');
    expect(warnings).toEqual([
      `mkcert's authority in ${CAROOT} is not used: its mode 0644 lets others use it; lbproxy has one of its own`,
    ]);
  });

  it('is not used where it is a plain certificate', async () => {
    const CAROOT = join(dir, 'mkcert');
    mkcertIn(CAROOT);
    const { key: other } = await makeAuthority('x', Date.now());
    chmodSync(join(CAROOT, 'rootCA-key.pem'), 0o600);
    writeFileSync(join(CAROOT, 'rootCA-key.pem'), other);
    expect((await ensure({ CAROOT })).warnings).toEqual([
      expect.stringContaining('it holds no key and certificate that belong together'),
    ]);
  });
});
