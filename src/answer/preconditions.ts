// Conditional requests on a file (RFC 9110 §13), in the order and with the comparisons of nginx. Pure.
import type { Fields } from '../http/fields.ts';
import { httpDate } from '../shared/clock.ts';
import { parseHttpDate } from './http-date.ts';

/** `off`: never 304 by time. `exact`: equal times. `before`: the file is not younger. */
export type IfModifiedSince = 'off' | 'exact' | 'before';

/** What identifies the present content of a file. */
export interface Validators {
  /** Seconds since the epoch; negative before 1970. */
  readonly mtime: number;
  /** With its quotes; '' when ETags are off. */
  readonly etag: string;
}

/** The status that the conditions of a request lead to: 200 = answer as if there were none. */
export function checkPreconditions(
  fields: Pick<Fields, 'get'>,
  validators: Validators,
  mode: IfModifiedSince,
): 200 | 304 | 412 {
  const unmodifiedSince = fields.get('if-unmodified-since');
  // A date that is none counts as one before every file; what has no date may have changed at any time.
  if (
    unmodifiedSince !== undefined &&
    (validators.mtime === -1 || secondsOf(unmodifiedSince, validators.mtime) < validators.mtime)
  )
    return 412;
  const match = fields.get('if-match');
  if (match !== undefined && !listsTag(match, validators.etag, false)) return 412;
  const modifiedSince = fields.get('if-modified-since');
  const noneMatch = fields.get('if-none-match');
  if (modifiedSince === undefined && noneMatch === undefined) return 200;
  // nginx asks both where RFC 9110 §13.2.2 would let If-None-Match decide alone: each can only prevent a 304.
  if (modifiedSince !== undefined && isModified(modifiedSince, validators.mtime, mode)) return 200;
  return noneMatch !== undefined && !listsTag(noneMatch, validators.etag, true) ? 200 : 304;
}

/** Whether a request has any of them. */
export function isConditional(fields: Pick<Fields, 'find'>): boolean {
  return (
    fields.find('if-none-match') >= 0 ||
    fields.find('if-match') >= 0 ||
    fields.find('if-unmodified-since') >= 0
  );
}

/** Whether a Range counts: its If-Range names the present content (strong comparison), or there is none. */
export function rangeApplies(ifRange: string | undefined, validators: Validators): boolean {
  if (ifRange === undefined) return true;
  if (ifRange.length >= 2 && ifRange.endsWith('"')) return ifRange === validators.etag;
  return validators.mtime !== -1 && secondsOf(ifRange, validators.mtime) === validators.mtime;
}

function isModified(since: string, mtime: number, mode: IfModifiedSince): boolean {
  if (mode === 'off' || mtime === -1) return true;
  const seconds = secondsOf(since, mtime);
  return mode === 'exact' ? seconds !== mtime : seconds < mtime;
}

/** The last second that a date of four-digit years can name. */
const LAST_SECOND = 253_402_300_799;

/** A file's Last-Modified. Years before 1970 and after 9999 have no text of their own (ngx_gmtime). */
export function modifiedDate(mtime: number): string {
  return httpDate(Math.min(Math.max(mtime, 0), LAST_SECOND) * 1000);
}

/** Clients send back the very text they were given: then nothing needs to be read, unless that text named another time. */
function secondsOf(text: string, mtime: number): number {
  const exact = mtime >= 0 && mtime <= LAST_SECOND;
  return exact && text === httpDate(mtime * 1000) ? mtime : parseHttpDate(text);
}

function listsTag(value: string, etag: string, weak: boolean): boolean {
  if (value === '*') return true;
  if (etag === '') return false;
  if (value === etag) return true;
  for (const item of value.split(',')) {
    const tag = item.trim();
    if (tag === etag || (weak && tag.startsWith('W/') && tag.slice(2) === etag)) return true;
  }
  return false;
}
