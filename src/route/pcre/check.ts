// What a group holds depends on the way to it: which groups have certainly matched, where, and where the engines part over it.
import { PatternError } from './cursor.ts';
import { contains, groupsIn, type Node } from './tree.ts';

type Groups = ReadonlySet<number>;

/**
 * A reference to a group that took no part fails in PCRE and matches nothing in JavaScript: only references to groups that surely
 * have matched are taken. Gives the groups that have matched after the node. @throws PatternError
 */
export function checkReferences(node: Node, before: Groups = new Set()): Groups {
  switch (node.kind) {
    case 'sequence':
      return node.items.reduce((groups, item) => checkReferences(item, groups), before);
    case 'choice': {
      const [first, ...others] = node.choices.map((choice) => checkReferences(choice, before));
      return new Set([...first].filter((group) => others.every((other) => other.has(group))));
    }
    case 'group':
      return new Set([...checkReferences(node.body, before), node.index]);
    case 'repeat': {
      const after = checkReferences(node.body, before);
      return node.min > 0 ? after : before;
    }
    case 'look': {
      const after = checkReferences(node.body, before);
      return node.negative ? before : after;
    }
    case 'atomic':
      return checkReferences(node.body, before);
    case 'back':
      if (!before.has(node.index)) {
        throw new PatternError(
          `a reference to group ${node.index}, which may have taken no part in the match`,
          node.at,
        );
      }
      return before;
    default:
      return before;
  }
}

/** Whether JavaScript's own matcher finds what PCRE finds, captures and all. */
export function isNative(root: Node): boolean {
  return !contains(
    root,
    (part) =>
      part.kind === 'atomic' ||
      // A new round of a loop empties the groups inside it in JavaScript; in PCRE they keep what they held.
      (part.kind === 'repeat' && part.max > 1 && !setsAllGroups(part.body)) ||
      // JavaScript reads a look-behind from its end: the round that it comes to last is the first one.
      (part.kind === 'look' && !part.ahead && contains(part.body, setsInRounds)),
  );
}

const setsInRounds = (part: Node): boolean =>
  part.kind === 'repeat' && part.max > 1 && groupsIn(part.body).length > 0;

function setsAllGroups(body: Node): boolean {
  const sure = surelySet(body);
  return groupsIn(body).every((group) => sure.has(group));
}

function surelySet(node: Node): Groups {
  switch (node.kind) {
    case 'sequence':
      return new Set(node.items.flatMap((item) => [...surelySet(item)]));
    case 'choice': {
      const [first, ...others] = node.choices.map(surelySet);
      return new Set([...first].filter((group) => others.every((other) => other.has(group))));
    }
    case 'group':
      return new Set([node.index, ...surelySet(node.body)]);
    case 'repeat':
      return node.min > 0 ? surelySet(node.body) : new Set();
    case 'look':
      return node.negative ? new Set() : surelySet(node.body);
    case 'atomic':
      return surelySet(node.body);
    default:
      return new Set();
  }
}
