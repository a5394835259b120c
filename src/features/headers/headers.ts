// The headers filter: expires, then add_header, then whether trailers follow, as ngx_http_headers_filter does.
import { parseHttpDate } from '../../answer/http-date.ts';
import type { Exchange, Filter } from '../../exchange/exchange.ts';
import { JOIN, PASS } from '../../exchange/slots.ts';
import type { AnswerHead } from '../../http/answer-head.ts';
import { compileTemplate, constantOf, type VariableLookup } from '../../route/template.ts';
import type { Feature, FeaturePlace } from '../feature.ts';
import { createSetExpires } from './expires.ts';
import type { HeaderEntry } from './rows.ts';
import { TrailerLink, type TrailerSetting } from './trailers.ts';

/** Other answers get neither expires nor fields without `always`: a failure must not be remembered. */
const WENT_WELL: ReadonlySet<number> = new Set([200, 201, 204, 206, 301, 302, 303, 304, 307, 308]);

export const HEADERS: Feature = { name: 'headers', filter: (place) => createHeadersFilter(place) };

/** One add_header, ready. */
type Add = (x: Exchange, head: AnswerHead) => void;

/** What the filter needs of its place. */
interface HeadersPlace {
  readonly settings: Pick<FeaturePlace['settings'], 'expires' | 'addHeaders' | 'addTrailers'>;
  readonly lookup: VariableLookup;
}

/** The filter of a level; null when nothing of it is set. `now` gives milliseconds since the epoch. */
export function createHeadersFilter(
  { settings, lookup }: HeadersPlace,
  now: () => number = Date.now,
): Filter | null {
  const { addHeaders, addTrailers } = settings;
  const setExpires = createSetExpires(settings.expires, lookup, now);
  if (setExpires === null && addHeaders.length === 0 && addTrailers.length === 0) return null;
  const all = addHeaders.map((entry) => compileAdd(entry, lookup));
  const always = all.filter((_add, i) => addHeaders[i].always);
  const trailers = addTrailers.map((entry) => compileTrailer(entry, lookup));
  const alwaysTrailers = trailers.filter((_trailer, i) => addTrailers[i].always);
  return {
    slot: 'headers',
    head(x, head) {
      if (x.isSub) return PASS;
      const isWell = WENT_WELL.has(head.status);
      if (isWell) setExpires?.(x, head);
      const adds = isWell ? all : always;
      for (let i = 0; i < adds.length; i++) adds[i](x, head);
      if ((isWell ? trailers : alwaysTrailers).length === 0) return PASS;
      head.expectTrailers = true;
      return JOIN;
    },
    join: (x, next) => new TrailerLink(x, next, WENT_WELL.has(x.status) ? trailers : alwaysTrailers),
  };
}

function compileAdd({ name, value }: HeaderEntry, lookup: VariableLookup): Add {
  const text = compileTemplate(value, lookup);
  const lower = name.toLowerCase();
  if (lower === 'etag') return (x, head) => setTag(head, name, fieldValue(text(x)));
  if (lower === 'last-modified') return (x, head) => setModified(head, name, fieldValue(text(x)));
  const add = compileLine(name, value, lookup);
  if (lower === 'transfer-encoding') return () => {};
  // A second length would let client and lbproxy disagree where the answer ends; where there is no body it is only said.
  if (lower !== 'content-length') return add;
  return (x, head) => {
    if (head.status === 204) add(x, head);
  };
}

/** Added, they are lines that no filter looks at or takes away: nginx knows those of the answer itself by slots of their own. */
const UNSEEN: ReadonlySet<string> = new Set(['content-type', 'content-encoding', 'expires', 'accept-ranges']);

function compileLine(name: string, value: string, lookup: VariableLookup): Add {
  const lower = UNSEEN.has(name.toLowerCase()) ? '' : name.toLowerCase();
  const constant = constantOf(value);
  if (constant === '') return () => {};
  if (constant !== undefined) {
    const line = `${name}: ${fieldValue(constant)}`;
    return (_x, head) => head.addLine(lower, line);
  }
  const text = compileTemplate(value, lookup);
  return (x, head) => {
    // A variable of the answer, which may stand in a map, sees the fields that were added before.
    x.lines = head.lines;
    const given = text(x);
    if (given !== '') head.addLine(lower, `${name}: ${fieldValue(given)}`);
  };
}

function compileTrailer({ name, value }: HeaderEntry, lookup: VariableLookup): TrailerSetting {
  const text = compileTemplate(value, lookup);
  return { name, value: (x) => fieldValue(text(x)) };
}

function setTag(head: AnswerHead, name: string, etag: string): void {
  if (etag === '') head.dropTag();
  else head.setTag(name, etag);
  if (head.seek !== null) head.seek = { ...head.seek, etag };
}

function setModified(head: AnswerHead, name: string, date: string): void {
  // A file's own is no line of nginx's list: this one stands behind what is in it.
  if (date === '' || head.fileDate) head.remove('last-modified');
  if (date !== '') {
    head.set(name, date);
    head.fileDate = false;
  }
  if (head.seek === null) return;
  const seconds = parseHttpDate(date);
  head.seek = { ...head.seek, mtime: Number.isFinite(seconds) ? seconds : -1 };
}

/** A variable may hold anything that a client sent: a value never ends its line early (response splitting). */
function fieldValue(value: string): string {
  return UNSAFE.test(value) ? value.replace(ALL_UNSAFE, ' ') : value;
}
const UNSAFE = /[\r\n\0]/;
const ALL_UNSAFE = /[\r\n\0]/g;
