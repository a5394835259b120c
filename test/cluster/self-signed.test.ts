// The self-signed certificate's key is ours alone: made under a name that nobody can prepare, and not used where others had a hand in it.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensureSelfSigned } from '../../src/cluster/self-signed.ts';
import { makeCertificate } from '../support/certificates.ts';
import { runLbproxy } from '../support/cli.ts';
import { isRoot, STRANGER } from '../support/root.ts';
import { runNode } from '../support/run-node.ts';

let dir = '';
let state = '';
let key = '';
let certificate = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lbproxy-'));
  state = join(dir, 'state');
  key = join(state, 'self-signed.key');
  certificate = join(state, 'self-signed.crt');
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

const modeOf = (path: string): number => lstatSync(path).mode & 0o7777;

/** The two files belong together, are whole, and nothing else is left in the directory. */
function expectPair(): void {
  const made = new X509Certificate(readFileSync(certificate));
  expect(made.checkPrivateKey(createPrivateKey(readFileSync(key)))).toBe(true);
  expect(modeOf(key)).toBe(0o600);
  expect(lstatSync(key).isFile()).toBe(true);
  expect(readdirSync(state).sort()).toEqual(['self-signed.crt', 'self-signed.key']);
}

describe('a certificate is made', () => {
  it.each(['000', '022', '077', '777'])('with the modes it shall have under umask %s', async (umask) => {
    const from = JSON.stringify(new URL('../../src/cluster/self-signed.ts', import.meta.url).href);
    const code = `const { ensureSelfSigned } = await import(${from});
      const { created } = await ensureSelfSigned(${JSON.stringify(state)}); console.log(created);`;
    // Only root writes in a directory that a umask has closed to its owner.
    if (umask === '777') mkdirSync(state, { mode: 0o700 });
    expect(await runNode(code, `umask ${umask}`)).toBe('true');
    expect(modeOf(state)).toBe(0o700);
    expect(modeOf(certificate)).toBe(0o644);
    expectPair();
  });

  it('once', async () => {
    expect(await ensureSelfSigned(state)).toEqual({ certificate, key, created: true, warnings: [] });
    const before = readFileSync(key, 'utf8');
    expect(await ensureSelfSigned(state)).toEqual({ certificate, key, created: false, warnings: [] });
    expect(readFileSync(key, 'utf8')).toBe(before);
    expectPair();
  });

  it('not through what stands under its names', async () => {
    const victim = join(dir, 'victim');
    writeFileSync(victim, 'untouched');
    mkdirSync(state, { mode: 0o700 });
    for (const name of ['self-signed.key', 'self-signed.crt']) {
      symlinkSync(victim, join(state, name));
      // The names that were written through once.
      symlinkSync(victim, join(state, `${name}.${process.pid}.part`));
    }
    const { created, warnings } = await ensureSelfSigned(state);
    expect(created).toBe(true);
    expect(warnings).toEqual([expect.stringContaining(`${key} is not used: it is a symbolic link`)]);
    expect(readFileSync(victim, 'utf8')).toBe('untouched');
    expect(lstatSync(certificate).isFile()).toBe(true);
    expect(lstatSync(key).isFile()).toBe(true);
    expect(modeOf(key)).toBe(0o600);
  });

  it('without waiting for a writer where a FIFO stands', async () => {
    mkdirSync(state, { mode: 0o700 });
    await runNode('', `mkfifo ${key} ${certificate}`);
    expect((await ensureSelfSigned(state)).created).toBe(true);
    expectPair();
  });

  it('or the failure names the directory and the next step', async () => {
    writeFileSync(state, 'a file');
    await expect(ensureSelfSigned(state)).rejects.toThrow(
      new RegExp(
        `^cannot make the state directory ${state}: .*; set state_path to a directory that lbproxy may write`,
      ),
    );
  });
});

describe('a key that is there', () => {
  let before = '';
  beforeEach(async () => {
    await ensureSelfSigned(state);
    before = readFileSync(key, 'utf8');
  });

  it.each([0o640, 0o604, 0o644, 0o620, 0o602, 0o666, 0o601])(
    'is made anew where others can use it: mode %o',
    async (mode) => {
      chmodSync(key, mode);
      const { created, warnings } = await ensureSelfSigned(state);
      expect(created).toBe(true);
      const text = `${key} is not used: its mode 0${mode.toString(8)} lets others use it; a new one is made`;
      expect(warnings).toEqual([text]);
      expect(readFileSync(key, 'utf8')).not.toBe(before);
      expectPair();
    },
  );

  it.runIf(isRoot)('is made anew where it is another user’s', async () => {
    chownSync(key, STRANGER, STRANGER);
    const { created, warnings } = await ensureSelfSigned(state);
    expect(created).toBe(true);
    expect(warnings).toEqual([
      `${key} is not used: it belongs to user ${STRANGER}, and lbproxy runs as user 0; a new one is made`,
    ]);
    expect(statSync(key).uid).toBe(0);
    expectPair();
  });

  it('is made anew where it is a link to a good one', async () => {
    renameSync(key, join(dir, 'moved.key'));
    symlinkSync(join(dir, 'moved.key'), key);
    expect((await ensureSelfSigned(state)).warnings).toEqual([
      `${key} is not used: it is a symbolic link; a new one is made`,
    ]);
    expectPair();
    expect(readFileSync(join(dir, 'moved.key'), 'utf8')).toBe(before);
  });

  it.each(['', 'half of a', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'])(
    'is made anew where it is none: %j',
    async (text) => {
      writeFileSync(key, text);
      expect(await ensureSelfSigned(state)).toMatchObject({ created: true, warnings: [] });
      expectPair();
    },
  );

  it('is made anew where it does not belong to the certificate', async () => {
    const other = makeCertificate(dir, 'other', 'localhost');
    writeFileSync(key, readFileSync(other.key));
    expect(await ensureSelfSigned(state)).toMatchObject({ created: true, warnings: [] });
    expectPair();
  });

  it('is warned of by -t with the place of the server, and by a start', async () => {
    chmodSync(key, 0o644);
    const text = `state_path ${state};\nhttp { server { listen 127.0.0.1:1 ssl; ssl_certificate self-signed; } }`;
    writeFileSync(join(dir, 'a.conf'), text);
    const { code, stderr } = await runLbproxy(['-tq', '-c', 'a.conf'], { cwd: dir });
    expect(stderr).toContain(`a.conf:2:8: warning: ${key} is not used: its mode 0644`);
    expect(code).toBe(0);
    expectPair();
  });
});

describe('the state directory', () => {
  it.each([0o777, 0o775, 0o722])('is warned of where others can write in it: mode %o', async (mode) => {
    mkdirSync(state);
    chmodSync(state, mode);
    await ensureSelfSigned(state);
    const text = `state_path ${state};\nhttp { server { listen 127.0.0.1:1 ssl; ssl_certificate self-signed; } }`;
    writeFileSync(join(dir, 'a.conf'), text);
    const { code, stderr } = await runLbproxy(['-tq', '-c', 'a.conf'], { cwd: dir });
    expect(code).toBe(0);
    expect(stderr.split('\n')[0]).toBe(
      `a.conf:1:1: warning: others can write in the state directory ${state} (mode 0${mode.toString(8)}), and put their files in the place of lbproxy's: chmod go-w ${state}`,
    );
    expect(modeOf(state)).toBe(mode);
  });

  it.each([0o700, 0o755, 0o1777])('is left as it is: mode %o', async (mode) => {
    mkdirSync(state);
    chmodSync(state, mode);
    const text = `state_path ${state};\nhttp { server { listen 127.0.0.1:1 ssl; ssl_certificate self-signed; } }`;
    writeFileSync(join(dir, 'a.conf'), text);
    expect(await runLbproxy(['-tq', '-c', 'a.conf'], { cwd: dir })).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    });
    expect(modeOf(state)).toBe(mode);
  });
});
