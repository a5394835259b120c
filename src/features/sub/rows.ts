// Rows of sub_filter: texts of an answer that become others (ngx_http_sub_filter_module).
import { flag, HTTP_LEVELS, list, mimeTypes, type ReadContext, type Row } from '../../config/row.ts';
import type { Word } from '../../config/tree.ts';

/** One sub_filter. */
export interface SubEntry {
  /** What is looked for, without regard to the case of ASCII letters. Template. */
  readonly match: string;
  /** What takes its place. Template. */
  readonly value: string;
}

declare module '../../config/model.ts' {
  interface Settings {
    readonly subFilters: readonly SubEntry[];
    readonly subFilterTypes: readonly string[];
    readonly subFilterOnce: boolean;
    readonly subFilterLastModified: boolean;
  }
}

export const subDefaults = {
  subFilters: [],
  subFilterTypes: ['text/html'],
  subFilterOnce: true,
  subFilterLastModified: false,
} as const;

export const subRows: readonly Row[] = [
  list('subFilters', {
    name: 'sub_filter',
    contexts: HTTP_LEVELS,
    args: [2, 2],
    syntax: 'string replacement',
    doc: 'Replaces a string in answers, whatever the case of its letters. Of several the first that matches at a place holds. A level that has any inherits none.',
    read: readSub,
  }),
  mimeTypes('subFilterTypes', {
    name: 'sub_filter_types',
    contexts: HTTP_LEVELS,
    default: 'text/html',
    doc: 'Content types in which sub_filter replaces, besides text/html; * is all.',
  }),
  flag('subFilterOnce', {
    name: 'sub_filter_once',
    contexts: HTTP_LEVELS,
    default: 'on',
    doc: 'Whether each string is replaced only where it comes first.',
  }),
  flag('subFilterLastModified', {
    name: 'sub_filter_last_modified',
    contexts: HTTP_LEVELS,
    default: 'off',
    doc: 'Keeps Last-Modified, and the ETag as a weak one, where sub_filter replaces.',
  }),
];

/** nginx numbers them in one byte. */
export const MAX_STRINGS = 255;

function readSub([match, value]: readonly Word[], cx: ReadContext): SubEntry | undefined {
  if (match.text === '') return cx.problems.error(match.at, '"sub_filter": empty search pattern');
  return { match: cx.template(match), value: cx.template(value) };
}
