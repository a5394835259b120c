// Classes in square brackets (pcre2pattern, "SQUARE BRACKETS AND CHARACTER CLASSES"), as sets of bytes.
import { bothCases, complement, NONE, posixClasses, setOf, single, union } from './byte-sets.ts';
import type { Cursor } from './cursor.ts';
import { readClassEscape } from './escapes.ts';
import type { ByteSet } from './tree.ts';

/** One thing in a class: a character, which may begin or end a range, or a set, which may not. */
type Item = { readonly byte: number } | { readonly set: ByteSet };

/** Reads a class whose `[` has been passed, to its `]`. */
export function readClass(cursor: Cursor, caseless: boolean): ByteSet {
  const start = cursor.at - 1;
  cursor.at = start;
  refuseNamed(cursor, start);
  cursor.at++;
  const negated = cursor.skip('^');
  let set: ByteSet = NONE;
  // A bracket that comes first is a character: []a].
  for (let first = true; ; first = false) {
    skipQuotes(cursor);
    if (cursor.ended) cursor.fail('a class without its "]"', start);
    if (!first && cursor.skip(']')) break;
    const item = readItem(cursor, caseless);
    // Between a character and its hyphen they say nothing either.
    skipQuotes(cursor);
    if ('set' in item) set = union(set, readAfterSet(cursor, item.set));
    else set = union(set, folded(readRange(cursor, item.byte), caseless));
  }
  return negated ? complement(set) : set;
}

/** Characters and ranges know no case then; sets that have a name mean what it says. */
const folded = (set: ByteSet, caseless: boolean): ByteSet => (caseless ? bothCases(set) : set);

function readItem(cursor: Cursor, caseless: boolean): Item {
  const start = cursor.at;
  if (cursor.skip('\\Q')) return { set: folded(readQuoted(cursor, start), caseless) };
  if (cursor.peek() === '[' && /[:.=]/.test(cursor.peek(1))) {
    const found = cursor.match(/\[:(\^?)([a-z]*):\]/y);
    if (found !== null)
      return { set: posixSet(cursor, nameFor(found[2], caseless), found[1] === '^', start) };
    refuseNamed(cursor, start);
  }
  if (cursor.skip('\\')) {
    const escaped = readClassEscape(cursor);
    if (escaped.kind === 'set') return { set: escaped.set };
    if (escaped.kind === 'byte') return { byte: escaped.byte };
  }
  if (cursor.ended) cursor.fail('a class without its "]"');
  return { byte: cursor.take().charCodeAt(0) };
}

/** `[:name:]`, `[.x.]` and `[=x=]` where they are nothing: PCRE refuses them also where they would be a class of their own. */
function refuseNamed(cursor: Cursor, start: number): void {
  const named = /^\[([:.=])(?:\\[\]\\]|(?!\[\1|\1\])[^\]])*\1\]/.exec(cursor.text.slice(cursor.at));
  if (named !== null)
    cursor.fail(`${named[0]} stands only inside a class, with a name of PCRE's: [[:alpha:]]`, start);
}

/** Without regard to case both are all letters, before a `^` turns them around. */
const nameFor = (name: string, caseless: boolean): string =>
  caseless && (name === 'upper' || name === 'lower') ? 'alpha' : name;

function posixSet(cursor: Cursor, name: string, negated: boolean, start: number): ByteSet {
  const set = posixClasses().get(name);
  if (set === undefined) {
    return cursor.fail(
      `a class knows no [:${name}:]; there are ${[...posixClasses().keys()].join(', ')}`,
      start,
    );
  }
  return negated ? complement(set) : set;
}

/** \Q and \E inside a class only change how the characters between them are read. */
function skipQuotes(cursor: Cursor): void {
  while (cursor.skip('\\E') || cursor.skip('\\Q\\E'));
}

function readQuoted(cursor: Cursor, start: number): ByteSet {
  const end = cursor.text.indexOf('\\E', cursor.at);
  if (end < 0) return cursor.fail('\\Q inside a class without its \\E', start);
  const text = cursor.text.slice(cursor.at, end);
  cursor.at = end + 2;
  // A range from or to quoted characters could be read in two ways.
  if (cursor.peek() === '-' && cursor.peek(1) !== ']')
    cursor.fail('a range that begins with quoted text', start);
  return setOf((byte) => text.includes(String.fromCharCode(byte)));
}

/** After a set a hyphen begins no range; PCRE refuses one that stands before anything but the end. */
function readAfterSet(cursor: Cursor, set: ByteSet): ByteSet {
  if (cursor.peek() === '-' && cursor.peek(1) !== ']') {
    cursor.fail('a "-" after a set such as \\w or [:alpha:]: write it last, or as \\-');
  }
  return set;
}

function readRange(cursor: Cursor, from: number): ByteSet {
  if (cursor.peek() !== '-' || cursor.peek(1) === ']' || cursor.peek(1) === '') return single(from);
  const start = cursor.at;
  cursor.at++;
  skipQuotes(cursor);
  const to = readItem(cursor, false);
  if ('set' in to) return cursor.fail('a range ends with a character, not with a set', start);
  if (to.byte < from) cursor.fail('a range whose end comes before its begin', start);
  return setOf((byte) => byte >= from && byte <= to.byte);
}
