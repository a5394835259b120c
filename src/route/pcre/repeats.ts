// Quantifiers. JavaScript and PCRE part where a repeated group can match nothing: PCRE accepts one empty round and goes on behind
// the loop, JavaScript rejects it and tries what else the group can match. Both come to the same where nothing is what the group
// tries last; anything else is refused.
import type { Cursor } from './cursor.ts';
import { canBeEmpty, contains, EMPTY, groupsIn, type Node, type Repeat } from './tree.ts';

/** The most that a quantifier counts to (pcre2pattern, "REPETITION"). */
const MOST = 65_535;

/** Reads a quantifier where one stands next, and gives what it makes of `body`. */
export function readRepeat(cursor: Cursor, body: Node, lazyByDefault: boolean): Node | undefined {
  const start = cursor.at;
  const bounds = readBounds(cursor);
  if (bounds === undefined) return undefined;
  const possessive = cursor.skip('+');
  const greedy = possessive || cursor.skip('?') === lazyByDefault;
  const repeated = repeatNode(cursor, { kind: 'repeat', body, ...bounds, greedy }, start);
  return possessive ? { kind: 'atomic', body: repeated } : repeated;
}

function readBounds(cursor: Cursor): { min: number; max: number } | undefined {
  if (cursor.skip('*')) return { min: 0, max: Infinity };
  if (cursor.skip('+')) return { min: 1, max: Infinity };
  if (cursor.skip('?')) return { min: 0, max: 1 };
  const start = cursor.at;
  const found = cursor.match(/\{(\d+)(?:(,)(\d*))?\}/y);
  if (found === null) {
    if (cursor.match(/\{ *\d* *(?:, *\d* *)?\}/y) === null) return undefined;
    return cursor.fail('versions of PCRE differ about this: write {n}, {n,} or {n,m}', start);
  }
  const min = Number(found[1]);
  const max = found[2] === undefined ? min : found[3] === '' ? Infinity : Number(found[3]);
  if (min > MOST || (max > MOST && max !== Infinity))
    cursor.fail(`a quantifier counts to ${MOST} at most`, start);
  if (max < min) cursor.fail('a quantifier whose upper bound is below its lower one', start);
  return { min, max };
}

function repeatNode(cursor: Cursor, repeat: Repeat, start: number): Node {
  const { body, min, max, greedy } = repeat;
  if (body.kind === 'look' || body.kind === 'assert')
    cursor.fail('a repeated assertion: it says nothing more than once', start);
  if (max === 0) return groupsIn(body).length === 0 ? EMPTY : repeat;
  if (min === 1 && max === 1) return body;
  if (min === max || !greedy || !canBeEmpty(body)) return repeat;
  if (!triesEmptyLast(body)) {
    cursor.fail(
      'a repeated group that can match nothing before it has tried the rest: put the empty case last',
      start,
    );
  }
  if (groupsIn(body).length === 0) return repeat;
  // What took part in an empty round holds nothing, and so does what took no part: only a look holds more.
  if (max === 1 && !contains(body, (part) => part.kind === 'look' && groupsIn(part).length > 0))
    return repeat;
  // The last round of (X)* is always an empty one, so nothing is what the group holds in the end.
  if (max === Infinity && body.kind === 'group' && groupsIn(body).length === 1 && surelyCanBeEmpty(body)) {
    return {
      kind: 'sequence',
      items: [
        { ...repeat, body: body.body },
        { kind: 'group', index: body.index, body: EMPTY },
      ],
    };
  }
  return cursor.fail('a repeated group that captures and can match nothing: use (?:…)', start);
}

/** Whether all that a node can match that has a byte comes before the empty match. */
function triesEmptyLast(node: Node): boolean {
  if (!canBeEmpty(node)) return true;
  switch (node.kind) {
    case 'sequence':
      return node.items.every(triesEmptyLast);
    case 'choice':
      return node.choices.every(
        (c, i) => triesEmptyLast(c) && (i === node.choices.length - 1 || !canBeEmpty(c)),
      );
    case 'repeat':
      return node.greedy && triesEmptyLast(node.body);
    case 'group':
      return triesEmptyLast(node.body);
    default:
      // One match or none.
      return true;
  }
}

/** Whether a node matches nothing wherever it stands. */
function surelyCanBeEmpty(node: Node): boolean {
  switch (node.kind) {
    case 'sequence':
      return node.items.every(surelyCanBeEmpty);
    case 'choice':
      return node.choices.some(surelyCanBeEmpty);
    case 'repeat':
      return node.min === 0 || surelyCanBeEmpty(node.body);
    case 'group':
      return surelyCanBeEmpty(node.body);
    default:
      return false;
  }
}
