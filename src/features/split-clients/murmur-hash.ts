// MurmurHash2 as nginx has it (ngx_murmur_hash2, seed 0): a client has the same share behind both.

const M = 0x5bd1_e995;

/** Of bytes, one a character; 0 to 2³² − 1. */
export function murmurHash2(bytes: string): number {
  const whole = bytes.length & ~3;
  let h = bytes.length;
  for (let p = 0; p < whole; p += 4) {
    let k =
      bytes.charCodeAt(p) |
      (bytes.charCodeAt(p + 1) << 8) |
      (bytes.charCodeAt(p + 2) << 16) |
      (bytes.charCodeAt(p + 3) << 24);
    k = Math.imul(k, M);
    k = Math.imul(k ^ (k >>> 24), M);
    h = Math.imul(h, M) ^ k;
  }
  const left = bytes.length - whole;
  if (left > 2) h ^= bytes.charCodeAt(whole + 2) << 16;
  if (left > 1) h ^= bytes.charCodeAt(whole + 1) << 8;
  if (left > 0) h = Math.imul(h ^ bytes.charCodeAt(whole), M);
  h = Math.imul(h ^ (h >>> 13), M);
  return (h ^ (h >>> 15)) >>> 0;
}
