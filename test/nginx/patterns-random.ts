// Patterns made at random from the words of PCRE, the same for the same seed.

import { Random } from '../fuzz/random.ts';

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
  return Array.from({ length: count }, (_, i) => new PatternMaker(new Random(seed, i)).choices(0)).filter(
    (pattern) => pattern !== '',
  );
}

class PatternMaker {
  readonly #random: Random;
  #groups = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  choices(depth: number): string {
    return this.#list(this.#random.chance(30) ? 1 + this.#most(2) : 1, () => this.#sequence(depth)).join('|');
  }

  #most(count: number): number {
    return 1 + this.#random.below(count);
  }

  #list(length: number, make: () => string): string[] {
    return Array.from({ length }, make);
  }

  #sequence(depth: number): string {
    if (this.#random.chance(4)) return '';
    return this.#list(this.#most(depth === 0 ? 5 : 3), () => this.#item(depth)).join('');
  }

  #item(depth: number): string {
    const random = this.#random;
    const dice = random.below(100);
    if (dice < 12) return random.pick(EDGES);
    if (dice < 15 && this.#groups > 0) return random.pick([`\\${this.#most(this.#groups)}`, '\\g{-1}']);
    if (dice < 20 && depth < 3) return this.#look(depth);
    const isGroup = dice < 42 && depth < 3;
    const atom = isGroup ? this.#group(depth) : random.pick(ATOMS);
    const quantified = random.below(100);
    if (quantified < 35) return atom + random.pick(QUANTIFIERS);
    // Possessive groups: PCRE2 10.42 has a defect there, which patterns.test.ts names.
    return quantified < 42 && !isGroup ? atom + random.pick(POSSESSIVE) : atom;
  }

  #group(depth: number): string {
    const named = depth === 0 && this.#groups === 0 && this.#random.chance(10);
    const opening = named ? '(?<n>' : this.#random.pick(GROUPS);
    if (opening === '(' || named) this.#groups++;
    return `${opening}${this.choices(depth + 1)})`;
  }

  #look(depth: number): string {
    const random = this.#random;
    if (random.chance(50)) return `${random.pick(LOOKS)}${this.choices(depth + 1)})`;
    const fixed = () => this.#list(this.#most(2), () => random.pick(ATOMS)).join('');
    return `${random.pick(LOOKS_BEHIND)}${this.#list(this.#most(2), fixed).join('|')})`;
  }
}
