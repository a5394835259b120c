// Rows of gzip, gunzip and gzip_static (ngx_http_gzip_filter, gunzip_filter and gzip_static modules, and the core's own gzip_…).
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
  setting,
  size,
} from '../../config/row.ts';
import type { Word } from '../../config/tree.ts';
import { parseSize } from '../../config/units.ts';

/** When a request that came through a proxy (Via) gets a compressed answer. */
export const GZIP_PROXIED = [
  'off',
  'expired',
  'no-cache',
  'no-store',
  'private',
  'no_last_modified',
  'no_etag',
  'auth',
  'any',
] as const;
export type GzipProxied = (typeof GZIP_PROXIED)[number];

/** `always`: whether or not the client takes it. */
export const STATIC_MODES = ['on', 'off', 'always'] as const;
export type StaticMode = (typeof STATIC_MODES)[number];

declare module '../../config/model.ts' {
  interface Settings {
    readonly gzip: boolean;
    /** In lower case; `*` = all. */
    readonly gzipTypes: readonly string[];
    readonly gzipMinLength: number;
    readonly gzipCompLevel: number;
    /** Bits of zlib's window. */
    readonly gzipWindow: number;
    /** zlib's memLevel. */
    readonly gzipHash: number;
    readonly gzipVary: boolean;
    readonly gzipProxied: readonly GzipProxied[];
    /** Patterns for User-Agent; `msie6` is one of its own. */
    readonly gzipDisable: readonly string[];
    readonly gzipHttpVersion: '1.0' | '1.1';
    readonly gunzip: boolean;
    readonly gzipStatic: StaticMode;
  }
}

export const gzipDefaults = {
  gzip: false,
  gzipTypes: ['text/html'],
  gzipMinLength: 20,
  gzipCompLevel: 1,
  gzipWindow: 15,
  gzipHash: 8,
  gzipVary: false,
  gzipProxied: ['off'],
  gzipDisable: [],
  gzipHttpVersion: '1.1',
  gunzip: false,
  gzipStatic: 'off',
} as const;

const BOUNDED = 'compression works in pieces of bounded size';

export const gzipRows: readonly Row[] = [
  flag('gzip', {
    name: 'gzip',
    contexts: HTTP_AND_IF,
    default: 'off',
    doc: 'Compresses answers with status 200, 403 and 404 for clients that take gzip.',
  }),
  mimeTypes('gzipTypes', {
    name: 'gzip_types',
    contexts: HTTP_LEVELS,
    default: 'text/html',
    doc: 'Content types that are compressed besides text/html, which always is; * takes all.',
  }),
  size('gzipMinLength', {
    name: 'gzip_min_length',
    contexts: HTTP_LEVELS,
    default: '20',
    doc: 'Shorter answers are not compressed; only Content-Length tells.',
  }),
  count('gzipCompLevel', {
    name: 'gzip_comp_level',
    contexts: HTTP_LEVELS,
    min: 1,
    max: 9,
    default: '1',
    doc: 'From 1, fast, to 9, small.',
  }),
  setting('gzipWindow', {
    name: 'gzip_window',
    contexts: HTTP_LEVELS,
    args: [1, 1],
    syntax: '512 | 1k | 2k | 4k | 8k | 16k | 32k',
    default: '32k',
    doc: 'How far back zlib looks for what repeats.',
    read: (words, cx) => readPower(words[0], cx, { least: 512, most: 32_768, first: 9 }),
  }),
  setting('gzipHash', {
    name: 'gzip_hash',
    contexts: HTTP_LEVELS,
    args: [1, 1],
    syntax: '512 | 1k | 2k | 4k | 8k | 16k | 32k | 64k | 128k',
    default: '64k',
    doc: 'Memory that zlib finds it with.',
    read: (words, cx) => readPower(words[0], cx, { least: 512, most: 131_072, first: 1 }),
  }),
  flag('gzipVary', {
    name: 'gzip_vary',
    contexts: HTTP_LEVELS,
    default: 'off',
    doc: 'Adds Vary: Accept-Encoding to answers that other clients would get in another coding.',
  }),
  setting('gzipProxied', {
    name: 'gzip_proxied',
    contexts: HTTP_LEVELS,
    args: [1, GZIP_PROXIED.length * 2],
    syntax: GZIP_PROXIED.join(' | '),
    repeat: 'union',
    default: 'off',
    doc: 'When answers to proxies (requests with Via) are compressed.',
    read: readProxied,
  }),
  setting('gzipDisable', {
    name: 'gzip_disable',
    contexts: HTTP_LEVELS,
    args: [1, 1000],
    syntax: 'pattern …',
    repeat: 'union',
    doc: 'Clients whose User-Agent matches one of the patterns get nothing compressed; msie6 stands for old Internet Explorers.',
    read: readDisable,
  }),
  choice('gzipHttpVersion', ['1.0', '1.1'], {
    name: 'gzip_http_version',
    contexts: HTTP_LEVELS,
    default: '1.1',
    doc: 'Least version of HTTP of a client that gets compressed answers.',
  }),
  flag('gunzip', {
    name: 'gunzip',
    contexts: HTTP_LEVELS,
    default: 'off',
    doc: 'Decompresses answers for clients that do not take gzip.',
  }),
  choice('gzipStatic', STATIC_MODES, {
    name: 'gzip_static',
    contexts: HTTP_LEVELS,
    default: 'off',
    doc: 'Sends the file with .gz behind its name, where there is one, to clients that take gzip; always: to all.',
  }),
  ignored('gzip_buffers', HTTP_LEVELS, BOUNDED, { args: [2, 2] }),
  ignored('gunzip_buffers', HTTP_LEVELS, BOUNDED, { args: [2, 2] }),
  ignored('postpone_gzipping', HTTP_LEVELS, BOUNDED, { args: [1, 1] }),
  ignored('gzip_no_buffer', HTTP_LEVELS, BOUNDED, { args: [1, 1] }),
];

/** The exponent of a power of two that zlib knows by number. */
function readPower(
  word: Word,
  cx: ReadContext,
  { least, most, first }: { readonly least: number; readonly most: number; readonly first: number },
): number | undefined {
  const bytes = parseSize(word.text);
  const power = bytes === undefined ? -1 : Math.log2(bytes / least);
  if (bytes !== undefined && bytes <= most && Number.isInteger(power) && power >= 0) return first + power;
  const sizes = `a power of two from ${least} to ${most / 1024}k`;
  return cx.problems.error(word.at, `"${cx.directive.name}": "${word.text}" is not ${sizes}`);
}

function readProxied(words: readonly Word[], cx: ReadContext): readonly GzipProxied[] | undefined {
  const taken = new Set<GzipProxied>();
  for (const word of words) {
    const known = GZIP_PROXIED.find((one) => one === word.text.toLowerCase());
    if (known === undefined) {
      const what = `"gzip_proxied": "${word.text}" is not one of ${GZIP_PROXIED.join(', ')}`;
      return cx.problems.error(word.at, what);
    }
    if (taken.has(known)) cx.problems.warn(word.at, `"${known}" stands twice; remove one`);
    taken.add(known);
  }
  return [...taken];
}

function readDisable(words: readonly Word[], cx: ReadContext): readonly string[] | undefined {
  for (const word of words) {
    if (word.text !== 'msie6' && !cx.pattern(word, word.text, true)) return undefined;
  }
  return words.map((word) => word.text);
}
