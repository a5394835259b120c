// A pattern in JavaScript's words. Sets are written out, so that no flag and no table of JavaScript's decides what a word means.
import type { Assertion, ByteSet, Node } from './tree.ts';

const ASSERTIONS: Readonly<Record<Assertion, string>> = {
  start: '^',
  end: '$',
  'end-or-last-newline': '(?=\\n?$)',
  'line-start': '(?:^|(?<=\\n)(?!$))',
  'line-end': '(?=\\n|$)',
  'word-edge': '\\b',
  'no-word-edge': '\\B',
};

/** The source of a regular expression without flags that matches as `node` does; the node is one that isNative() took. */
export function nativeSource(root: Node): string {
  return inside(root, true);
}

/** What stands between parentheses or alone: alternatives need none of their own. */
function inside(node: Node, last: boolean): string {
  return node.kind === 'choice'
    ? node.choices.map((choice) => write(choice, last)).join('|')
    : write(node, last);
}

/** `last` = nothing comes behind, and no capture ends behind: a newline may be eaten there, where looking ahead would cost more. */
function write(node: Node, last: boolean): string {
  switch (node.kind) {
    case 'set':
      return writeSet(node.set);
    case 'sequence':
      return node.items.map((item, i) => write(item, last && i === node.items.length - 1)).join('');
    case 'choice':
      return `(?:${inside(node, last)})`;
    case 'group':
      return `(${inside(node.body, false)})`;
    case 'repeat':
      return writeRepeated(node.body) + writeBounds(node.min, node.max) + (node.greedy ? '' : '?');
    case 'look':
      return `(?${node.ahead ? '' : '<'}${node.negative ? '!' : '='}${inside(node.body, false)})`;
    case 'assert':
      return last && node.what === 'end-or-last-newline' ? '\\n?$' : ASSERTIONS[node.what];
    case 'back':
      return `(?:\\${node.index})`;
    default:
      throw new Error('an atomic group has no form in JavaScript');
  }
}

function writeRepeated(body: Node): string {
  const text = write(body, false);
  return body.kind === 'set' || body.kind === 'group' || body.kind === 'choice' ? text : `(?:${text})`;
}

function writeBounds(min: number, max: number): string {
  if (max === Infinity) return min === 0 ? '*' : min === 1 ? '+' : `{${min},}`;
  if (min === 0 && max === 1) return '?';
  return min === max ? `{${min}}` : `{${min},${max}}`;
}

function writeSet(set: ByteSet): string {
  const held = rangesOf(set, 1);
  if (held.length === 0) return '[]';
  if (held.length === 1 && held[0][0] === held[0][1]) return writeByte(held[0][0]);
  const missing = rangesOf(set, 0);
  return missing.length < held.length ? `[^${writeRanges(missing)}]` : `[${writeRanges(held)}]`;
}

function rangesOf(set: ByteSet, value: number): readonly (readonly [number, number])[] {
  const ranges: [number, number][] = [];
  for (let from = 0; from < 256; from++) {
    if (set[from] !== value) continue;
    let to = from;
    while (to < 255 && set[to + 1] === value) to++;
    ranges.push([from, to]);
    from = to;
  }
  return ranges;
}

const writeRanges = (ranges: readonly (readonly [number, number])[]) =>
  ranges
    .map(([from, to]) =>
      from === to ? writeByte(from) : writeByte(from) + (to === from + 1 ? '' : '-') + writeByte(to),
    )
    .join('');

function writeByte(byte: number): string {
  const character = String.fromCharCode(byte);
  if (/[A-Za-z0-9]/.test(character)) return character;
  return byte === 0x2f || byte === 0x5f || byte === 0x2c
    ? character
    : `\\x${byte.toString(16).padStart(2, '0')}`;
}
