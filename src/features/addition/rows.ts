// The rows of nginx's addition module: answers of subrequests before and behind the body.
import { HTTP_LEVELS, type Row, setting } from '../../config/row.ts';

declare module '../../config/model.ts' {
  interface Settings {
    /** URIs as they stand; '' = none. */
    readonly addBeforeBody: string;
    readonly addAfterBody: string;
    /** In lower case, beside text/html; `*` = all. */
    readonly additionTypes: readonly string[];
  }
}

export const additionDefaults = { addBeforeBody: '', addAfterBody: '', additionTypes: [] } as const;

export const additionRows: readonly Row[] = [
  setting('addBeforeBody', {
    name: 'add_before_body',
    contexts: HTTP_LEVELS,
    args: [1, 1],
    syntax: 'uri',
    doc: 'Puts the answer of this URI of the same server before the body of a 200 of one of addition_types; "" = nothing.',
    read: ([word]) => word.text,
  }),
  setting('addAfterBody', {
    name: 'add_after_body',
    contexts: HTTP_LEVELS,
    args: [1, 1],
    syntax: 'uri',
    doc: 'Puts the answer of this URI of the same server behind the body of a 200 of one of addition_types; "" = nothing.',
    read: ([word]) => word.text,
  }),
  setting('additionTypes', {
    name: 'addition_types',
    contexts: HTTP_LEVELS,
    args: [1, 256],
    syntax: 'mime-type …',
    default: 'text/html',
    repeat: 'union',
    doc: 'The types of answers, beside text/html, that add_before_body and add_after_body add to; `*` = all.',
    read: (words) => words.map((word) => word.text.toLowerCase()),
  }),
];
