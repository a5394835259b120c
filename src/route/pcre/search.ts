// A backtracking matcher that remembers: no branch of the program is tried twice at one byte, so that the cost is at most steps ×
// length, whatever the pattern and the subject. It gives what PCRE gives, as alternatives are tried in PCRE's order.
import { ASSERTED, Op, type Program, STEP, WORD } from './program.ts';

const FAILED = 1;
const SUCCEEDED = 2;
const NOWHERE = -1;

/** What the searches of a process share: one runs at a time. */
let memory = new Uint8Array(1 << 16);
let stack = new Int32Array(1 << 12);
let slots = new Int32Array(64);

/** More than this is not kept from one search to the next: a pattern of large counts needs its thousand times the subject once. */
const MOST_KEPT = 1 << 22;

/** As RegExp.exec: whole match and groups of the first match, or null. `text` holds bytes, one a character. */
export function search(program: Program, text: string): (string | undefined)[] | null {
  const found = new Search(program, text).find();
  if (memory.length > MOST_KEPT) memory = new Uint8Array(1 << 16);
  if (stack.length > MOST_KEPT) stack = new Int32Array(1 << 12);
  return found;
}

class Search {
  readonly #program: Program;
  readonly #text: string;
  /** Entries of the stack: a branch to try (step, place, length of the trail) or what a slot held (~slot, place, 0). */
  #top = 0;
  /** Cells of the memory on the way to where the matcher is, kept only inside a look or an atomic group. */
  readonly #trail: number[] = [];
  #inside = 0;
  /** Of each span, by its step: where it ends from each place, plus 1; 0 = not known yet. */
  #spans: Map<number, Int32Array> | undefined;

  constructor(program: Program, text: string) {
    this.#program = program;
    this.#text = text;
    const cells = program.branches * (text.length + 1);
    if (memory.length < cells) memory = new Uint8Array(cells > MOST_KEPT ? cells : cells * 2);
    else memory.fill(0, 0, cells);
    const needed = 2 * program.groups + 2;
    if (slots.length < needed) slots = new Int32Array(needed * 2);
    slots.fill(NOWHERE, 0, needed);
  }

  find(): (string | undefined)[] | null {
    const last = this.#program.anchored ? 0 : this.#text.length;
    for (let start = 0; start <= last; start++) {
      const end = this.#run(0, start);
      if (end >= 0) return this.#captures(start, end);
    }
    return null;
  }

  #captures(start: number, end: number): (string | undefined)[] {
    const found: (string | undefined)[] = [this.#text.slice(start, end)];
    for (let group = 1; group <= this.#program.groups; group++) {
      const [from, to] = [slots[2 * group], slots[2 * group + 1]];
      found.push(to < 0 || from < 0 ? undefined : this.#text.slice(from, to));
    }
    return found;
  }

  /** Matches from one place on; gives where the match ends, or NOWHERE. */
  #run(first: number, from: number): number {
    const { steps, sets } = this.#program;
    const text = this.#text;
    const base = this.#top;
    let step = first;
    let place = from;
    for (;;) {
      const at = step * STEP;
      let goesOn = true;
      switch (steps[at]) {
        case Op.SET:
          goesOn = place < text.length && sets[steps[at + 1]][text.charCodeAt(place)] === 1;
          place++;
          break;
        case Op.SPLIT: {
          const cell = steps[at + 3] * (text.length + 1) + place;
          if (memory[cell] === SUCCEEDED) return place;
          goesOn = memory[cell] !== FAILED;
          if (!goesOn) break;
          this.#remember(cell);
          this.#push(steps[at + 2], place, this.#trail.length);
          step = steps[at + 1];
          continue;
        }
        case Op.JUMP:
          step = steps[at + 1];
          continue;
        case Op.SAVE:
          this.#push(~steps[at + 1], slots[steps[at + 1]], 0);
          slots[steps[at + 1]] = place;
          break;
        case Op.ASSERT:
          goesOn = holds(steps[at + 1], text, place);
          break;
        case Op.LOOK:
          goesOn = this.#look(at, place);
          break;
        case Op.ATOMIC:
          place = this.#apart(steps[at + 1], place, 0, false);
          goesOn = place >= 0;
          break;
        case Op.BACK:
          place -= steps[at + 1];
          goesOn = place >= 0;
          break;
        case Op.SPAN:
          place = this.#spanFrom(at, place);
          break;
        default:
          return place;
      }
      if (goesOn) {
        step++;
        continue;
      }
      if (!this.#goBack(base)) return NOWHERE;
      step = stack[this.#top];
      place = stack[this.#top + 1];
    }
  }

  /** Each byte is looked at once for each span, however often the matcher comes by. */
  #spanFrom(at: number, place: number): number {
    this.#spans ??= new Map();
    const ends = this.#spans.get(at) ?? new Int32Array(this.#text.length + 1);
    this.#spans.set(at, ends);
    const set = this.#program.sets[this.#program.steps[at + 1]];
    let end = place;
    while (ends[end] === 0 && end < this.#text.length && set[this.#text.charCodeAt(end)] === 1) end++;
    const to = ends[end] === 0 ? end : ends[end] - 1;
    for (let i = place; i < end; i++) ends[i] = to + 1;
    return to;
  }

  #remember(cell: number): void {
    // Until a way from here succeeds.
    memory[cell] = FAILED;
    if (this.#inside > 0) this.#trail.push(cell);
  }

  #push(what: number, place: number, trail: number): void {
    if (this.#top + 3 > stack.length) {
      const wider = new Int32Array(stack.length * 2);
      wider.set(stack);
      stack = wider;
    }
    stack[this.#top++] = what;
    stack[this.#top++] = place;
    stack[this.#top++] = trail;
  }

  /** Back to the last branch above `base`, whose entry then stands just above the top; false where there is none. */
  #goBack(base: number): boolean {
    while (this.#top > base) {
      this.#top -= 3;
      if (stack[this.#top] < 0) {
        slots[~stack[this.#top]] = stack[this.#top + 1];
      } else {
        if (this.#inside > 0) this.#trail.length = stack[this.#top + 2];
        return true;
      }
    }
    return false;
  }

  #look(at: number, place: number): boolean {
    const { steps } = this.#program;
    const negative = steps[at + 2] === 1;
    const found = this.#apart(steps[at + 1], place, steps[at + 3] === 1 ? SUCCEEDED : 0, negative) >= 0;
    return found !== negative;
  }

  /**
   * Runs steps whose success is final. The cells on the way to it are `mark`ed: they have not failed. What groups held before is
   * kept on the stack for who goes back behind this, or put back at once (`undo`).
   */
  #apart(first: number, place: number, mark: number, undo: boolean): number {
    const base = this.#top;
    const trail = this.#trail.length;
    this.#inside++;
    const end = this.#run(first, place);
    this.#inside--;
    if (end !== NOWHERE) {
      for (let i = trail; i < this.#trail.length; i++) memory[this.#trail[i]] = mark;
      if (undo) {
        while (this.#goBack(base));
      } else this.#dropBranches(base);
    }
    this.#trail.length = trail;
    return end;
  }

  #dropBranches(base: number): void {
    let kept = base;
    for (let entry = base; entry < this.#top; entry += 3) {
      if (stack[entry] >= 0) continue;
      stack.copyWithin(kept, entry, entry + 3);
      kept += 3;
    }
    this.#top = kept;
  }
}

function holds(assertion: number, text: string, place: number): boolean {
  const { length } = text;
  switch (ASSERTED[assertion]) {
    case 'start':
      return place === 0;
    case 'end':
      return place === length;
    case 'end-or-last-newline':
      return place === length || (place === length - 1 && text.charCodeAt(place) === 0x0a);
    case 'line-start':
      return place === 0 || (place < length && text.charCodeAt(place - 1) === 0x0a);
    case 'line-end':
      return place === length || text.charCodeAt(place) === 0x0a;
    case 'word-edge':
      return isWordAt(text, place - 1) !== isWordAt(text, place);
    default:
      return isWordAt(text, place - 1) === isWordAt(text, place);
  }
}

const isWordAt = (text: string, place: number) =>
  place >= 0 && place < text.length && WORD[text.charCodeAt(place)] === 1;
