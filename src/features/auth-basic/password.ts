// Whether a password is the one of an entry of a user file, by the entry's form as ngx_crypt tells it.
import { createHash } from 'node:crypto';
import { compareSync } from 'bcryptjs';
import unixCrypt from 'unix-crypt-td-js';
import { md5Crypt } from './md5-crypt.ts';
import { shaCrypt } from './sha-crypt.ts';

/** Forms that cost next to nothing to compare. */
const QUICK = /^\{(?:PLAIN|SHA|SSHA)\}/;

export function isQuick(entry: string): boolean {
  return QUICK.test(entry);
}

/** `password` and `entry` are bytes as latin1; like C's strings they end at the first NUL. */
export function matchesEntry(password: string, entry: string): boolean {
  const key = Buffer.from(password.split('\0', 1)[0], 'latin1');
  return compute(key, entry) === entry;
}

/** The entry that this password makes with an entry's salt; null for forms that nobody here knows. */
function compute(key: Buffer, entry: string): string | null {
  if (entry.startsWith('$apr1$')) return md5Crypt(key, entry, '$apr1$');
  if (entry.startsWith('{PLAIN}')) return `{PLAIN}${key.latin1Slice()}`;
  if (entry.startsWith('{SSHA}')) return saltedSha(key, entry);
  if (entry.startsWith('{SHA}')) return `{SHA}${createHash('sha1').update(key).digest('base64')}`;
  if (entry.startsWith('$1$')) return md5Crypt(key, entry, '$1$');
  if (entry.startsWith('$5$')) return shaCrypt(key, entry, '$5$');
  if (entry.startsWith('$6$')) return shaCrypt(key, entry, '$6$');
  if (BCRYPT.test(entry)) return compareSync(key.toString('utf8'), entry) ? entry : null;
  return DES.test(entry) ? unixCrypt([...key], entry.slice(0, 2)) : null;
}

const BCRYPT = /^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/;
const DES = /^[./A-Za-z0-9]{13}$/;
const SHA1_BYTES = 20;

function saltedSha(key: Buffer, entry: string): string {
  const decoded = Buffer.from(entry.slice('{SSHA}'.length), 'base64');
  const salt = decoded.subarray(SHA1_BYTES);
  const hash = createHash('sha1').update(key).update(salt).digest();
  return `{SSHA}${Buffer.concat([hash, salt]).toString('base64')}`;
}
