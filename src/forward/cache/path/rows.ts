// The row of the caches themselves, for each family of peers: proxy_cache_path and its kin.
import { list, type ReadContext, type Row } from '../../../config/row.ts';
import type { Word } from '../../../config/tree.ts';
import { parseCount, parseSize, parseTime } from '../../../config/units.ts';

/** One proxy_cache_path. */
export interface CachePathEntry {
  readonly name: string;
  readonly directory: string;
  readonly levels: readonly number[];
  readonly inactiveMs: number;
  /** -1 = no limit. */
  readonly maxBytes: number;
  readonly minFreeBytes: number;
  /** `file:line:column`. */
  readonly at: string;
}

export function cachePathRow(family: string): Row {
  return list(`${family}CachePath` as 'proxyCachePath', {
    name: `${family}_cache_path`,
    contexts: ['http'],
    args: [2, 14],
    syntax:
      'path keys_zone=name:size [levels=levels] [inactive=time] [max_size=size] [min_free=size] [use_temp_path=on|off]',
    doc: 'A cache: the directory of its files, and its name. What is not asked for within inactive (10m) is removed; beyond max_size, or with less than min_free left on the disk, what was asked for least recently. The size of keys_zone, use_temp_path, and the manager_ and loader_ parameters are checked only: what acceptors agree on is in the directory.',
    read: readCachePath,
  });
}

const LEVELS = /^[12](?::[12]){0,2}$/;
/** What is checked and has nothing to do here. */
const CHECKED = /^(?:loader|manager)_(?:files|sleep|threshold)$/;

type Draft = { -readonly [K in keyof CachePathEntry]: CachePathEntry[K] };

function readCachePath([path, ...options]: readonly Word[], cx: ReadContext): CachePathEntry | undefined {
  const { at } = path;
  const draft: Draft = {
    name: '',
    directory: cx.resolvePath(path.text.replace(/(?<=.)\/$/, '')),
    levels: [],
    inactiveMs: 600_000,
    maxBytes: -1,
    minFreeBytes: 0,
    at: `${at.file}:${at.line}:${at.column}`,
  };
  for (const word of options) {
    const wrong = takeOption(draft, word.text);
    if (wrong !== '') return cx.problems.error(word.at, wrong);
  }
  if (draft.name !== '') return draft;
  return cx.problems.error(at, `"${cx.directive.name}" must have keys_zone=name:size`);
}

/** What is wrong with it; '' = nothing. */
function takeOption(draft: Draft, text: string): string {
  const equals = text.indexOf('=');
  const [name, value] = [text.slice(0, equals), text.slice(equals + 1)];
  switch (name) {
    case 'keys_zone':
      return takeZone(draft, value, text);
    case 'levels':
      draft.levels = value.split(':').map(Number);
      return LEVELS.test(value) ? '' : `invalid "levels" "${text}"; write levels=1:2`;
    case 'use_temp_path':
      return value === 'on' || value === 'off' ? '' : `"${text}" is neither on nor off`;
    case 'inactive':
      draft.inactiveMs = parseTime(value) ?? -1;
      return draft.inactiveMs < 0 ? invalid(name, text, 'a time such as 10m') : '';
    case 'max_size':
      draft.maxBytes = parseSize(value) ?? -1;
      return draft.maxBytes < 0 ? invalid(name, text, 'a size such as 1g') : '';
    case 'min_free':
      draft.minFreeBytes = parseSize(value) ?? -1;
      return draft.minFreeBytes < 0 ? invalid(name, text, 'a size such as 1g') : '';
    default: {
      const parsed = name.endsWith('_files') ? parseCount(value) : parseTime(value);
      return CHECKED.test(name) && parsed !== undefined ? '' : `invalid parameter "${text}"`;
    }
  }
}

const SMALLEST_ZONE_BYTES = 8192;

function takeZone(draft: Draft, value: string, text: string): string {
  const m = /^(.+):([^:]+)$/.exec(value);
  const bytes = m === null ? undefined : parseSize(m[2]);
  if (m === null || bytes === undefined) return `invalid keys zone size "${text}"; write keys_zone=name:10m`;
  draft.name = m[1];
  return bytes < SMALLEST_ZONE_BYTES ? `keys zone "${text}" is too small; write at least 8k` : '';
}

function invalid(name: string, text: string, form: string): string {
  return `invalid ${name} value "${text}"; write ${form}`;
}
