// Entries of user files that cost next to nothing to compare: plain ones, and single hashes of SHA-1. Pure; bytes as latin1.
import { createHash } from 'node:crypto';

const SHA1_BYTES = 20;

export function isQuick(entry: string): boolean {
  return /^\{(?:PLAIN|SHA|SSHA)\}/.test(entry);
}

/** What a password is to crypt(3) and to nginx: like C's strings it ends at the first NUL. */
export function keyOf(password: string): Buffer {
  return Buffer.from(password.split('\0', 1)[0], 'latin1');
}

/** Whether the password is the one of an entry of these forms. */
export function matchesQuick(password: string, entry: string): boolean {
  const key = keyOf(password);
  if (entry.startsWith('{PLAIN}')) return entry === `{PLAIN}${key.latin1Slice()}`;
  if (entry.startsWith('{SSHA}')) return entry === saltedSha(key, entry);
  return entry === `{SHA}${createHash('sha1').update(key).digest('base64')}`;
}

function saltedSha(key: Buffer, entry: string): string {
  const decoded = Buffer.from(entry.slice('{SSHA}'.length), 'base64');
  const salt = decoded.subarray(SHA1_BYTES);
  const hash = createHash('sha1').update(key).update(salt).digest();
  return `{SSHA}${Buffer.concat([hash, salt]).toString('base64')}`;
}
