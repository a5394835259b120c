// Poul-Henning Kamp's password hash on MD5: `$1$` of crypt(3), and Apache's `$apr1$`, which differs in the magic alone. Pure.
import { createHash } from 'node:crypto';
import { to64 } from './sixty-four.ts';

const ROUNDS = 1000;
const MAX_SALT = 8;

/** The whole entry that this password makes with the salt of `entry`, which begins with `magic`. */
export function md5Crypt(password: Buffer, entry: string, magic: '$1$' | '$apr1$'): string {
  const salt = entry.slice(magic.length).split('$', 1)[0].slice(0, MAX_SALT);
  const saltBytes = Buffer.from(salt, 'latin1');
  const { length } = password;
  const inner = md5([password, saltBytes, password]);
  const parts = [password, Buffer.from(magic, 'latin1'), saltBytes];
  for (let left = length; left > 0; left -= 16) parts.push(inner.subarray(0, Math.min(16, left)));
  for (let bits = length; bits > 0; bits >>= 1) parts.push((bits & 1) === 1 ? ZERO : password.subarray(0, 1));
  let hash = md5(parts);
  for (let i = 0; i < ROUNDS; i++) {
    const odd = (i & 1) === 1;
    const round = [odd ? password : hash];
    if (i % 3 !== 0) round.push(saltBytes);
    if (i % 7 !== 0) round.push(password);
    round.push(odd ? hash : password);
    hash = md5(round);
  }
  let text = '';
  for (const [a, b, c] of ORDER) text += to64((hash[a] << 16) | (hash[b] << 8) | hash[c], 4);
  return `${magic}${salt}$${text}${to64(hash[11], 2)}`;
}

const ZERO = Buffer.from([0]);

/** Which bytes of the hash go together. */
const ORDER = [
  [0, 6, 12],
  [1, 7, 13],
  [2, 8, 14],
  [3, 9, 15],
  [4, 10, 5],
] as const;

function md5(parts: readonly Buffer[]): Buffer {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest();
}
