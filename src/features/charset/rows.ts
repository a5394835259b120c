// Rows of charset: the charset that answers are said to be in, and are brought into (ngx_http_charset_filter_module).
import {
  flag,
  HTTP_AND_IF,
  HTTP_LEVELS,
  mimeTypes,
  type ReadContext,
  type Row,
  setting,
} from '../../config/row.ts';
import type { Word } from '../../config/tree.ts';

/** One `charset_map` block; names as they are written. */
export interface CharsetMap {
  readonly from: string;
  readonly to: string;
  /** Byte of the first, and what it is in the second: one byte, or in utf-8 up to three. */
  readonly pairs: readonly (readonly [byte: number, bytes: readonly number[]])[];
}

declare module '../../config/model.ts' {
  interface Settings {
    /** A name, or one variable; 'off' = none. */
    readonly charset: string;
    /** The same; '' = not said. */
    readonly sourceCharset: string;
    readonly overrideCharset: boolean;
    readonly charsetTypes: readonly string[];
    readonly charsetMaps: readonly CharsetMap[];
  }
}

export const charsetDefaults = {
  charset: 'off',
  sourceCharset: '',
  overrideCharset: false,
  charsetTypes: [
    'text/html',
    'text/xml',
    'text/plain',
    'text/vnd.wap.wml',
    'application/javascript',
    'application/rss+xml',
  ],
  charsetMaps: [],
} as const;

const name = ([word]: readonly Word[], cx: ReadContext): string =>
  word.text.startsWith('$') ? cx.template(word) : word.text;

export const charsetRows: readonly Row[] = [
  setting('charset', {
    name: 'charset',
    contexts: HTTP_AND_IF,
    args: [1, 1],
    syntax: 'charset | off',
    default: 'off',
    doc: 'Adds this charset to Content-Type. Where source_charset or the peer says another one, the answer is converted by charset_map. May be a variable.',
    read: name,
  }),
  setting('sourceCharset', {
    name: 'source_charset',
    contexts: HTTP_AND_IF,
    args: [1, 1],
    syntax: 'charset',
    doc: 'The charset that answers come in where their Content-Type does not say it. May be a variable.',
    read: name,
  }),
  flag('overrideCharset', {
    name: 'override_charset',
    contexts: HTTP_AND_IF,
    default: 'off',
    doc: 'Whether answers of peers are converted that say a charset themselves.',
  }),
  mimeTypes('charsetTypes', {
    name: 'charset_types',
    contexts: HTTP_LEVELS,
    default: charsetDefaults.charsetTypes.join(' '),
    doc: 'Content types that charset concerns, besides text/html; * is all.',
  }),
  {
    kind: 'structure',
    name: 'charset_map',
    contexts: ['http'],
    opens: 'charset_map',
    args: [2, 2],
    syntax: 'charset1 charset2 { … }',
    doc: 'How charset1 becomes charset2 and back. Each line is a byte of the first in hexadecimal and what it is in the second: a byte, or where that is utf-8 up to three. What stands in no line is "?", and from utf-8 its number as &#8364;. In JSON: `"charset_map": { "koi8-r utf-8": { "C0": "D18E" } }`.',
  },
];
