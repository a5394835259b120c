// How much a backtracking matcher may come to do. Each loop that can give back bytes to what follows it multiplies the ways to read
// a subject by its length; such a loop inside a loop doubles them with every byte.
import { ALL, NONE, overlap, single, union } from './byte-sets.ts';
import { type ByteSet, canBeEmpty, contains, type Node, type Repeat } from './tree.ts';

export interface Weight {
  /** Exponent k: a subject of n bytes costs up to n^k steps. Infinity = the cost doubles with each byte. */
  readonly exponent: number;
  /** How many times that, at most: ways to read what has a bound, such as `[a-z]{0,8}`. */
  readonly ways: number;
  /** A look or an atomic group that may read far stands where it is tried at many places, and must report where it ends. */
  readonly farAtMany: boolean;
}

/** What may come next: bytes that can begin it, and whether it matches whatever comes. */
interface Next {
  readonly bytes: ByteSet;
  readonly sure: boolean;
}

interface Walk extends Next {
  /** Loops that can give back. */
  readonly loops: number;
  /** A loop that cannot give back still reads the subject once more. */
  readonly scans: boolean;
  /** Ways to read the same bytes outside of loops, which are few for each part and multiply. */
  readonly ways: number;
}

const PLAIN = { loops: 0, scans: false, ways: 1 } as const;

/** Counts beyond this are taken for unbounded. */
const FEW = 8;
const DONE: Next = { bytes: NONE, sure: true };
const NEWLINE = single(0x0a);

export function weigh(root: Node): Weight {
  const walked = walk(root, DONE, false);
  // A search that may begin anywhere is a loop in front of the pattern.
  const anywhere = !beginsAtStart(root);
  const loops = walked.loops + (anywhere && (walked.scans || walked.loops > 0) ? 1 : 0);
  return {
    exponent: Math.max(1, loops + (walked.scans && loops > 0 ? 1 : 0)),
    ways: walked.ways,
    farAtMany: findsFar(root, anywhere).far,
  };
}

function walk(node: Node, next: Next, repeated: boolean): Walk {
  switch (node.kind) {
    case 'set':
      return { bytes: node.set, sure: false, ...PLAIN };
    case 'sequence':
      return node.items.reduceRight<Walk>((after, item) => plus(walk(item, after, repeated), after), {
        ...next,
        ...PLAIN,
      });
    case 'choice':
      return walkChoice(node.choices, next, repeated);
    case 'group':
      return walk(node.body, next, repeated);
    case 'repeat':
      return node.max === 0 ? { ...next, ...PLAIN } : walkRepeat(node, next, repeated);
    case 'atomic':
    case 'look': {
      const inner = walk(node.body, DONE, repeated);
      const bytes =
        node.kind === 'look' || canBeEmpty(node.body) ? union(inner.bytes, next.bytes) : inner.bytes;
      return { ...inner, bytes, sure: false, scans: inner.scans || isFar(node.body) };
    }
    case 'back':
      return { bytes: ALL, sure: false, ...PLAIN };
    default:
      return { bytes: afterAssertion(node.what, next), sure: false, ...PLAIN };
  }
}

const plus = (item: Walk, after: Walk): Walk => ({
  ...item,
  loops: item.loops + after.loops,
  scans: item.scans || after.scans,
  ways: item.ways * after.ways,
});

function afterAssertion(what: string, next: Next): ByteSet {
  // A byte that is given back to an end is none, but for a last newline.
  if (what === 'end' || what === 'end-or-last-newline') return NONE;
  return what === 'line-end' ? NEWLINE : next.bytes;
}

function walkChoice(choices: readonly Node[], next: Next, repeated: boolean): Walk {
  const walks = choices.map((choice) => walk(choice, next, repeated));
  // Alternatives that begin alike are ways to read the same bytes; inside a loop there is no bound to them.
  const alike = walks.some((a, i) => walks.some((b, k) => k > i && overlap(a.bytes, b.bytes)));
  return {
    bytes: walks.reduce((bytes, one) => union(bytes, one.bytes), NONE),
    sure: walks.some((one) => one.sure),
    loops: Math.max(alike && repeated ? 1 : 0, ...walks.map((one) => one.loops)),
    scans: walks.some((one) => one.scans),
    ways: walks.reduce((ways, one) => (alike ? ways + one.ways : Math.max(ways, one.ways)), 0),
  };
}

function walkRepeat(node: Repeat, next: Next, repeated: boolean): Walk {
  const many = node.max > FEW;
  const bytes = firstBytes(node.body);
  const around: Next = { bytes: union(bytes, next.bytes), sure: next.sure };
  const inner = node.body.kind === 'set' ? undefined : walk(node.body, around, repeated || node.max > 1);
  const givesBack =
    node.min !== node.max && !next.sure && (overlap(bytes, next.bytes) || canBeEmpty(node.body));
  const counts = givesBack && (many || repeated) ? 1 : 0;
  const doubles = node.max > 1 && inner !== undefined && inner.loops > 0;
  return {
    bytes: node.min === 0 || canBeEmpty(node.body) ? around.bytes : bytes,
    sure: next.sure && node.min === 0,
    loops: doubles ? Infinity : counts + (inner?.loops ?? 0),
    scans: many || inner?.scans === true,
    ways: (inner?.ways ?? 1) * (givesBack && !many ? node.max - node.min + 1 : 1),
  };
}

/** The bytes with which a node can begin: each loop around it asks for them. */
function firstBytes(node: Node): ByteSet {
  const known = first.get(node);
  if (known !== undefined) return known;
  const { bytes } = walk(node, DONE, false);
  first.set(node, bytes);
  return bytes;
}

const first = new WeakMap<Node, ByteSet>();

/** Whether a node matches at the first byte of a subject only. */
export function beginsAtStart(node: Node): boolean {
  switch (node.kind) {
    case 'assert':
      return node.what === 'start';
    case 'sequence': {
      const first = node.items.find(
        (item) => !(item.kind === 'look' || item.kind === 'assert') || beginsAtStart(item),
      );
      return first !== undefined && beginsAtStart(first);
    }
    case 'choice':
      return node.choices.every(beginsAtStart);
    case 'group':
    case 'atomic':
      return beginsAtStart(node.body);
    case 'repeat':
      return node.min > 0 && beginsAtStart(node.body);
    default:
      return false;
  }
}

/** Whether a node may read more than a few bytes. */
function isFar(node: Node): boolean {
  return contains(node, (part) => part.kind === 'back' || (part.kind === 'repeat' && part.max > FEW));
}

/** Walks the pattern from left to right; `many` = the place where the node stands may be reached at many bytes of the subject. */
function findsFar(node: Node, many: boolean): { readonly far: boolean; readonly many: boolean } {
  switch (node.kind) {
    case 'sequence': {
      let now = { far: false, many };
      for (const item of node.items) {
        const after = findsFar(item, now.many);
        now = { far: now.far || after.far, many: after.many };
      }
      return now;
    }
    case 'choice': {
      const all = node.choices.map((choice) => findsFar(choice, many));
      return { far: all.some((one) => one.far), many: all.some((one) => one.many) };
    }
    case 'repeat': {
      const loops = node.max > FEW;
      const inner = findsFar(node.body, many || loops);
      return { far: inner.far, many: inner.many || loops };
    }
    case 'group':
      return findsFar(node.body, many);
    case 'look':
    case 'atomic': {
      const reports = node.kind === 'atomic' || contains(node.body, (part) => part.kind === 'group');
      const span = node.kind === 'atomic' && node.body.kind === 'repeat' && node.body.body.kind === 'set';
      return { far: (many && reports && !span && isFar(node.body)) || findsFar(node.body, many).far, many };
    }
    default:
      return { far: false, many };
  }
}
