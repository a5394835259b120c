// What follows a backslash (pcre2pattern, "BACKSLASH"). Letters that mean nothing are refused, as PCRE2 does.
import { ALL, categorySet, complement, NO_NEWLINE, setOf, shorthands, single } from './byte-sets.ts';
import type { Cursor } from './cursor.ts';
import { type Assertion, type ByteSet, EMPTY, type Node } from './tree.ts';

/** Letters that stand for one character, inside classes and outside. */
const CONTROLS: ReadonlyMap<string, number> = new Map([
  ['a', 0x07],
  ['e', 0x1b],
  ['f', 0x0c],
  ['n', 0x0a],
  ['r', 0x0d],
  ['t', 0x09],
]);

const ASSERTIONS: ReadonlyMap<string, Assertion> = new Map([
  ['A', 'start'],
  // Where the search began: nginx always begins at the first byte.
  ['G', 'start'],
  ['z', 'end'],
  ['Z', 'end-or-last-newline'],
  ['b', 'word-edge'],
  ['B', 'no-word-edge'],
]);

const ONE_LINE_END = setOf((byte) => (byte >= 0x0a && byte <= 0x0d) || byte === 0x85);
const LINE_END: Node = {
  kind: 'atomic',
  body: {
    kind: 'choice',
    choices: [
      {
        kind: 'sequence',
        items: [
          { kind: 'set', set: single(0x0d) },
          { kind: 'set', set: single(0x0a) },
        ],
      },
      { kind: 'set', set: ONE_LINE_END },
    ],
  },
};

/** A character, a set, something that matches no byte, or a reference to a group by number or name. */
export type Escape =
  | { readonly kind: 'byte'; readonly byte: number }
  | { readonly kind: 'set'; readonly set: ByteSet }
  | { readonly kind: 'node'; readonly node: Node; readonly repeats: boolean }
  | { readonly kind: 'reference'; readonly to: number | string };

/** Reads what follows a backslash outside of classes. `groups` = how many have begun. */
export function readEscape(cursor: Cursor, groups: number): Escape {
  const start = cursor.at - 1;
  const letter = cursor.peek();
  if (letter >= '1' && letter <= '9') return readDigits(cursor, groups, start);
  const assertion = ASSERTIONS.get(letter);
  if (assertion !== undefined) {
    cursor.at++;
    return { kind: 'node', node: { kind: 'assert', what: assertion }, repeats: false };
  }
  switch (letter) {
    case 'K':
      // The match begins here: nginx uses captures, never where the match began.
      cursor.at++;
      return { kind: 'node', node: EMPTY, repeats: false };
    case 'R':
      cursor.at++;
      return { kind: 'node', node: LINE_END, repeats: true };
    case 'N':
      cursor.at++;
      if (cursor.peek() === '{' && !/^\{\d+(?:,\d*)?\}/.test(cursor.text.slice(cursor.at, cursor.at + 16)))
        cursor.fail('\\N{…} names characters of Unicode: lbproxy matches bytes', start);
      return { kind: 'set', set: NO_NEWLINE };
    case 'C':
      cursor.at++;
      return { kind: 'set', set: ALL };
    case 'X':
      return cursor.fail('\\X matches characters of Unicode: lbproxy matches bytes', start);
    case 'g':
    case 'k':
      return { kind: 'reference', to: readReference(cursor, groups, start) };
    default:
      return readCommon(cursor, start);
  }
}

/** Reads what follows a backslash inside a class. */
export function readClassEscape(cursor: Cursor): Escape {
  const start = cursor.at - 1;
  const letter = cursor.peek();
  if (letter === 'b') {
    cursor.at++;
    return { kind: 'byte', byte: 0x08 };
  }
  if (/[0-7]/.test(letter)) return octal(cursor, start);
  if (/[BNRXGKAzZCgk]/.test(letter)) cursor.fail(`\\${letter} has no meaning inside a class`, start);
  return readCommon(cursor, start);
}

function readCommon(cursor: Cursor, start: number): Escape {
  if (cursor.ended) cursor.fail('a backslash at the end of the pattern', start);
  const letter = cursor.take();
  const control = CONTROLS.get(letter);
  if (control !== undefined) return { kind: 'byte', byte: control };
  const set = shorthands().get(letter);
  if (set !== undefined) return { kind: 'set', set };
  switch (letter) {
    case '0':
      cursor.at--;
      return octal(cursor, start);
    case 'o':
      return braced(cursor, /\{([0-7]{1,6})\}/y, 8, '\\o{…} holds octal digits up to 377', start);
    case 'x':
      return readHex(cursor, start);
    case 'c':
      return readControl(cursor, start);
    case 'p':
    case 'P':
      return { kind: 'set', set: readCategory(cursor, letter === 'P', start) };
    default:
      if (/[A-Za-z]/.test(letter)) cursor.fail(`PCRE knows no \\${letter}`, start);
      return { kind: 'byte', byte: letter.charCodeAt(0) };
  }
}

/** Up to three octal digits. */
function octal(cursor: Cursor, start: number): Escape {
  const found = cursor.match(/[0-7]{1,3}/y);
  return byteOf(Number.parseInt(found?.[0] ?? '', 8), cursor, start);
}

function byteOf(value: number, cursor: Cursor, start: number): Escape {
  if (!(value <= 0xff)) cursor.fail('a character above 255: lbproxy matches bytes', start);
  return { kind: 'byte', byte: value };
}

function braced(cursor: Cursor, pattern: RegExp, base: number, reason: string, start: number): Escape {
  const found = cursor.match(pattern);
  if (found === null) cursor.fail(reason, start);
  return byteOf(Number.parseInt(found[1], base), cursor, start);
}

function readHex(cursor: Cursor, start: number): Escape {
  if (cursor.peek() === '{')
    return braced(cursor, /\{([0-9A-Fa-f]{1,6})\}/y, 16, '\\x{…} holds hexadecimal digits up to ff', start);
  const found = cursor.match(/[0-9A-Fa-f]{1,2}/y);
  if (found === null) cursor.fail('\\x without hexadecimal digits', start);
  return { kind: 'byte', byte: Number.parseInt(found[0], 16) };
}

function readControl(cursor: Cursor, start: number): Escape {
  const letter = cursor.take();
  if (!/^[ -~]$/.test(letter)) cursor.fail('\\c stands before a printable character of ASCII', start);
  return { kind: 'byte', byte: letter.toUpperCase().charCodeAt(0) ^ 0x40 };
}

function readCategory(cursor: Cursor, negated: boolean, start: number): ByteSet {
  const found = cursor.match(/\{(\^?)([A-Za-z&_]+)\}|()([A-Z])/y);
  const set = found === null ? undefined : categorySet(found[2] ?? found[4]);
  if (found === null || set === undefined) {
    return cursor.fail('only general categories of Unicode (such as \\p{L}) are known here', start);
  }
  return negated === (found[1] === '^') ? set : complement(set);
}

/** \1 to \9 are references, longer numbers only where so many groups have begun; otherwise digits are octal. */
function readDigits(cursor: Cursor, groups: number, start: number): Escape {
  const [digits] = cursor.match(/\d+/y) ?? [''];
  const number = Number(digits);
  if (number < 10 || digits[0] >= '8' || number <= groups) return { kind: 'reference', to: number };
  cursor.at = start + 1;
  return octal(cursor, start);
}

/** \k{name} and its kin; \g{1}, \g1, and \g{-1}, which counts back from the group that began last. */
function readReference(cursor: Cursor, groups: number, start: number): number | string {
  const letter = cursor.take();
  const found = cursor.match(
    letter === 'k' ? /()(?:\{(\w+)\}|<(\w+)>|'(\w+)')/y : /(?:\{([+-]?\d+)\}|([+-]?\d+)|\{(\w+)\})/y,
  );
  if (found === null) {
    if (letter === 'g' && /[<']/.test(cursor.peek()))
      cursor.fail('patterns that call groups are not supported', start);
    return cursor.fail(
      `\\${letter} needs a group, such as \\${letter}{${letter === 'k' ? 'name' : 1}}`,
      start,
    );
  }
  if (letter === 'k') return found[2] ?? found[3] ?? found[4];
  const number = found[1] ?? found[2];
  if (number === undefined) return found[3];
  if (number.startsWith('+')) cursor.fail('a reference to a group that comes later', start);
  return number.startsWith('-') ? groups + 1 + Number(number) : Number(number);
}
