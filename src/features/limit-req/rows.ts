// Rows of limit_req: requests of a key in a time (ngx_http_limit_req_module).
import { choice, count, flag, HTTP_LEVELS, list, type ReadContext, type Row } from '../../config/row.ts';
import type { Word } from '../../config/tree.ts';
import { parseCount, parseSize } from '../../config/units.ts';

/** One `*_zone` directive. */
export interface ZoneEntry {
  readonly name: string;
  readonly bytes: number;
  /** Template. */
  readonly key: string;
  /** `file:line:column`. */
  readonly at: string;
}

export interface ReqZoneEntry extends ZoneEntry {
  /** Thousandths of a request a second. */
  readonly rate: number;
}

export interface ReqLimitEntry {
  readonly zone: string;
  /** So many requests may be ahead of the rate. */
  readonly burst: number;
  /** From so many on they wait; null = none waits. */
  readonly delay: number | null;
  readonly at: string;
}

/** How loud it is said that a client was limited. */
export const LIMIT_LOG_LEVELS = ['info', 'notice', 'warn', 'error'] as const;
export type LimitLogLevel = (typeof LIMIT_LOG_LEVELS)[number];

declare module '../../config/model.ts' {
  interface Settings {
    readonly limitReqZones: readonly ReqZoneEntry[];
    readonly limitReq: readonly ReqLimitEntry[];
    readonly limitReqLogLevel: LimitLogLevel;
    readonly limitReqStatus: number;
    readonly limitReqDryRun: boolean;
  }
}

export const limitReqDefaults = {
  limitReqZones: [],
  limitReq: [],
  limitReqLogLevel: 'error',
  limitReqStatus: 503,
  limitReqDryRun: false,
} as const;

export const limitReqRows: readonly Row[] = [
  list('limitReqZones', {
    name: 'limit_req_zone',
    contexts: ['http'],
    args: [3, 4],
    syntax: 'key zone=name:size rate=rate [sync]',
    doc: 'A zone that counts requests for each value of the key, exactly over all acceptors. The rate is in r/s or r/m.',
    read: readReqZone,
  }),
  list('limitReq', {
    name: 'limit_req',
    contexts: HTTP_LEVELS,
    args: [1, 3],
    syntax: 'zone=name [burst=number] [nodelay | delay=number]',
    doc: 'Lets requests pass at the rate of the zone; up to burst of them wait, others are refused. Several hold together.',
    read: readLimit,
  }),
  choice('limitReqLogLevel', LIMIT_LOG_LEVELS, {
    name: 'limit_req_log_level',
    contexts: HTTP_LEVELS,
    default: 'error',
    doc: 'How it is logged that a request was refused; that one waits is logged one level lower.',
  }),
  count('limitReqStatus', {
    name: 'limit_req_status',
    contexts: HTTP_LEVELS,
    min: 400,
    max: 599,
    default: '503',
    doc: 'Status of requests that limit_req refuses.',
  }),
  flag('limitReqDryRun', {
    name: 'limit_req_dry_run',
    contexts: HTTP_LEVELS,
    default: 'off',
    doc: 'Counts and logs as limit_req does, but lets all requests pass at once.',
  }),
];

/** nginx takes no smaller zone: 8 pages. */
const MIN_ZONE_BYTES = 8 * 4096;

/** `zone=name:size`. */
export function readZone(word: Word, cx: ReadContext): Pick<ZoneEntry, 'name' | 'bytes'> | undefined {
  const { name: directive } = cx.directive;
  const text = word.text.slice('zone='.length);
  const colon = text.indexOf(':');
  const name = colon < 0 ? text : text.slice(0, colon);
  const bytes = colon < 0 ? undefined : parseSize(text.slice(colon + 1));
  if (bytes === undefined) {
    const form = `zone=${name === '' ? 'name' : name}:10m`;
    return cx.problems.error(word.at, `"${directive}": invalid zone size "${word.text}"; write ${form}`);
  }
  if (bytes < MIN_ZONE_BYTES)
    return cx.problems.error(word.at, `"${directive}": zone "${word.text}" is too small; 32k is the least`);
  return name === '' ? withoutZone(cx) : { name, bytes };
}

function withoutZone({ problems, directive }: ReadContext): undefined {
  return problems.error(directive.at, `"${directive.name}" must have a "zone=" parameter`);
}

export function placeOf({ directive: { at } }: ReadContext): string {
  return `${at.file}:${at.line}:${at.column}`;
}

function readReqZone([key, ...words]: readonly Word[], cx: ReadContext): ReqZoneEntry | undefined {
  let zone: Pick<ZoneEntry, 'name' | 'bytes'> | undefined;
  let rate: number | undefined = 1000;
  for (const word of words) {
    if (word.text.startsWith('zone=')) {
      zone = readZone(word, cx);
      if (zone === undefined) return undefined;
    } else if (word.text.startsWith('rate=')) {
      rate = parseRate(word.text.slice('rate='.length));
      if (rate === undefined)
        return cx.problems.error(
          word.at,
          `"limit_req_zone": invalid rate "${word.text}"; write a whole number with r/s or r/m, such as rate=10r/s`,
        );
    } else if (word.text !== 'sync') return invalid(word, cx);
  }
  if (zone === undefined) return withoutZone(cx);
  return { ...zone, key: cx.template(key), rate, at: placeOf(cx) };
}

function invalid(word: Word, cx: ReadContext): undefined {
  return cx.problems.error(word.at, `"${cx.directive.name}": invalid parameter "${word.text}"`);
}

/** What 32 bits hold; nobody comes that fast. */
const MAX_RATE = 0xffff_ffff;

function parseRate(text: string): number | undefined {
  const perMinute = text.endsWith('r/m');
  const number = perMinute || text.endsWith('r/s') ? text.slice(0, -3) : text;
  const rate = parseCount(number, 1);
  return rate === undefined
    ? undefined
    : Math.min(MAX_RATE, Math.floor((rate * 1000) / (perMinute ? 60 : 1)));
}

function readLimit(words: readonly Word[], cx: ReadContext): ReqLimitEntry | undefined {
  let zone: string | undefined;
  let burst: number | undefined = 0;
  let delay: number | null | undefined = 0;
  for (const word of words) {
    const { text } = word;
    if (text.startsWith('zone=')) zone = text.slice('zone='.length);
    else if (text.startsWith('burst=')) burst = parseCount(text.slice('burst='.length), 1);
    else if (text.startsWith('delay=')) delay = parseCount(text.slice('delay='.length), 1);
    else if (text === 'nodelay') delay = null;
    else return invalid(word, cx);
    if (burst === undefined || delay === undefined) {
      const what = burst === undefined ? 'burst' : 'delay';
      return cx.problems.error(
        word.at,
        `"limit_req": invalid ${what} value "${text}"; it is a whole number of at least 1`,
      );
    }
  }
  if (zone === undefined || zone === '') return withoutZone(cx);
  return { zone, burst: Math.min(burst, MAX_BURST), delay, at: placeOf(cx) };
}

/** In thousandths it must be a whole number. Nobody is that far ahead. */
const MAX_BURST = 0xffff_ffff;
