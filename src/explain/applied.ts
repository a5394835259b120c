// Which settings hold where a request ends up: limits, time-outs, what is tried again, and what works on the answer.
import type { WatchedLevel } from '../compile/watch.ts';
import type { Settings } from '../config/model.ts';
import type { Filter } from '../exchange/exchange.ts';
import type { FilterSlot } from '../exchange/slots.ts';
import type { Family } from '../forward/family/rows.ts';
import type { Applied, SetAt } from './set-at.ts';

type Key = keyof Settings;

/** Of whatever is answered here. */
const OF_CLIENTS: readonly Key[] = [
  'clientMaxBodyBytes',
  'clientBodyTimeoutMs',
  'sendTimeoutMs',
  'keepalive',
];

const OF_FAMILY = [
  'ConnectTimeoutMs',
  'SendTimeoutMs',
  'ReadTimeoutMs',
  'NextUpstream',
  'NextUpstreamTries',
  'NextUpstreamTimeoutMs',
  'RequestBuffering',
  'Buffering',
  'InterceptErrors',
] as const;

const OF_PROXY: readonly Key[] = ['proxyHttpVersion', 'proxyHoldMs', 'proxyRedirect'];

/** Told only where they are set. */
const LIMITS: readonly Key[] = ['limitReq', 'limitConn', 'limitRate'];

export function explainApplied(
  setAt: SetAt,
  { at }: WatchedLevel,
  family: Family | null,
): readonly Applied[] {
  const ofFamily = family === null ? [] : OF_FAMILY.map((key): Key => `${family}${key}`);
  const keys = [...ofFamily, ...(family === 'proxy' ? OF_PROXY : []), ...OF_CLIENTS];
  const all = keys.map((key) => setAt.applied(at, key));
  const limits = LIMITS.map((key) => setAt.applied(at, key)).filter((one) => one?.at !== 'default');
  return [...all, ...limits].filter((one) => one !== null);
}

const OF_FILTERS: Readonly<Record<FilterSlot, readonly Key[]>> = {
  slice: [],
  not_modified: ['ifModifiedSince'],
  headers: ['addHeaders', 'expires', 'addTrailers'],
  userid: ['userid'],
  gunzip: ['gunzip'],
  addition: ['addBeforeBody', 'addAfterBody'],
  sub: ['subFilters'],
  charset: ['charset'],
  ssi: ['ssi'],
  postpone: [],
  gzip: ['gzip', 'gzipTypes', 'gzipMinLength', 'gzipProxied'],
  range: ['maxRanges'],
  rate: ['limitRate', 'limitRateAfter'],
  fault_rate: ['faultRates'],
  fault_cut: ['faultCuts'],
};

/** Of a filter that is at work: where the first of its settings stands; '' where none is set. */
export function placeOfFilter(setAt: SetAt, level: string, slot: FilterSlot): string {
  return OF_FILTERS[slot].map((key) => setAt.place(level, key)).find((at) => at !== '') ?? '';
}

export function explainFilters(
  setAt: SetAt,
  { at }: WatchedLevel,
  filters: readonly Filter[] | null,
): { readonly filter: string; readonly settings: readonly Applied[] }[] {
  return (filters ?? []).flatMap(({ slot }) => {
    const set = OF_FILTERS[slot].map((key) => setAt.applied(at, key)).filter((one) => one !== null);
    // What is there for the sake of others alone is nothing to tell.
    return set.every((one) => one.at === 'default') ? [] : [{ filter: slot, settings: set }];
  });
}
