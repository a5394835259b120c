// SHA-256 of a few short texts, for names and keys. Loading node:crypto costs each process of a start 8 ms; many texts, or a long one,
// are worth it. Nothing secret goes through here.
import { hash } from 'node:crypto';

const ROUNDS = 64;
const BLOCK_BYTES = 64;
/** Of the length, in bits, at the end of the last block. */
const LENGTH_BYTES = 8;
/** More letters, or texts, than these Node's own takes. */
const MOST_LETTERS = 1000;
const MOST_TEXTS = 50;

let texts = 0;

/** The digest's 32 bytes. */
export function sha256(text: string): Buffer {
  texts++;
  return text.length > MOST_LETTERS || texts > MOST_TEXTS ? hash('sha256', text, 'buffer') : ownSha256(text);
}

/** The same without any part of Node. */
export function ownSha256(text: string): Buffer {
  const bytes = Buffer.from(text);
  const padded = Buffer.alloc(Math.ceil((bytes.length + 1 + LENGTH_BYTES) / BLOCK_BYTES) * BLOCK_BYTES);
  bytes.copy(padded);
  padded[bytes.length] = 0x80;
  padded.writeUInt32BE(bytes.length * 8, padded.length - 4);
  const state = Uint32Array.from(FIRST);
  for (let at = 0; at < padded.length; at += BLOCK_BYTES) addBlock(state, wordsOf(padded, at));
  const digest = Buffer.alloc(state.byteLength);
  for (let i = 0; i < state.length; i++) digest.writeUInt32BE(state[i], i * 4);
  return digest;
}

/** FIPS 180-4, 5.3.3 and 4.2.2. */
// biome-ignore format: a table
const FIRST = [
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
];
// biome-ignore format: a table
const CONSTANTS = [
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
];

const turned = (word: number, bits: number): number => (word >>> bits) | (word << (32 - bits));

/** The message schedule of a block. */
function wordsOf(bytes: Buffer, at: number): Uint32Array {
  const words = new Uint32Array(ROUNDS);
  for (let i = 0; i < 16; i++) words[i] = bytes.readUInt32BE(at + i * 4);
  for (let i = 16; i < ROUNDS; i++) {
    const a = words[i - 15];
    const b = words[i - 2];
    const low = turned(a, 7) ^ turned(a, 18) ^ (a >>> 3);
    const high = turned(b, 17) ^ turned(b, 19) ^ (b >>> 10);
    words[i] = words[i - 16] + low + words[i - 7] + high;
  }
  return words;
}

function addBlock(state: Uint32Array, words: Uint32Array): void {
  // Eight words that move up by one each round: what is at `i` is at `i + 1` in the next.
  const w = new Int32Array(ROUNDS + state.length);
  for (let i = 0; i < state.length; i++) w[ROUNDS + i] = state[i];
  for (let i = 0; i < ROUNDS; i++) {
    const at = ROUNDS - i;
    const a = w[at];
    const b = w[at + 1];
    const c = w[at + 2];
    const e = w[at + 4];
    const chosen = (e & w[at + 5]) ^ (~e & w[at + 6]);
    const one = w[at + 7] + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + chosen + CONSTANTS[i] + words[i];
    w[at + 3] += one;
    w[at - 1] = one + (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
  }
  for (let i = 0; i < state.length; i++) state[i] += w[i];
}
