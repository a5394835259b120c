// Rows of brotli and zstd, under the names that the well-known modules for nginx use (ngx_brotli, zstd-nginx-module): one maker for both.
import {
  choice,
  count,
  flag,
  HTTP_AND_IF,
  HTTP_LEVELS,
  ignored,
  mimeTypes,
  type ReadContext,
  type Row,
  type SettingRow,
  setting,
  size,
} from '../../config/row.ts';
import type { Word } from '../../config/tree.ts';
import { parseSize } from '../../config/units.ts';
import { STATIC_MODES, type StaticMode } from '../gzip/rows.ts';

export type Coding = 'brotli' | 'zstd';

type SettingsOf<C extends Coding> = {
  readonly [K in C]: boolean;
} & {
  /** In lower case; `*` = all. */
  readonly [K in `${C}Types`]: readonly string[];
} & {
  readonly [K in `${C}MinLength` | `${C}CompLevel`]: number;
} & {
  readonly [K in `${C}Static`]: StaticMode;
};

interface BrotliWindow {
  /** Bits of the window. */
  readonly brotliWindow: number;
}

declare module '../../config/model.ts' {
  interface Settings extends SettingsOf<'brotli'>, SettingsOf<'zstd'>, BrotliWindow {}
}

export const brotliDefaults = {
  brotli: false,
  brotliTypes: ['text/html'],
  brotliMinLength: 20,
  brotliCompLevel: 6,
  brotliStatic: 'off',
  brotliWindow: 19,
  zstd: false,
  zstdTypes: ['text/html'],
  zstdMinLength: 20,
  zstdCompLevel: 1,
  zstdStatic: 'off',
} as const;

interface Particulars {
  readonly suffix: string;
  readonly token: string;
  readonly levels: { readonly min: number; readonly max: number; readonly default: string };
}

const PARTICULARS: Readonly<Record<Coding, Particulars>> = {
  brotli: { suffix: '.br', token: 'br', levels: { min: 0, max: 11, default: '6' } },
  zstd: { suffix: '.zst', token: 'zstd', levels: { min: 1, max: 22, default: '1' } },
};

export const brotliRows: readonly Row[] = [
  ...rowsOf('brotli'),
  setting('brotliWindow', {
    name: 'brotli_window',
    contexts: HTTP_LEVELS,
    args: [1, 1],
    syntax: '1k | 2k | 4k | … | 16m',
    default: '512k',
    doc: 'How far back brotli looks for what repeats: a power of two.',
    read: readWindow,
  }),
  ...rowsOf('zstd'),
];

function rowsOf(coding: Coding): readonly Row[] {
  const { suffix, token, levels } = PARTICULARS[coding];
  const { default: level, ...range } = levels;
  return [
    switchOf(coding, token),
    mimeTypes(`${coding}Types`, {
      name: `${coding}_types`,
      contexts: HTTP_LEVELS,
      default: 'text/html',
      doc: 'Content types that are compressed besides text/html, which always is; * takes all.',
    }),
    size(`${coding}MinLength`, {
      name: `${coding}_min_length`,
      contexts: HTTP_LEVELS,
      default: '20',
      doc: 'Shorter answers are not compressed; only Content-Length tells.',
    }),
    count(`${coding}CompLevel`, {
      name: `${coding}_comp_level`,
      contexts: HTTP_LEVELS,
      ...range,
      default: level,
      doc: `From ${range.min}, fast, to ${range.max}, small.`,
    }),
    choice(`${coding}Static`, STATIC_MODES, {
      name: `${coding}_static`,
      contexts: HTTP_LEVELS,
      default: 'off',
      doc: `Sends the file with ${suffix} behind its name, where there is one, to clients that take ${token}; always: to all.`,
    }),
    ignored(`${coding}_buffers`, HTTP_LEVELS, 'compression works in pieces of bounded size', {
      args: [2, 2],
    }),
  ];
}

function switchOf(coding: Coding, token: string): SettingRow {
  const row = flag(coding, {
    name: coding,
    contexts: HTTP_AND_IF,
    default: 'off',
    doc: `Compresses answers with status 200, 403 and 404 for clients that take ${token}, before gzip is asked. A directive of its own module in nginx.`,
  });
  if (coding === 'brotli') return row;
  return {
    ...row,
    doc: `${row.doc} Needs Node 22.15 or newer.`,
    read: (words, cx) => {
      const on = row.read(words, cx);
      if (on !== true || Object.hasOwn(process.versions, 'zstd')) return on;
      const what = `"zstd": this Node (${process.version}) has no zstd; run Node 22.15 or newer, or remove it`;
      return cx.problems.error(words[0].at, what);
    },
  };
}

function readWindow(words: readonly Word[], cx: ReadContext): number | undefined {
  const [{ text, at }] = words;
  const bits = Math.log2(parseSize(text) ?? 0);
  if (Number.isInteger(bits) && bits >= 10 && bits <= 24) return bits;
  return cx.problems.error(at, `"brotli_window": "${text}" is not a power of two from 1k to 16m`);
}
