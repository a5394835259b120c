// Whether an answer's Content-Type is among those that a filter works on (ngx_http_test_content_type).
import type { AnswerHead } from '../../http/answer-head.ts';

export class TypeSet {
  readonly #types: ReadonlySet<string>;
  readonly #all: boolean;

  /** In lower case. */
  constructor(types: readonly string[]) {
    this.#types = new Set(types);
    this.#all = this.#types.has('*');
  }

  has(head: AnswerHead): boolean {
    if (this.#all) return true;
    const type = head.get('content-type');
    return type !== undefined && type !== '' && this.#types.has(bare(type).toLowerCase());
  }
}

/** nginx takes a charset for no part of the type; other parameters are one. */
function bare(type: string): string {
  const at = type.search(CHARSET);
  return at < 0 ? type : type.slice(0, at);
}

const CHARSET = /; *charset=/i;
