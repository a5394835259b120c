// Spoils a text: by character, word, line and block. Bytes are texts of latin1.
import type { Random } from './random.ts';

/** What mutations take their material from. */
export interface Material {
  /** Words that mean something where the text is read. */
  readonly words: readonly string[];
  /** Other texts of the kind, for pieces of them. */
  readonly texts: readonly string[];
  /** Most characters of a text that grew. */
  readonly most: number;
}

/** Numbers at the edges of what programs count in. */
const NUMBERS = [
  ...['0', '-0', '-1', '+1', '1', '00', '007', '0x10', '1e3', '1e999', '1.5', '.5', 'NaN', 'Infinity', ''],
  ...['99', '100', '999', '1000', '255', '256', '65535', '65536', '2147483647', '2147483648', '4294967295'],
  ...['4294967296', '9007199254740991', '9007199254740993', '18446744073709551616', '9'.repeat(40)],
  ...['fffffffffffffffff', '7fffffff', 'ffffffff', '80000000', '0'.repeat(30)],
];

/** Names that every object of JavaScript has. */
const PROTOTYPE = [
  ...['__proto__', 'constructor', 'prototype', 'toString', 'valueOf', 'hasOwnProperty', '__defineGetter__'],
  ...['isPrototypeOf', 'length', 'name', 'then', 'toJSON'],
];

const CONTROLS = [
  ...'\0\x01\b\t\n\v\f\r\x1b\x1f\x7f\x80\x85\xa0\xad\xff'.split(''),
  ...[
    '\r\n',
    '\n\n',
    '\r\r\n',
    '\r\n\r\n',
    '\0\0\0\0',
    '\xef\xbb\xbf',
    '\xc0\xaf',
    '\xe2\x80\xa8',
    '\xed\xa0\x80',
  ],
];

const QUOTES = [
  '"',
  "'",
  '`',
  '\\',
  '\\"',
  '""',
  "''",
  '{',
  '}',
  '[',
  ']',
  '(',
  ')',
  ';',
  '#',
  '$',
  '${',
  '%',
  '%00',
  '%zz',
  '/*',
  '//',
];

type Mutation = (text: string, random: Random, material: Material) => string;

const put = (text: string, at: number, what: string, skip = 0): string =>
  text.slice(0, at) + what + text.slice(at + skip);
const place = (text: string, random: Random): number => random.below(text.length + 1);

/** A random range of `text`, short more often than long. */
function range(text: string, random: Random): [from: number, to: number] {
  const from = place(text, random);
  return [from, Math.min(text.length, from + random.length(Math.max(8, text.length >> 1)))];
}

/** Where a word stands around or behind a random place. */
function wordAt(text: string, random: Random, pattern: RegExp): [from: number, to: number] {
  const at = place(text, random);
  pattern.lastIndex = at;
  const found = pattern.exec(text) ?? /(?:)/.exec(text);
  const from = found?.index ?? at;
  return [from, from + (found?.[0].length ?? 0)];
}

function replaceWord(pattern: RegExp, words: (material: Material) => readonly string[]): Mutation {
  return (text, random, material) => {
    const [from, to] = wordAt(text, random, new RegExp(pattern, 'g'));
    return put(text, from, random.pick(words(material)), to - from);
  };
}

function swapRanges(text: string, random: Random): string {
  const [a, b] = range(text, random);
  const [c, d] = range(text.slice(b), random);
  const rest = text.slice(b);
  return text.slice(0, a) + rest.slice(c, d) + rest.slice(0, c) + text.slice(a, b) + rest.slice(d);
}

function inLines(change: (lines: string[], random: Random) => void): Mutation {
  return (text, random) => {
    const lines = text.split('\n');
    change(lines, random);
    return lines.join('\n');
  };
}

/** From a `{` to the `}` that belongs to it, with the words before it. */
function blockAt(text: string, random: Random): [from: number, to: number] {
  const open = text.indexOf('{', place(text, random));
  if (open < 0) return range(text, random);
  let depth = 0;
  let end = open;
  for (; end < text.length; end++) {
    if (text[end] === '{') depth++;
    else if (text[end] === '}' && --depth === 0) break;
  }
  const from =
    Math.max(text.lastIndexOf('\n', open), text.lastIndexOf(';', open), text.lastIndexOf('{', open - 1)) + 1;
  return [from, Math.min(text.length, end + 1)];
}

function repeat(text: string, random: Random, { most }: Material): string {
  const [from, to] = range(text, random);
  const piece = text.slice(from, to) || 'a';
  const size = random.chance(4) ? most : Math.min(most, 400);
  return put(text, to, piece.repeat(1 + random.below(Math.max(1, Math.floor(size / piece.length)))));
}

const MUTATIONS: readonly Mutation[] = [
  (text, random) => put(text, place(text, random), String.fromCharCode(random.below(256)), 1),
  (text, random) => put(text, place(text, random), String.fromCharCode(random.below(256))),
  (text, random) => put(text, place(text, random), random.pick(CONTROLS), random.below(2)),
  (text, random) => put(text, place(text, random), random.pick(QUOTES), random.below(2)),
  (text, random) => put(text, place(text, random), '', 1),
  (text, random) => {
    const [from, to] = range(text, random);
    return put(text, from, '', to - from);
  },
  (text, random) => {
    const [from, to] = range(text, random);
    return put(text, random.chance(50) ? to : place(text, random), text.slice(from, to));
  },
  swapRanges,
  (text, random, { words }) => put(text, place(text, random), random.pick(words)),
  replaceWord(/[^\s;{}:,"']+/, ({ words }) => words),
  replaceWord(/[^\s;{}:,"']+/, ({ words }) => words),
  replaceWord(/\d+/, () => NUMBERS),
  replaceWord(/[^\s;{}:,"']+/, () => NUMBERS),
  replaceWord(/\w+/, () => PROTOTYPE),
  inLines((lines, random) => lines.splice(random.below(lines.length), 1)),
  inLines((lines, random) => {
    const line = random.pick(lines);
    lines.splice(random.below(lines.length + 1), 0, line);
  }),
  inLines((lines, random) => {
    const [a, b] = [random.below(lines.length), random.below(lines.length)];
    [lines[a], lines[b]] = [lines[b], lines[a]];
  }),
  (text, random) => {
    const [from, to] = blockAt(text, random);
    return put(text, from, '', to - from);
  },
  (text, random) => {
    const [from, to] = blockAt(text, random);
    return put(text, random.chance(50) ? to : place(text, random), text.slice(from, to));
  },
  (text, random, { texts }) => {
    const other = random.pick(texts);
    const [from, to] = range(other, random);
    return put(text, place(text, random), other.slice(from, to));
  },
  (text, random, { texts }) => {
    const other = random.pick(texts);
    return text.slice(0, place(text, random)) + other.slice(place(other, random));
  },
  (text, random) => text.slice(0, place(text, random)),
  repeat,
];

/** One mutation as often as several: what is wrong in one place only gets furthest. */
export function mutate(text: string, random: Random, material: Material): string {
  let out = text;
  for (let n = random.chance(50) ? 1 : random.length(8); n > 0; n--)
    out = random.pick(MUTATIONS)(out, random, material);
  return out.length > material.most * 2 ? out.slice(0, material.most * 2) : out;
}
