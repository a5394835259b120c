// A pattern as steps for the matcher with a memory (search.ts).
import { isWord } from './byte-sets.ts';
import {
  type Assertion,
  type ByteSet,
  groupsIn,
  type Look,
  lengthOf,
  type Node,
  type Repeat,
} from './tree.ts';
import { beginsAtStart } from './weigh.ts';

/** What a step does; the numbers behind it in `Program.steps` are named here. */
export const Op = {
  /** One byte of `sets[a]`. */
  SET: 0,
  /** Goes on at `a`, and at `b` where that fails. `c` numbers the branches. */
  SPLIT: 1,
  JUMP: 2,
  /** Slot `a` holds the place: two for each group. */
  SAVE: 3,
  /** An assertion, by its number in ASSERTED. */
  ASSERT: 4,
  /** The steps from `a` to their END match from here (`b` = 1: do not); then on behind, from here. `c` = 1: no group inside. */
  LOOK: 5,
  /** The steps from `a` to their END match; on from where they came to. */
  ATOMIC: 6,
  /** `a` bytes back. */
  BACK: 7,
  /** As many bytes of `sets[a]` as there are; nothing is given back. */
  SPAN: 8,
  END: 9,
} as const;

/** Numbers of a step in `Program.steps`. */
export const STEP = 4;
export const ASSERTED: readonly Assertion[] = [
  'start',
  'end',
  'end-or-last-newline',
  'line-start',
  'line-end',
  'word-edge',
  'no-word-edge',
];
export const WORD: ByteSet = Uint8Array.from({ length: 256 }, (_, byte) => (isWord(byte) ? 1 : 0));

export interface Program {
  readonly steps: Int32Array;
  readonly sets: readonly ByteSet[];
  readonly branches: number;
  readonly groups: number;
  /** Matches at the first byte only. */
  readonly anchored: boolean;
}

/** More steps than this are no pattern that anybody wrote. */
const MOST_STEPS = 20_000;
/** Of these as many may be copies that counts ask for, each of which may be tried at each byte: `{1,255}` of a set is 510. */
const MOST_COPIED = 600;

/** undefined where the pattern would take too many steps. */
export function compileProgram(root: Node, groups: number): Program | undefined {
  const writer = new Writer();
  if (!writer.node(root)) return undefined;
  writer.step(Op.END);
  return {
    steps: Int32Array.from(writer.steps),
    sets: writer.sets,
    branches: writer.branches,
    groups,
    anchored: beginsAtStart(root),
  };
}

class Writer {
  readonly steps: number[] = [];
  readonly sets: ByteSet[] = [];
  branches = 0;
  /** Steps of what is counted. */
  #copied = 0;
  #counted = false;

  /** Adds a step and gives its place. */
  step(op: number, a = 0, b = 0, c = 0): number {
    return this.steps.push(op, a, b, c) / STEP - 1;
  }

  /** false = the program has become too long. */
  node(node: Node): boolean {
    if (this.steps.length > MOST_STEPS * STEP || this.#copied > MOST_COPIED) return false;
    switch (node.kind) {
      case 'set':
        this.step(Op.SET, this.#set(node.set));
        return true;
      case 'sequence':
        return node.items.every((item) => this.node(item));
      case 'choice':
        return this.#choices(node.choices);
      case 'group':
        this.step(Op.SAVE, 2 * node.index);
        if (!this.node(node.body)) return false;
        this.step(Op.SAVE, 2 * node.index + 1);
        return true;
      case 'repeat':
        return this.#counts(node);
      case 'atomic':
        return this.#atomic(node.body);
      case 'look':
        return this.#look(node);
      case 'assert':
        this.step(Op.ASSERT, ASSERTED.indexOf(node.what));
        return true;
      default:
        throw new Error('a reference to a group has no place in a program');
    }
  }

  #set(set: ByteSet): number {
    const known = this.sets.indexOf(set);
    return known >= 0 ? known : this.sets.push(set) - 1;
  }

  #split(): number {
    return this.step(Op.SPLIT, 0, 0, this.branches++);
  }

  /** Where a branch goes first, and where it goes when that fails. */
  #branch(split: number, preferred: number, other: number): void {
    this.steps[split * STEP + 1] = preferred;
    this.steps[split * STEP + 2] = other;
  }

  #here(): number {
    return this.steps.length / STEP;
  }

  #choices(choices: readonly Node[]): boolean {
    const jumps: number[] = [];
    for (const choice of choices.slice(0, -1)) {
      const split = this.#split();
      if (!this.node(choice)) return false;
      jumps.push(this.step(Op.JUMP));
      this.#branch(split, split + 1, this.#here());
    }
    if (!this.node(choices[choices.length - 1])) return false;
    for (const jump of jumps) this.steps[jump * STEP + 1] = this.#here();
    return true;
  }

  /** Notes how much of the program is there because something is counted; of counts inside counts the outer one notes it. */
  #counts(node: Repeat): boolean {
    const copies = node.max === Infinity ? node.min : node.max;
    if (copies <= 1 || this.#counted) return this.#repeat(node);
    const before = this.#here();
    this.#counted = true;
    const written = this.#repeat(node);
    this.#counted = false;
    this.#copied += this.#here() - before;
    return written && this.#copied <= MOST_COPIED;
  }

  #repeat({ body, min, max, greedy }: Repeat): boolean {
    for (let i = 0; i < min; i++) if (!this.node(body)) return false;
    const optional = (split: number, end: number) =>
      greedy ? this.#branch(split, split + 1, end) : this.#branch(split, end, split + 1);
    if (max === Infinity) {
      const split = this.#split();
      if (!this.node(body)) return false;
      this.step(Op.JUMP, split);
      optional(split, this.#here());
      return true;
    }
    const splits: number[] = [];
    for (let i = min; i < max; i++) {
      splits.push(this.#split());
      if (!this.node(body)) return false;
    }
    for (const split of splits) optional(split, this.#here());
    return true;
  }

  #atomic(body: Node): boolean {
    if (body.kind === 'repeat' && body.body.kind === 'set' && body.max === Infinity && body.greedy) {
      const set = this.#set(body.body.set);
      for (let i = 0; i < body.min; i++) this.step(Op.SET, set);
      this.#copied += body.min;
      this.step(Op.SPAN, set);
      return true;
    }
    return this.#inner(this.step(Op.ATOMIC), () => this.node(body));
  }

  #look(node: Look): boolean {
    const plain = groupsIn(node.body).length === 0 ? 1 : 0;
    return this.#inner(this.step(Op.LOOK, 0, node.negative ? 1 : 0, plain), () => {
      if (node.ahead) return this.node(node.body);
      const choices = node.body.kind === 'choice' ? node.body.choices : [node.body];
      return this.#behind(choices);
    });
  }

  /** Each alternative of a look-behind begins as many bytes back as it matches. */
  #behind(choices: readonly Node[]): boolean {
    const jumps: number[] = [];
    for (const [i, choice] of choices.entries()) {
      const split = i < choices.length - 1 ? this.#split() : -1;
      this.step(Op.BACK, lengthOf(choice));
      if (!this.node(choice)) return false;
      jumps.push(this.step(Op.JUMP));
      if (split >= 0) this.#branch(split, split + 1, this.#here());
    }
    for (const jump of jumps) this.steps[jump * STEP + 1] = this.#here();
    return true;
  }

  /** Steps of their own behind `outer`, which the main road passes by. */
  #inner(outer: number, write: () => boolean): boolean {
    const around = this.step(Op.JUMP);
    this.steps[outer * STEP + 1] = this.#here();
    if (!write()) return false;
    this.step(Op.END);
    this.steps[around * STEP + 1] = this.#here();
    return true;
  }
}
