// A pattern as PCRE reads it, free of its spelling: cases are folded, classes are sets of bytes, options are gone.

/** Which of the 256 bytes belong: 1 or 0 each. */
export type ByteSet = Readonly<Uint8Array>;

export type Assertion =
  /** `^` and `\A`. */
  | 'start'
  /** `\z`: the end of the subject. */
  | 'end'
  /** `$` and `\Z`: the end, or before a newline that is the last byte. */
  | 'end-or-last-newline'
  /** `^` and `$` under (?m). */
  | 'line-start'
  | 'line-end'
  | 'word-edge'
  | 'no-word-edge';

export interface Repeat {
  readonly kind: 'repeat';
  readonly body: Node;
  readonly min: number;
  /** Infinity where there is no bound. */
  readonly max: number;
  readonly greedy: boolean;
}

export interface Look {
  readonly kind: 'look';
  readonly ahead: boolean;
  readonly negative: boolean;
  readonly body: Node;
}

export type Node =
  | { readonly kind: 'set'; readonly set: ByteSet }
  | { readonly kind: 'sequence'; readonly items: readonly Node[] }
  | { readonly kind: 'choice'; readonly choices: readonly Node[] }
  /** A group that captures; numbered from 1. */
  | { readonly kind: 'group'; readonly index: number; readonly body: Node }
  | Repeat
  /** `(?>…)` and what possessive quantifiers stand for: its first match is its only one. */
  | { readonly kind: 'atomic'; readonly body: Node }
  | Look
  | { readonly kind: 'assert'; readonly what: Assertion }
  /** What a group matched, once more; `at` is its place in the pattern. */
  | { readonly kind: 'back'; readonly index: number; readonly at: number };

export const EMPTY: Node = { kind: 'sequence', items: [] };

export interface Tree {
  readonly root: Node;
  /** How many groups capture. */
  readonly groups: number;
  /** Name and number of each named group, in their order. */
  readonly names: readonly (readonly [string, number])[];
}

/** The parts of a node, in order. */
export function partsOf(node: Node): readonly Node[] {
  if (node.kind === 'sequence') return node.items;
  if (node.kind === 'choice') return node.choices;
  return 'body' in node ? [node.body] : [];
}

/** Whether a node or a part of it is as asked. */
export function contains(node: Node, asked: (part: Node) => boolean): boolean {
  return asked(node) || partsOf(node).some((part) => contains(part, asked));
}

/** Numbers of the groups that capture inside a node. */
export function groupsIn(node: Node): readonly number[] {
  const inner = partsOf(node).flatMap(groupsIn);
  return node.kind === 'group' ? [node.index, ...inner] : inner;
}

/** Whether a node can match without a byte. */
export function canBeEmpty(node: Node): boolean {
  switch (node.kind) {
    case 'set':
      return false;
    case 'sequence':
      return node.items.every(canBeEmpty);
    case 'choice':
      return node.choices.some(canBeEmpty);
    case 'repeat':
      return node.min === 0 || canBeEmpty(node.body);
    case 'group':
    case 'atomic':
      return canBeEmpty(node.body);
    default:
      return true;
  }
}

/** How many bytes a node matches where that is one number: what a look-behind goes back. */
export function lengthOf(node: Node): number | undefined {
  switch (node.kind) {
    case 'set':
      return 1;
    case 'sequence':
      return node.items.map(lengthOf).reduce(plus, 0);
    case 'choice': {
      const [first, ...others] = node.choices.map(lengthOf);
      return others.every((length) => length === first) ? first : undefined;
    }
    case 'repeat':
      return node.min === node.max ? times(lengthOf(node.body), node.min) : undefined;
    case 'group':
    case 'atomic':
      return lengthOf(node.body);
    case 'back':
      return undefined;
    default:
      return 0;
  }
}

const plus = (a: number | undefined, b: number | undefined) =>
  a === undefined || b === undefined ? undefined : a + b;
const times = (a: number | undefined, count: number) => (a === undefined ? undefined : a * count);
