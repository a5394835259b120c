// The head pass: every filter of the location sees the head of an answer before anything of its body is made, in nginx's order; those
// that work on the body then stand between its maker and the root.
import type { AnswerSink, Exchange, Filter, Link } from '../exchange/exchange.ts';
import { JOIN, PASS } from '../exchange/slots.ts';
import { AnswerHead, type Seekable, type Segment } from '../http/answer-head.ts';
import { splitType } from './content-type.ts';
import { NOT_MODIFIED } from './not-modified.ts';
import { RANGE } from './range.ts';

/** What the maker is to send: the whole body, parts of it, no body, or nothing at all as another answer took its place. */
export const WHOLE = 0;
export const BARE = 1;
export const REPLACED = 2;
export type Passed = typeof WHOLE | typeof BARE | typeof REPLACED | readonly Segment[];

/** Whose the answer is: of a page of ours an ETag is one of an answer before. */
export type Origin = 'own' | 'page' | 'peer';

/** The filters of a location that has none of its own: they look at seekable answers only. */
export const CORE_FILTERS: readonly Filter[] = [NOT_MODIFIED, RANGE];

const BODYLESS: ReadonlySet<number> = new Set([101, 204, 304]);

/** Filters that look at subrequests, too; all others are the main exchange's alone. */
const OF_EACH: ReadonlySet<Filter['slot']> = new Set([
  'slice',
  'gunzip',
  'sub',
  'charset',
  'ssi',
  'postpone',
]);

const OF_THE_BODY = ['content-type', 'last-modified', 'accept-ranges'];

/** The pass over `x.status`, `x.lines` and `x.length`, which are the answer's afterwards. */
export function passHead(x: Exchange, seek: Seekable | null, origin: Origin = 'own'): Passed {
  x.takeError();
  const filters = x.location.filters ?? CORE_FILTERS;
  const head = new AnswerHead(x.status, x.lines, x.length, seek);
  // What X-Accel-Redirect has left is a peer's, too.
  head.cutsType = origin === 'peer' || x.carried !== null;
  if (origin === 'page') head.forgetTag();
  let joined: Filter[] | null = null;
  for (const filter of filters) {
    if (x.isSub && !OF_EACH.has(filter.slot)) continue;
    const verdict = filter.head(x, head);
    if (x.status !== head.status) x.reason = '';
    x.status = head.status;
    if (verdict === PASS) continue;
    if (verdict !== JOIN) return replace(x, head, filter, verdict);
    if (joined === null) joined = [filter];
    else joined.push(filter);
  }
  if (head.varies) head.addVary();
  x.carried = null;
  x.lines = head.lines;
  x.length = head.expectTrailers && mayBeChunked(x) ? -1 : head.length;
  if (x.method === 'HEAD' || BODYLESS.has(x.status)) return BARE;
  if (joined !== null && x.root.isHeadOnly !== true) chain(x, joined);
  return head.segments ?? WHOLE;
}

/** Another answer, of this status, takes the place. */
function replace(x: Exchange, head: AnswerHead, filter: Filter, status: number): typeof REPLACED {
  // As in nginx a failed condition leaves nothing, and a range what other filters have added, and the ETag to an error page.
  const isClean = filter.slot === 'not_modified';
  if (isClean) {
    x.carried = null;
    // Nor does nginx know whom it asked: it clears the contexts of its modules (ngx_http_filter_finalize_request).
    x.tellsProxyHost = false;
  } else keepCharset(x, head);
  for (const name of OF_THE_BODY) head.remove(name);
  x.location.fail(x, status, head.why, isClean ? '' : head.lines);
  return REPLACED;
}

/** nginx forgets a type where an error takes its place, but not the charset that stood behind it. */
function keepCharset(x: Exchange, head: AnswerHead): void {
  const value = head.get('content-type') ?? '';
  const named = head.mediaType.length;
  const charset = named === 0 ? splitType(head, value).charset : value.slice(named + '; charset='.length);
  if (charset !== '') x.carried = { type: '', charset, lines: '' };
}

/** nginx's chunked filter, which comes after all that may know a length. */
function mayBeChunked(x: Exchange): boolean {
  if (x.method === 'HEAD' || BODYLESS.has(x.status)) return false;
  return x.request.minor === 1 && x.location.client.chunkedAllowed;
}

/** From the last one, which writes to the root, to the first. */
function chain(x: Exchange, filters: readonly Filter[]): void {
  let next: AnswerSink = x.root;
  let last: Link | null = null;
  let behind: Link | null = null;
  for (let i = filters.length - 1; i >= 0; i--) {
    const link = filters[i].join?.(x, next);
    if (link === undefined) continue;
    if (behind !== null) behind.source = link;
    last ??= link;
    behind = link;
    next = link;
  }
  if (behind !== null && last !== null) x.setChain(behind, last);
}
