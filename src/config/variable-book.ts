// Which variables a configuration makes and uses while it is being read: each that is used must exist in the end, wherever it is made.
import type { VariableModel, VariableOf } from './model.ts';
import { isNginxVariable, VARIABLE_NOT_YET } from './nginx-names.ts';
import { formatPosition, type Problems } from './problem.ts';
import { isBuiltIn, lookupVariable, variableNames } from './registry.ts';
import type { Position, Word } from './tree.ts';

/** What a block defines, without its name. */
export type Definition = Omit<Exclude<VariableModel, VariableOf<'set'>>, 'name' | 'at'>;

/** Names have no case: all are kept in lower case. */
export class VariableBook {
  readonly #made = new Set<string>();
  /** Made by a named capture, which leaves nothing of what defined the name before. */
  readonly #captured = new Set<string>();
  readonly #defined = new Map<string, VariableModel>();
  readonly #used: { readonly name: string; readonly word: Word }[] = [];

  use(name: string, word: Word): void {
    this.#used.push({ name, word });
  }

  /** How much is used so far, for `backTo`. */
  mark(): number {
    return this.#used.length;
  }

  backTo(mark: number): void {
    this.#used.length = mark;
  }

  /** `set` takes nothing from a definition: until it runs that holds (ngx_http_rewrite_set). */
  set(given: string, at: Position, problems: Problems): void {
    const name = this.#make(given, at, problems);
    if (!this.#defined.has(name) && !this.#captured.has(name)) this.#mark(name, at);
  }

  /** A named capture takes the name for itself: what defined it before is never asked (ngx_http_regex_compile). */
  capture(given: string, at: Position, problems: Problems): void {
    const name = this.#make(given, at, problems);
    const before = this.#defined.get(name);
    if (before !== undefined && before.kind !== 'set')
      problems.warn(at, `the named capture "${name}" takes the place of the ${before.kind} at ${before.at}`);
    this.#captured.add(name);
    this.#defined.delete(name);
    // One of ours may change from here on.
    if (lookupVariable(name) !== undefined) this.#mark(name, at);
  }

  #mark(name: string, at: Position): void {
    const place = formatPosition(at);
    this.#defined.set(name, { kind: 'set', name, at: place, volatile: false, definition: null });
  }

  /** Of several definitions the last one holds; one that is volatile makes it so for good, as in nginx. */
  define(word: Word, read: Definition, problems: Problems): void {
    const given = /^\$([A-Za-z_]\w*)$/.exec(word.text)?.[1];
    if (given === undefined) {
      problems.error(word.at, `"${word.text}" is no variable; write $name`);
      return;
    }
    const name = this.#make(given, word.at, problems);
    const before = this.#defined.get(name);
    if (before !== undefined && before.kind !== 'set')
      problems.warn(word.at, `"$${given}" is defined twice: that at ${before.at} has no effect; remove one`);
    const volatile = read.volatile || before?.volatile === true;
    this.#defined.set(name, { ...read, name, at: formatPosition(word.at), volatile } as VariableModel);
  }

  #make(given: string, at: Position, problems: Problems): string {
    const name = given.toLowerCase();
    this.#made.add(name);
    if (isBuiltIn(name))
      problems.error(at, `"$${given}" is a built-in variable and cannot be set; choose another name`);
    return name;
  }

  models(): VariableModel[] {
    return [...this.#defined.values()];
  }

  check(problems: Problems): void {
    const known = [...variableNames(), ...this.#made];
    for (const { name, word } of this.#used) {
      if (this.#made.has(name.toLowerCase()) || lookupVariable(name) !== undefined) continue;
      if (isNginxVariable(name.toLowerCase())) {
        problems.unsupported(
          word.at,
          `"$${name}" ${VARIABLE_NOT_YET}`,
          `"${name}" variable ${VARIABLE_NOT_YET}`,
        );
        continue;
      }
      const near = problems.nearest(name, known);
      // nginx finds it out when all was read, and names no place.
      const plain = `unknown "${name}" variable`;
      if (near === undefined) problems.tally('error', word.at, `unknown variable "$${name}"`, plain);
      else problems.error(word.at, `unknown variable "$${name}"; did you mean "$${near}"?`, plain);
    }
  }
}
