// Patterns made at random from the words of PCRE, the same for the same seed.

/** A generator of numbers from 0 up to, not including, 1 (mulberry32). */
export function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const ATOMS = [
  ...[
    'a',
    'b',
    'c',
    'a',
    'b',
    'ab',
    'A',
    '1',
    '/',
    '.',
    '.',
    '\\.',
    '\\n',
    '\\d',
    '\\w',
    '\\s',
    '\\S',
    '\\W',
    '\\D',
    '\\h',
    '\\N',
    '\\R',
  ],
  ...[
    '[ab]',
    '[^a]',
    '[a-c]',
    '[^\\n]',
    '[]a]',
    '[[:alpha:]]',
    '[\\w.-]',
    '[^[:space:]b]',
    '\\x61',
    '\\x{62}',
    '\\Qa.\\E',
    '\\Qab\\E',
    '\\v',
  ],
  ...['é', '[é-ü]', '-', '_', ' ', '\\p{L}', '\\C', '\\r', '[\\h\\d]'],
];
const EDGES = [
  '^',
  '$',
  '\\b',
  '\\B',
  '\\A',
  '\\z',
  '\\Z',
  '\\K',
  '\\G',
  '$',
  '^',
  '\\E',
  '(?i)',
  '(?s)',
  '(?m)',
  '(?-i)',
  '(?#x)',
];
const GROUPS = ['(', '(', '(', '(?:', '(?:', '(?:', '(?>', '(?i:', '(?s:', '(?m:', '(?U:', '(?n:', '(?x:'];
const LOOKS = ['(?=', '(?!'];
const LOOKS_BEHIND = ['(?<=', '(?<!'];
const QUANTIFIERS = [
  '*',
  '+',
  '?',
  '*?',
  '+?',
  '??',
  '{2}',
  '{1,2}',
  '{0,2}',
  '{2,}',
  '{0}',
  '{1,3}?',
  '{1}',
  '*',
  '+',
  '?',
];
const POSSESSIVE = ['*+', '++', '?+', '{1,2}+'];

/** Mostly patterns that PCRE takes: references to groups that have begun, look-behinds of one length. */
export function randomPatterns(count: number, seed: number): string[] {
  const next = numbers(seed);
  const pick = (words: readonly string[]): string => words[Math.floor(next() * words.length)];
  const times = (most: number): number => 1 + Math.floor(next() * most);
  const list = (length: number, make: () => string): string[] => Array.from({ length }, make);
  let groups = 0;

  const group = (depth: number): string => {
    const opening = depth === 0 && groups === 0 && next() < 0.1 ? '(?<n>' : pick(GROUPS);
    if (opening === '(' || opening === '(?<n>') groups++;
    return `${opening}${choices(depth + 1)})`;
  };
  const look = (depth: number): string =>
    next() < 0.5
      ? `${pick(LOOKS)}${choices(depth + 1)})`
      : `${pick(LOOKS_BEHIND)}${list(times(2), () => list(times(2), () => pick(ATOMS)).join('')).join('|')})`;
  const item = (depth: number): string => {
    const dice = next();
    if (dice < 0.12) return pick(EDGES);
    if (dice < 0.15 && groups > 0) return pick([`\\${times(groups)}`, '\\g{-1}']);
    if (dice < 0.2 && depth < 3) return look(depth);
    const isGroup = dice < 0.42 && depth < 3;
    const atom = isGroup ? group(depth) : pick(ATOMS);
    const quantified = next();
    if (quantified < 0.35) return atom + pick(QUANTIFIERS);
    // Possessive groups: PCRE2 10.42 has a defect there, which patterns.test.ts names.
    return quantified < 0.42 && !isGroup ? atom + pick(POSSESSIVE) : atom;
  };
  const sequence = (depth: number): string =>
    next() < 0.04 ? '' : list(times(depth === 0 ? 5 : 3), () => item(depth)).join('');
  const choices = (depth: number): string =>
    list(next() < 0.3 ? 1 + times(2) : 1, () => sequence(depth)).join('|');
  return list(count, () => {
    groups = 0;
    return choices(0);
  }).filter((pattern) => pattern !== '');
}
