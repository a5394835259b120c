// Rows of storing what peers answer, for each family of peers: as a cache, or as files of a site (store).
import {
  count,
  flag,
  HTTP_LEVELS,
  list,
  type ReadContext,
  type Row,
  setting,
  time,
} from '../../config/row.ts';
import type { Word } from '../../config/tree.ts';
import { parseCount, parseSize, parseTime } from '../../config/units.ts';
import { type CachePathEntry, cachePathRow } from './path/rows.ts';

export interface CacheValidEntry {
  /** 0 = any. */
  readonly statuses: readonly number[];
  readonly ms: number;
}

export const STALE_WORDS = [
  'error',
  'timeout',
  'invalid_header',
  'updating',
  'http_500',
  'http_502',
  'http_503',
  'http_504',
  'http_403',
  'http_404',
  'http_429',
  'off',
] as const;
export type StaleWord = (typeof STALE_WORDS)[number];

/** What each family has, without its name. */
export interface CacheKeys {
  readonly CachePath: readonly CachePathEntry[];
  /** Template of a cache's name; 'off' or '' = none. */
  readonly Cache: { readonly zone: string; readonly at: string } | null;
  /** Template; null = the usual one. */
  readonly CacheKey: string | null;
  readonly CacheValid: readonly CacheValidEntry[];
  /** Templates: any that is neither empty nor 0 holds. */
  readonly CacheBypass: readonly (readonly string[])[];
  readonly NoCache: readonly (readonly string[])[];
  readonly CacheUseStale: readonly StaleWord[];
  readonly CacheMethods: readonly string[];
  readonly CacheMinUses: number;
  readonly CacheLock: boolean;
  readonly CacheLockTimeoutMs: number;
  readonly CacheLockAgeMs: number;
  readonly CacheRevalidate: boolean;
  readonly CacheBackgroundUpdate: boolean;
  readonly CacheConvertHead: boolean;
  /** -1 = no bound. */
  readonly CacheMaxRangeOffset: number;
  /** Template of a path; 'on' = the one of the location's files, '' = none. */
  readonly Store: string;
  /** Mode of the files. */
  readonly StoreAccess: number;
}

export const CACHE_DEFAULTS: CacheKeys = {
  CachePath: [],
  Cache: null,
  CacheKey: null,
  CacheValid: [],
  CacheBypass: [],
  NoCache: [],
  CacheUseStale: [],
  CacheMethods: [],
  CacheMinUses: 1,
  CacheLock: false,
  CacheLockTimeoutMs: 5000,
  CacheLockAgeMs: 5000,
  CacheRevalidate: false,
  CacheBackgroundUpdate: false,
  CacheConvertHead: true,
  CacheMaxRangeOffset: -1,
  Store: '',
  StoreAccess: 0o600,
};

/** All families have the same keys behind their names. */
function keyOf<K extends keyof CacheKeys>(family: string, key: K): `proxy${K}` {
  return `${family}${key}` as `proxy${K}`;
}

export function cacheRows(family: string): readonly Row[] {
  return [
    ...placeRows(family),
    ...choiceRows(family),
    ...staleRows(family),
    ...lockRows(family),
    ...storeRows(family),
  ];
}

function placeRows(family: string): readonly Row[] {
  return [
    cachePathRow(family),
    setting(keyOf(family, 'Cache'), {
      name: `${family}_cache`,
      contexts: HTTP_LEVELS,
      args: [1, 1],
      syntax: 'name | off',
      default: 'off',
      doc: `The cache for what peers answer; variables are possible.`,
      read: ([word], cx) => {
        if (word.text === 'off') return null;
        return { zone: cx.template(word), at: `${word.at.file}:${word.at.line}:${word.at.column}` };
      },
    }),
    setting(keyOf(family, 'CacheKey'), {
      name: `${family}_cache_key`,
      contexts: HTTP_LEVELS,
      args: [1, 1],
      syntax: 'text',
      doc: 'What answers are stored by.',
      read: ([word], cx) => cx.template(word),
    }),
    list(keyOf(family, 'CacheValid'), {
      name: `${family}_cache_valid`,
      contexts: HTTP_LEVELS,
      args: [1, 100],
      syntax: '[status … | any] time',
      doc: 'How long answers hold whose own fields do not say it; without a status those with 200, 301 and 302.',
      read: readValid,
    }),
  ];
}

function choiceRows(family: string): readonly Row[] {
  const templates = (words: readonly Word[], cx: ReadContext): readonly string[] =>
    words.map((word) => cx.template(word));
  const common = { contexts: HTTP_LEVELS, args: [1, 100], syntax: 'text …' } as const;
  return [
    list(keyOf(family, 'CacheBypass'), {
      ...common,
      name: `${family}_cache_bypass`,
      doc: 'Asks the peer and not the cache where one of these is neither empty nor 0.',
      read: templates,
    }),
    list(keyOf(family, 'NoCache'), {
      ...common,
      name: `${family}_no_cache`,
      doc: 'Stores nothing where one of these is neither empty nor 0.',
      read: templates,
    }),
    setting(keyOf(family, 'CacheMethods'), {
      name: `${family}_cache_methods`,
      contexts: HTTP_LEVELS,
      args: [1, 3],
      syntax: 'GET | HEAD | POST …',
      repeat: 'union',
      default: 'GET HEAD',
      doc: 'Methods whose answers are stored; GET and HEAD always are.',
      read: (words, cx) => {
        const bad = words.find(({ text }) => !/^(?:GET|HEAD|POST)$/.test(text));
        if (bad === undefined) return words.map(({ text }) => text);
        return cx.problems.error(bad.at, `invalid value "${bad.text}"; there are GET, HEAD and POST`);
      },
    }),
    count(keyOf(family, 'CacheMinUses'), {
      name: `${family}_cache_min_uses`,
      contexts: HTTP_LEVELS,
      default: '1',
      doc: 'After how many requests an answer is stored.',
    }),
    setting(keyOf(family, 'CacheMaxRangeOffset'), {
      name: `${family}_cache_max_range_offset`,
      contexts: HTTP_LEVELS,
      args: [1, 1],
      syntax: 'size',
      doc: 'Ranges that begin behind it go to the peer, and nothing is stored.',
      read: ([{ text, at }], cx) => parseSize(text) ?? cx.problems.error(at, `"${text}" is not a size`),
    }),
    ...(family === 'proxy'
      ? [
          flag(keyOf(family, 'CacheConvertHead'), {
            name: `${family}_cache_convert_head`,
            contexts: HTTP_LEVELS,
            default: 'on',
            doc: 'Whether a HEAD is sent as a GET, so that its answer can be stored; with off the method should be part of the key.',
          }),
        ]
      : []),
  ];
}

function staleRows(family: string): readonly Row[] {
  return [
    setting(keyOf(family, 'CacheUseStale'), {
      name: `${family}_cache_use_stale`,
      contexts: HTTP_LEVELS,
      args: [1, 12],
      syntax: STALE_WORDS.join(' | '),
      repeat: 'union',
      default: 'off',
      doc: 'When an answer that holds no longer is better than none; updating: while it is fetched anew.',
      read: (words, cx) => {
        const taken = words.map((word) => STALE_WORDS.find((one) => one === word.text));
        const bad = taken.indexOf(undefined);
        if (bad < 0) return taken.filter((word) => word !== undefined);
        const what = `unknown condition "${words[bad].text}"; there are ${STALE_WORDS.join(', ')}`;
        return cx.problems.error(words[bad].at, what);
      },
    }),
    flag(keyOf(family, 'CacheRevalidate'), {
      name: `${family}_cache_revalidate`,
      contexts: HTTP_LEVELS,
      default: 'off',
      doc: 'Asks by If-Modified-Since and If-None-Match whether what holds no longer is still the same.',
    }),
    flag(keyOf(family, 'CacheBackgroundUpdate'), {
      name: `${family}_cache_background_update`,
      contexts: HTTP_LEVELS,
      default: 'off',
      doc: 'Fetches anew beside the client, which gets what is stored; where that may be used meanwhile (updating).',
    }),
  ];
}

function lockRows(family: string): readonly Row[] {
  return [
    flag(keyOf(family, 'CacheLock'), {
      name: `${family}_cache_lock`,
      contexts: HTTP_LEVELS,
      default: 'off',
      doc: 'One request at a time fetches what is not stored; the others wait for it.',
    }),
    time(keyOf(family, 'CacheLockTimeoutMs'), {
      name: `${family}_cache_lock_timeout`,
      contexts: HTTP_LEVELS,
      default: '5s',
      doc: 'How long they wait; then they go to the peer, and nothing is stored of that.',
    }),
    time(keyOf(family, 'CacheLockAgeMs'), {
      name: `${family}_cache_lock_age`,
      contexts: HTTP_LEVELS,
      default: '5s',
      doc: 'After so long another request may fetch it, too.',
    }),
  ];
}

function storeRows(family: string): readonly Row[] {
  return [
    setting(keyOf(family, 'Store'), {
      name: `${family}_store`,
      contexts: HTTP_LEVELS,
      args: [1, 1],
      syntax: 'on | off | path',
      default: 'off',
      doc: 'Keeps answers with status 200 as files: where root and alias lead to, or by a path with variables.',
      read: ([word], cx) => (word.text === 'off' ? '' : word.text === 'on' ? 'on' : cx.template(word)),
    }),
    setting(keyOf(family, 'StoreAccess'), {
      name: `${family}_store_access`,
      contexts: HTTP_LEVELS,
      args: [1, 3],
      syntax: 'user:permissions …',
      default: 'user:rw',
      doc: 'Who may read and write these files: user:rw group:rw all:r.',
      read: readAccess,
    }),
  ];
}

const ACCESS = /^(?:(user):(rw?)|(group|all):(rw?))$/;
const MODES: Readonly<Record<string, number>> = { user: 0o600, group: 0o060, all: 0o006 };
const READING: Readonly<Record<string, number>> = { user: 0o400, group: 0o040, all: 0o004 };

function readAccess(words: readonly Word[], cx: ReadContext): number | undefined {
  let mode = 0o600;
  for (const { text, at } of words) {
    const m = ACCESS.exec(text);
    if (m === null) return cx.problems.error(at, `invalid value "${text}"; write user:rw, group:r or all:r`);
    const who = m[1] ?? m[3];
    mode |= (m[2] ?? m[4]) === 'rw' ? MODES[who] : READING[who];
  }
  return mode;
}

function readValid(words: readonly Word[], cx: ReadContext): CacheValidEntry | undefined {
  const last = words[words.length - 1];
  const ms = parseTime(last.text);
  if (ms === undefined) return cx.problems.error(last.at, `invalid time value "${last.text}"`);
  const statuses: number[] = [];
  for (const { text, at } of words.slice(0, -1)) {
    const status = text === 'any' ? 0 : parseCount(text, 100, 599);
    if (status === undefined)
      return cx.problems.error(at, `invalid status "${text}"; write 100 to 599, or any`);
    statuses.push(status);
  }
  return { statuses: words.length === 1 ? [200, 301, 302] : statuses, ms };
}
