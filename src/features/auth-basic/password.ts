// Whether a password is the one of an entry of a user file, by the entry's form as ngx_crypt tells it. Only the thread of
// password-checks.ts loads it.
import { compareSync } from 'bcryptjs';
import unixCrypt from 'unix-crypt-td-js';
import { md5Crypt } from './md5-crypt.ts';
import { isQuick, keyOf, matchesQuick } from './quick-password.ts';
import { shaCrypt } from './sha-crypt.ts';

/** `password` and `entry` are bytes as latin1. */
export function matchesEntry(password: string, entry: string): boolean {
  return isQuick(entry) ? matchesQuick(password, entry) : compute(keyOf(password), entry) === entry;
}

/** The entry that this password makes with an entry's salt; null for forms that nobody here knows. */
function compute(key: Buffer, entry: string): string | null {
  if (entry.startsWith('$apr1$')) return md5Crypt(key, entry, '$apr1$');
  if (entry.startsWith('$1$')) return md5Crypt(key, entry, '$1$');
  if (entry.startsWith('$5$')) return shaCrypt(key, entry, '$5$');
  if (entry.startsWith('$6$')) return shaCrypt(key, entry, '$6$');
  if (BCRYPT.test(entry)) return compareSync(key.toString('utf8'), entry) ? entry : null;
  return DES.test(entry) ? unixCrypt([...key], entry.slice(0, 2)) : null;
}

const BCRYPT = /^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/;
const DES = /^[./A-Za-z0-9]{13}$/;
