// Which answers a filter is for: nginx's …_types directives name their types beside text/html, `*` all.
import type { AnswerHead } from '../http/answer-head.ts';

export class MimeTypeSet {
  readonly #types: ReadonlySet<string>;
  readonly #all: boolean;

  /** In lower case. */
  constructor(types: readonly string[]) {
    this.#types = new Set(['text/html', ...types]);
    this.#all = this.#types.has('*');
  }

  /** By its type, whatever parameters that has. */
  has(head: AnswerHead): boolean {
    if (this.#all) return true;
    const type = head.get('content-type');
    return type !== undefined && this.#types.has(type.replace(/ *;.*$/s, '').toLowerCase());
  }
}
