// User files of auth_basic in all forms that Debian's nginx takes, made by its own tools; gone when the tests are over.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

const openssl = (form: string, salt: string, password: string): string =>
  execFileSync('openssl', ['passwd', `-${form}`, '-salt', salt, password], { encoding: 'latin1' }).trim();

const sha = (password: string): string => `{SHA}${createHash('sha1').update(password).digest('base64')}`;
const ssha = (password: string, salt: string): string => {
  const hash = createHash('sha1')
    .update(password + salt)
    .digest();
  return `{SSHA}${Buffer.concat([hash, Buffer.from(salt)]).toString('base64')}`;
};

/** By name: what the file holds, and which names and passwords are tried with it. */
const FILES: Readonly<Record<string, string>> = {
  plain: `# ann:{PLAIN}no\n\nann:{PLAIN}secret\nbob:{PLAIN}other:a comment\n`,
  sha: `ann:${sha('secret')}\n`,
  ssha: `bob:x\nann:${ssha('secret', 'salted')}\n`,
  apr1: `ann:${openssl('apr1', 'abcdefgh', 'secret')}\n`,
  'apr1-long': `ann:${openssl('apr1', 'abcdefgh', 'x'.repeat(70))}\n`,
  md5: `ann:${openssl('1', 'abcdefgh', 'secret')}\n`,
  sha256: `ann:${openssl('5', 'saltsalt', 'secret')}\n`,
  sha512: `ann:${openssl('6', 'saltsaltsaltsalt', 'secret')}\n`,
  rounds: `ann:$5$rounds=1400$anotherlongsalts$2Zk9uTxbzl24KSyJfnvvIxoqPvmJnxLJQPpE2FuPWF.\n`,
  // Of the tests of crypt_blowfish.
  bcrypt: 'ann:$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n',
  bcrypty: 'ann:$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n',
  bcryptb: 'ann:$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n',
  // The password is the one of crypt(3)'s manual.
  des: 'ann:rl.3StKT.4T8M\n',
  crlf: 'bob:{PLAIN}x\r\n\r\nann:{PLAIN}secret\r\n',
  'no-end': 'ann:{PLAIN}secret',
  comments: '#ann:{PLAIN}secret\n ann:{PLAIN}secret\n#\nann:{PLAIN}second\nann:{PLAIN}secret\n',
  empty: '',
  nothing: 'ann:\nann:{PLAIN}secret\n',
  bare: 'ann\nann:{PLAIN}secret\n',
  unknown: 'ann:secret\n',
  strange: 'ann:$9$what$ever\n',
  short: 'ann:$1$\n',
  prefix: 'anna:{PLAIN}secret\nan:{PLAIN}secret\n',
  'plain-empty': 'ann:{PLAIN}\n',
  'bad-ssha': 'ann:{SSHA}x\n',
};

const PASSWORDS: Readonly<Record<string, string>> = {
  'apr1-long': 'x'.repeat(70),
  rounds: 'a short string',
  bcrypt: 'U*U',
  bcrypty: 'U*U',
  bcryptb: 'U*U',
  des: 'rasmuslerdorf',
};

export interface UserFiles {
  readonly dir: string;
  readonly names: readonly string[];
  path(name: string): string;
  logins(name: string): readonly (readonly [user: string, password: string])[];
}

export function writeUserFiles(): UserFiles {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-users-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(dir, name), text, 'latin1');
  return {
    dir,
    names: Object.keys(FILES),
    path: (name) => join(dir, name),
    logins: (name) => [
      ['ann', PASSWORDS[name] ?? 'secret'],
      ['ann', 'wrong'],
      ['ann', ''],
      ['bob', 'other'],
      ['#ann', 'secret'],
      [' ann', 'secret'],
    ],
  };
}
