// Ulrich Drepper's password hashes on SHA-256 (`$5$`) and SHA-512 (`$6$`), as crypt(3) has them. Pure.
import { createHash } from 'node:crypto';
import { to64 } from './sixty-four.ts';

interface Kind {
  readonly algorithm: 'sha256' | 'sha512';
  readonly bytes: number;
  /** How far the bytes of each group of three lie apart, and which ones come last. */
  readonly step: number;
  readonly last: readonly [a: number, b: number, c: number, digits: number];
}

const KINDS: Readonly<Record<'$5$' | '$6$', Kind>> = {
  $5$: { algorithm: 'sha256', bytes: 32, step: 21, last: [-1, 31, 30, 3] },
  $6$: { algorithm: 'sha512', bytes: 64, step: 22, last: [-1, -1, 63, 2] },
};

const MAX_SALT = 16;
const DEFAULT_ROUNDS = 5000;
const MIN_ROUNDS = 1000;
const MAX_ROUNDS = 999_999_999;

/** The whole entry that this password makes with the salt of `entry`; '*0' where crypt(3) takes that for none. */
export function shaCrypt(password: Buffer, entry: string, magic: '$5$' | '$6$'): string {
  const kind = KINDS[magic];
  const setting = /^(?:rounds=([1-9]\d{0,8})\$)?([^$:\n]*)/.exec(entry.slice(magic.length));
  const given = setting?.[1];
  const rounds = given === undefined ? DEFAULT_ROUNDS : Number(given);
  const salt = (setting?.[2] ?? '').slice(0, MAX_SALT);
  if (rounds < MIN_ROUNDS || rounds > MAX_ROUNDS || salt.startsWith('rounds=')) return '*0';
  const hash = digest(password, Buffer.from(salt, 'latin1'), rounds, kind);
  const told = given === undefined ? '' : `rounds=${rounds}$`;
  return `${magic}${told}${salt}$${encode(hash, kind)}`;
}

function digest(password: Buffer, salt: Buffer, rounds: number, { algorithm }: Kind): Buffer {
  const hashOf = (parts: readonly Buffer[]): Buffer => {
    const hash = createHash(algorithm);
    for (const part of parts) hash.update(part);
    return hash.digest();
  };
  const inner = hashOf([password, salt, password]);
  const parts = [password, salt, stretch(inner, password.length)];
  for (let bits = password.length; bits > 0; bits >>= 1) parts.push((bits & 1) === 1 ? inner : password);
  let hash = hashOf(parts);
  const repeated = (what: Buffer, times: number): Buffer => hashOf(Array.from({ length: times }, () => what));
  const p = stretch(repeated(password, password.length), password.length);
  const s = stretch(repeated(salt, 16 + hash[0]), salt.length);
  for (let i = 0; i < rounds; i++) {
    const odd = (i & 1) === 1;
    const round = [odd ? p : hash];
    if (i % 3 !== 0) round.push(s);
    if (i % 7 !== 0) round.push(p);
    round.push(odd ? hash : p);
    hash = hashOf(round);
  }
  return hash;
}

/** So many bytes of a hash that is repeated as often as they need. */
function stretch(hash: Buffer, length: number): Buffer {
  return Buffer.alloc(length, hash);
}

function encode(hash: Buffer, { bytes, step, last }: Kind): string {
  const third = Math.floor(bytes / 3);
  let text = '';
  let [a, b, c] = [0, third, 2 * third];
  for (let i = 0; i < third; i++) {
    text += to64((hash[a] << 16) | (hash[b] << 8) | hash[c], 4);
    const wrap = 3 * third;
    [a, b, c] = [(a + step) % wrap, (b + step) % wrap, (c + step) % wrap];
  }
  const [x, y, z, digits] = last;
  const byte = (i: number): number => (i < 0 ? 0 : hash[i]);
  return text + to64((byte(x) << 16) | (byte(y) << 8) | byte(z), digits);
}
