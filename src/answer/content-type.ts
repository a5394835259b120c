// The media type of an answer and its charset, cut as nginx cuts them, and the lists of types that filters work on.
import type { AnswerHead } from '../http/answer-head.ts';

export interface ContentType {
  /** Without its charset, which is the rest of it. */
  readonly type: string;
  /** Without quotes; '' = none. */
  readonly charset: string;
}

const CHARSET = /; *charset="?/i;

/** ngx_http_upstream_copy_content_type: only a peer's type is cut, what is configured here stands as it is. */
export function splitType(head: AnswerHead, value: string): ContentType {
  const m = head.cutsType ? CHARSET.exec(value) : null;
  if (m === null) return { type: value, charset: '' };
  const end = value.endsWith('"') ? value.length - 1 : value.length;
  return { type: value.slice(0, m.index), charset: value.slice(m.index + m[0].length, end) };
}

/** The media types that a filter works on (ngx_http_test_content_type). */
export class TypeSet {
  readonly #types: ReadonlySet<string>;
  readonly #all: boolean;

  /** As `mimeTypes` (config/row.ts) reads them: in lower case; `*` stands for all, and for answers without a type. */
  constructor(types: readonly string[]) {
    this.#types = new Set(types);
    this.#all = this.#types.has('*');
  }

  has(head: AnswerHead): boolean {
    if (this.#all) return true;
    const type =
      head.mediaType === '' ? splitType(head, head.get('content-type') ?? '').type : head.mediaType;
    return type !== '' && this.#types.has(type.toLowerCase());
  }
}
