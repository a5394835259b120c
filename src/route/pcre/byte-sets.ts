// Sets of bytes: what PCRE's classes hold in the C locale, where nginx compiles its patterns.
import type { ByteSet } from './tree.ts';

/** The bytes for which `has` is true. */
export function setOf(has: (byte: number) => boolean): ByteSet {
  const set = new Uint8Array(256);
  for (let byte = 0; byte < 256; byte++) if (has(byte)) set[byte] = 1;
  return set;
}

export const complement = (set: ByteSet): ByteSet => setOf((byte) => set[byte] === 0);
export const union = (a: ByteSet, b: ByteSet): ByteSet => setOf((byte) => a[byte] === 1 || b[byte] === 1);
export function overlap(a: ByteSet, b: ByteSet): boolean {
  for (let byte = 0; byte < 256; byte++) if (a[byte] === 1 && b[byte] === 1) return true;
  return false;
}
/** With the other case of each letter of ASCII. */
export const bothCases = (set: ByteSet): ByteSet =>
  setOf((byte) => set[byte] === 1 || (isLetter(byte) && set[byte ^ 0x20] === 1));

export const NONE: ByteSet = setOf(() => false);
export const ALL: ByteSet = setOf(() => true);
export const NO_NEWLINE: ByteSet = setOf((byte) => byte !== 0x0a);

const within = (from: number, to: number) => (byte: number) => byte >= from && byte <= to;
const isDigit = within(0x30, 0x39);
const isUpper = within(0x41, 0x5a);
const isLower = within(0x61, 0x7a);
const isLetter = (byte: number) => isUpper(byte) || isLower(byte);
export const isWord = (byte: number): boolean => isLetter(byte) || isDigit(byte) || byte === 0x5f;
const isSpace = (byte: number) => within(0x09, 0x0d)(byte) || byte === 0x20;
const isGraphic = within(0x21, 0x7e);

/** Those that were asked for: all of them would be 77 KB in each process. */
const singles: (ByteSet | undefined)[] = [];
const singlesOfBothCases: (ByteSet | undefined)[] = [];

function oneOrTwo(byte: number, other: number): ByteSet {
  const set = new Uint8Array(256);
  set[byte] = 1;
  set[other] = 1;
  return set;
}

/** The set of one character, one and the same each time. */
export function single(byte: number, caseless = false): ByteSet {
  const isBoth = caseless && isLetter(byte);
  const made = isBoth ? singlesOfBothCases : singles;
  const set = made[byte] ?? oneOrTwo(byte, isBoth ? byte ^ 0x20 : byte);
  made[byte] = set;
  return set;
}

/** Made when the first is asked for: a start has no time for what most patterns have no use for. */
function once<T>(make: () => T): () => T {
  let made: T | null = null;
  return () => {
    made ??= make();
    return made;
  };
}

/** The letters of `\d \s \w \h \v`; their capitals are the complements. `\N` stands outside classes only. */
export const shorthands: () => ReadonlyMap<string, ByteSet> = once(
  () =>
    new Map(
      (
        [
          ['d', setOf(isDigit)],
          ['s', setOf(isSpace)],
          ['w', setOf(isWord)],
          ['h', setOf((byte) => byte === 0x09 || byte === 0x20 || byte === 0xa0)],
          ['v', setOf((byte) => within(0x0a, 0x0d)(byte) || byte === 0x85)],
        ] as const
      ).flatMap(([letter, set]) => [
        [letter, set] as const,
        [letter.toUpperCase(), complement(set)] as const,
      ]),
    ),
);

/** `[:name:]` inside a class. */
export const posixClasses: () => ReadonlyMap<string, ByteSet> = once(
  () =>
    new Map([
      ['alpha', setOf(isLetter)],
      ['lower', setOf(isLower)],
      ['upper', setOf(isUpper)],
      ['alnum', setOf((byte) => isLetter(byte) || isDigit(byte))],
      ['ascii', setOf((byte) => byte < 0x80)],
      ['blank', setOf((byte) => byte === 0x09 || byte === 0x20)],
      ['cntrl', setOf((byte) => byte < 0x20 || byte === 0x7f)],
      ['digit', setOf(isDigit)],
      ['graph', setOf(isGraphic)],
      ['print', setOf((byte) => isGraphic(byte) || byte === 0x20)],
      ['punct', setOf((byte) => isGraphic(byte) && !isLetter(byte) && !isDigit(byte))],
      ['space', setOf(isSpace)],
      ['word', setOf(isWord)],
      ['xdigit', setOf((byte) => isDigit(byte) || within(0x41, 0x46)(byte) || within(0x61, 0x66)(byte))],
    ]),
);

const CATEGORY = /^(?:L[ulmto&]?|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?|C[cfosn]?|Any)$/;

/**
 * The bytes of a general category of Unicode (`\p{L}`): without the UTF mode, PCRE takes bytes for the code points U+00 to U+FF.
 * undefined where the name is none.
 */
export function categorySet(name: string): ByteSet | undefined {
  if (!CATEGORY.test(name)) return undefined;
  const pattern = new RegExp(`^${name === 'L&' ? '[\\p{Lu}\\p{Ll}\\p{Lt}]' : `\\p{${name}}`}$`, 'su');
  return setOf((byte) => pattern.test(String.fromCharCode(byte)));
}
