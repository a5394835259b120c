// The rows of nginx's addition module: answers of subrequests before and behind the body.
import { HTTP_LEVELS, mimeTypes, type Row, setting } from '../../config/row.ts';

declare module '../../config/model.ts' {
  interface Settings {
    /** URIs as they stand; '' = none. */
    readonly addBeforeBody: string;
    readonly addAfterBody: string;
    /** In lower case; `*` = all. */
    readonly additionTypes: readonly string[];
  }
}

export const additionDefaults = {
  addBeforeBody: '',
  addAfterBody: '',
  additionTypes: ['text/html'],
} as const;

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
  mimeTypes('additionTypes', {
    name: 'addition_types',
    contexts: HTTP_LEVELS,
    default: 'text/html',
    doc: 'The types of answers, beside text/html, that add_before_body and add_after_body add to; `*` = all.',
  }),
];
