// Reads a pattern by PCRE's grammar (pcre2pattern) as nginx compiles it: bytes, no UTF mode, the C locale, lines end with \n.
// What the matchers here cannot do exactly as PCRE is refused with reason and place; nothing is taken for a literal in silence.
import { ALL, NO_NEWLINE, single } from './byte-sets.ts';
import { readClass } from './classes.ts';
import { Cursor } from './cursor.ts';
import { readEscape } from './escapes.ts';
import { readRepeat } from './repeats.ts';
import { lengthOf, type Node, type Tree } from './tree.ts';

interface Options {
  caseless: boolean;
  multiline: boolean;
  dotAll: boolean;
  extended: boolean;
  noCapture: boolean;
  ungreedy: boolean;
}

/** PCRE2's own bound (PARENS_NEST_LIMIT). */
const DEEPEST = 250;
const LETTERS: ReadonlyMap<string, keyof Options> = new Map([
  ['i', 'caseless'],
  ['m', 'multiline'],
  ['s', 'dotAll'],
  ['x', 'extended'],
  ['n', 'noCapture'],
  ['U', 'ungreedy'],
]);

/** @throws PatternError */
export function readPattern(text: string, caseless: boolean): Tree {
  const reader = new Reader(text, caseless);
  const root = reader.choices();
  if (!reader.cursor.ended) reader.cursor.fail('a ")" without its "("');
  return { root, groups: reader.groups, names: [...reader.names] };
}

class Reader {
  readonly cursor: Cursor;
  readonly names = new Map<string, number>();
  groups = 0;
  #options: Options;
  #depth = 0;
  /** Looks around the place where the reader is. */
  #looks = 0;
  /** Between \Q and \E characters are as they are. */
  #quoted = false;

  constructor(text: string, caseless: boolean) {
    this.cursor = new Cursor(text);
    this.#options = {
      caseless,
      multiline: false,
      dotAll: false,
      extended: false,
      noCapture: false,
      ungreedy: false,
    };
  }

  /** Alternatives up to the end of the group or pattern. */
  choices(): Node {
    const choices = [this.#sequence()];
    while (this.cursor.skip('|')) choices.push(this.#sequence());
    return choices.length === 1 ? choices[0] : { kind: 'choice', choices };
  }

  #sequence(): Node {
    const items: Node[] = [];
    const { cursor } = this;
    for (;;) {
      this.#skipComments();
      if (cursor.ended || (!this.#quoted && /[|)]/.test(cursor.peek()))) break;
      const atom = this.#atom();
      if (atom !== undefined) items.push(this.#quoted ? atom : this.#repeated(atom));
    }
    return items.length === 1 ? items[0] : { kind: 'sequence', items };
  }

  #repeated(atom: Node): Node {
    this.#skipComments();
    const repeated = readRepeat(this.cursor, atom, this.#options.ungreedy);
    if (repeated === undefined) return atom;
    this.#skipComments();
    if (this.#atQuantifier())
      this.cursor.fail('a quantifier after a quantifier: put what it repeats into (?:…)');
    return repeated;
  }

  #atQuantifier(): boolean {
    return /^(?:[*+?]|\{\d+(?:,\d*)?\})/.test(this.cursor.text.slice(this.cursor.at, this.cursor.at + 16));
  }

  /** One thing that a quantifier may follow; undefined for what leaves nothing behind. */
  #atom(): Node | undefined {
    const { cursor } = this;
    const start = cursor.at;
    if (!this.#quoted && this.#atQuantifier()) cursor.fail('nothing to repeat');
    const character = cursor.take();
    if (this.#quoted) {
      this.#quoted = !cursor.skip('\\E');
      return this.#byte(character.charCodeAt(0));
    }
    switch (character) {
      case '\\':
        return this.#escape(start);
      case '[':
        return { kind: 'set', set: readClass(cursor, this.#options.caseless) };
      case '(':
        return this.#parenthesis(start);
      case '.':
        return { kind: 'set', set: this.#options.dotAll ? ALL : NO_NEWLINE };
      case '^':
        return this.#assertion(this.#options.multiline ? 'line-start' : 'start');
      case '$':
        return this.#assertion(this.#options.multiline ? 'line-end' : 'end-or-last-newline');
      default:
        return this.#byte(character.charCodeAt(0));
    }
  }

  #assertion(what: Extract<Node, { kind: 'assert' }>['what']): Node {
    return { kind: 'assert', what };
  }

  #byte(byte: number): Node {
    return { kind: 'set', set: single(byte, this.#options.caseless) };
  }

  #escape(start: number): Node | undefined {
    const { cursor } = this;
    if (cursor.skip('Q')) {
      this.#quoted = true;
      return undefined;
    }
    if (cursor.peek() === 'K' && this.#looks > 0) cursor.fail('\\K inside a look', start);
    const escaped = readEscape(cursor, this.groups);
    switch (escaped.kind) {
      case 'byte':
        return this.#byte(escaped.byte);
      case 'set':
        return { kind: 'set', set: escaped.set };
      case 'node':
        if (!escaped.repeats && this.#atQuantifier())
          cursor.fail('a repeated assertion: it says nothing more than once');
        return escaped.node;
      default:
        return this.#reference(escaped.to, start);
    }
  }

  #reference(to: number | string, at: number): Node {
    const index = typeof to === 'number' ? to : this.names.get(to);
    if (index === undefined || index < 1 || index > this.groups)
      return this.cursor.fail(`a reference to group ${to}, which has not begun before it`, at);
    if (this.#options.caseless)
      return this.cursor.fail('a reference to a group in a pattern without regard to case', at);
    return { kind: 'back', index, at };
  }

  #parenthesis(start: number): Node | undefined {
    const { cursor } = this;
    if (cursor.peek() === '*' && /[A-Za-z:]/.test(cursor.peek(1)))
      cursor.fail('verbs such as (*UTF8) are not supported: lbproxy matches bytes', start);
    if (!cursor.skip('?')) {
      if (this.#options.noCapture) return this.#group(start);
      return this.#capture(start);
    }
    if (cursor.skip('#')) return this.#comment(start);
    if (cursor.skip(':')) return this.#group(start);
    if (cursor.skip('>')) return { kind: 'atomic', body: this.#group(start) };
    if (cursor.skip('=') || cursor.skip('!')) return this.#look(true, start);
    if (cursor.skip('<=') || cursor.skip('<!')) return this.#look(false, start);
    if (/^(?:P?<|')/.test(cursor.text.slice(cursor.at, cursor.at + 2))) return this.#named(start);
    const reference = cursor.match(/P=(\w+)\)/y);
    if (reference !== null) return this.#reference(reference[1], start);
    this.#refuseRare(start);
    return this.#setOptions(start);
  }

  /** Constructions of PCRE that the matchers here do not have. */
  #refuseRare(start: number): void {
    const { cursor } = this;
    const rest = cursor.text.slice(cursor.at, cursor.at + 3);
    if (rest.startsWith('|')) cursor.fail('(?|…), groups that share numbers, is not supported', start);
    if (rest.startsWith('(')) cursor.fail('conditions, (?(…)…), are not supported', start);
    if (rest.startsWith('C')) cursor.fail('callouts, (?C…), are not supported', start);
    if (rest.startsWith('*')) cursor.fail('(?*…) is not supported', start);
    if (/^(?:R|&|P>|[+-]?\d)/.test(rest)) cursor.fail('patterns that call groups are not supported', start);
  }

  #comment(start: number): undefined {
    const end = this.cursor.text.indexOf(')', this.cursor.at);
    if (end < 0) this.cursor.fail('a comment without its ")"', start);
    this.cursor.at = end + 1;
    return undefined;
  }

  #named(start: number): Node {
    const { cursor } = this;
    const found = cursor.match(/(?:P?<([A-Za-z_]\w{0,31})>|'([A-Za-z_]\w{0,31})')/y);
    if (found === null)
      return cursor.fail('a group has a name of 1 to 32 letters, digits and _, such as (?<name>…)', start);
    const name = found[1] ?? found[2];
    if (this.names.has(name)) cursor.fail(`two groups have the name "${name}"`, start);
    this.names.set(name, this.groups + 1);
    return this.#capture(start);
  }

  #capture(start: number): Node {
    const index = ++this.groups;
    return { kind: 'group', index, body: this.#group(start) };
  }

  /** The inside of a group and its end. Options that are set inside hold to there. */
  #group(start: number): Node {
    if (++this.#depth > DEEPEST) this.cursor.fail(`groups more than ${DEEPEST} deep`, start);
    const outer = { ...this.#options };
    const body = this.choices();
    if (!this.cursor.skip(')')) this.cursor.fail('a "(" without its ")"', start);
    this.#options = outer;
    this.#depth--;
    return body;
  }

  #look(ahead: boolean, start: number): Node {
    const negative = this.cursor.text[this.cursor.at - 1] === '!';
    this.#looks++;
    const body = this.#group(start);
    this.#looks--;
    const choices = body.kind === 'choice' ? body.choices : [body];
    if (!ahead && choices.some((choice) => lengthOf(choice) === undefined))
      this.cursor.fail('each alternative of a look-behind matches one number of bytes', start);
    return { kind: 'look', ahead, negative, body };
  }

  /** (?i), (?i-s), (?^), and with a colon for a group of its own. */
  #setOptions(start: number): Node | undefined {
    const { cursor } = this;
    const found = cursor.match(/(\^?)([imsxnU]*)(?:-([imsxnU]*))?([:)])/y);
    if (found === null || /xx/.test(found[2]) || (found[1] === '^' && found[3] !== undefined))
      return cursor.fail('unknown letters after "(?"', start);
    const outer = { ...this.#options };
    if (found[1] === '^')
      for (const name of LETTERS.values()) if (name !== 'ungreedy') this.#options[name] = false;
    this.#switch(found[2], true);
    this.#switch(found[3] ?? '', false);
    if (found[4] === ')') return undefined;
    const body = this.#group(start);
    this.#options = outer;
    return body;
  }

  #switch(letters: string, on: boolean): void {
    for (const letter of letters) {
      const name = LETTERS.get(letter);
      if (name !== undefined) this.#options[name] = on;
    }
  }

  /** What says nothing, also between a thing and its quantifier: comments, empty quotes, and under (?x) blanks. */
  #skipComments(): void {
    const { cursor } = this;
    if (this.#quoted) return;
    while (
      (this.#options.extended && cursor.match(/[\t-\r ]+|#[^\n]*\n?/y) !== null) ||
      cursor.match(/\(\?#[^)]*\)|\\Q\\E|\\E/y) !== null
    );
  }
}
