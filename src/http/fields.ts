// The field section of a head, read from its bytes, as offsets into its one latin1 string: nothing is cut out until it is asked for.

import { ownText } from '../shared/buffers.ts';

/** Token characters (RFC 9110 §5.6.2): 1 = letter, digit or hyphen; 2 = the rest, which nginx drops by default; 0 = no token. */
const TOKEN = new Uint8Array(256);
for (const c of "!#$%&'*+.^_`|~") TOKEN[c.charCodeAt(0)] = 2;
for (let c = 0x30; c <= 0x39; c++) TOKEN[c] = 1;
for (let c = 0x41; c <= 0x5a; c++) TOKEN[c] = TOKEN[c + 32] = 1;
TOKEN[0x2d] = 1;

export { TOKEN };

/** As nginx reads the names of a request's fields: all but blanks, controls and the colon, which it then drops unless told otherwise. */
export const ANY_NAME = new Uint8Array(256).fill(2, 0x21);
for (let c = 0; c < 256; c++) if (TOKEN[c] !== 0) ANY_NAME[c] = TOKEN[c];
ANY_NAME[0x3a] = ANY_NAME[0x7f] = 0;

/** Unusual names that are taken: with underscores, and all. */
export const UNDERSCORES = 1;
export const ALL_NAMES = 2;

/** Fields that the codec and the forwarding rules know. Any other is `OTHER`. */
export const OTHER = 0;
export const HOST = 1;
export const CONNECTION = 2;
export const CONTENT_LENGTH = 3;
export const TRANSFER_ENCODING = 4;
export const EXPECT = 5;
export const UPGRADE = 6;
export const TE = 7;
export const TRAILER = 8;
export const KEEP_ALIVE = 9;
export const PROXY_CONNECTION = 10;
/** `Proxy` (httpoxy), `HTTP2-Settings`: never passed on. */
export const NEVER_PASSED = 11;
/** A name that nginx ignores by default (ignore_invalid_headers, underscores_in_headers). */
export const UNUSUAL_NAME = 12;

/** X-Accel-…: what a peer says to the proxy. */
export const X_ACCEL = 13;

/** A request has at most one of each of these names (nginx: ngx_http_process_unique_header_line). */
export const ONCE = 14;

/** Most fields a head may have; beyond it is refused. */
export const MAX_FIELDS = 1000;

/** Fields that a head has room for before it grows. */
export const START_CAPACITY = 32;

export class Fields {
  /** What the offsets count in, latin1: of a request its fields, of an answer the whole head. */
  text = '';
  count = 0;
  /** Per field: name start, name end, value start, value end. `at[4 * count]` is the end of the last line. */
  at = new Int32Array(START_CAPACITY * 4 + 1);
  ids = new Uint8Array(START_CAPACITY);
  /** Where this head is read into; `at` and `ids` are another's while `borrow` holds. */
  #ownAt = this.at;
  #ownIds = this.ids;
  /** Some field has an unusual name. */
  hasUnusual = false;
  /** What names are made of: 0 = not that, 2 = unusual. */
  readonly kinds: Uint8Array = TOKEN;

  name(i: number): string {
    return this.text.slice(this.at[4 * i], this.at[4 * i + 1]);
  }

  value(i: number): string {
    return this.text.slice(this.at[4 * i + 2], this.at[4 * i + 3]);
  }

  /** Whether field `i` has this lower-case name. */
  named(i: number, lowerName: string): boolean {
    const start = this.at[4 * i];
    return this.at[4 * i + 1] - start === lowerName.length && sameName(this.text, start, lowerName);
  }

  /** The index of the first field with this lower-case name, or -1. Fields with unusual names are not found. */
  find(lowerName: string, from = 0): number {
    for (let i = from; i < this.count; i++) {
      if (this.named(i, lowerName) && this.ids[i] !== UNUSUAL_NAME) return i;
    }
    return -1;
  }

  /** The index of the last one before `before`, or -1. */
  findLast(lowerName: string, before = this.count): number {
    for (let i = before - 1; i >= 0; i--) {
      if (this.named(i, lowerName) && this.ids[i] !== UNUSUAL_NAME) return i;
    }
    return -1;
  }

  /** As `getAll`; in the names of fields `_` is `-`, too (`$http_x_y`). */
  getLoosely(lowerName: string): string | undefined {
    if (!this.hasUnusual) return this.getAll(lowerName);
    const values: string[] = [];
    for (let i = 0; i < this.count; i++) {
      const name = this.ids[i] === UNUSUAL_NAME ? '' : this.name(i).toLowerCase().replaceAll('_', '-');
      if (name === lowerName) values.push(this.value(i));
    }
    return values.length === 0 ? undefined : values.join(lowerName === 'cookie' ? '; ' : ', ');
  }

  /** From field `from` on to before `to` unusual names of the kinds in `taken` are as good as others. */
  takeUnusual(from: number, to: number, taken: number): void {
    if (taken === 0) return;
    for (let i = from; i < to; i++) {
      if (this.ids[i] !== UNUSUAL_NAME) continue;
      if ((taken & ALL_NAMES) !== 0 || /^[A-Za-z0-9_-]+$/.test(this.name(i))) this.ids[i] = OTHER;
    }
  }

  get(lowerName: string): string | undefined {
    const i = this.find(lowerName);
    return i < 0 ? undefined : this.value(i);
  }

  /** All values of a field joined by ", " (or "; " for cookie), as nginx's $http_ variables give them. */
  getAll(lowerName: string): string | undefined {
    const i = this.find(lowerName);
    if (i < 0) return undefined;
    let all = this.value(i);
    const separator = lowerName === 'cookie' ? '; ' : ', ';
    for (let j = this.find(lowerName, i + 1); j >= 0; j = this.find(lowerName, j + 1)) {
      all += separator + this.value(j);
    }
    return all;
  }

  /** Whether line `i` reads exactly `name: value CR LF`, so that it may be copied as it stands. */
  isCanonical(i: number): boolean {
    const at = this.at;
    const valueEnd = at[4 * i + 3];
    return (
      at[4 * i + 2] === at[4 * i + 1] + 2 &&
      at[4 * i + 4] === valueEnd + 2 &&
      this.text.charCodeAt(valueEnd) === 13 &&
      this.text.charCodeAt(at[4 * i + 1] + 1) === 32
    );
  }

  grow(): void {
    const at = new Int32Array(this.ids.length * 2 * 4 + 1);
    at.set(this.at);
    const ids = new Uint8Array(this.ids.length * 2);
    ids.set(this.ids);
    this.at = this.#ownAt = at;
    this.ids = this.#ownIds = ids;
  }

  get hasGrown(): boolean {
    return this.#ownIds.length > START_CAPACITY;
  }

  /** Has the fields of another head, which never changes, until `ownTables`. */
  borrow(known: Fields): void {
    this.text = known.text;
    this.count = known.count;
    this.at = known.at;
    this.ids = known.ids;
    this.hasUnusual = known.hasUnusual;
  }

  /** To be read into. */
  ownTables(): void {
    this.at = this.#ownAt;
    this.ids = this.#ownIds;
  }

  /** The same fields in tables that are no longer than they must be: for a head that is kept. */
  keepFields(read: Fields): void {
    this.text = ownText(read.text);
    this.count = read.count;
    this.at = this.#ownAt = read.at.slice(0, 4 * read.count + 1);
    this.ids = this.#ownIds = read.ids.slice(0, read.count);
    this.hasUnusual = read.hasUnusual;
  }
}

/** Compares letters without case; `lower` holds lower-case token characters only. */
export function sameName(text: string, start: number, lower: string): boolean {
  for (let i = 0; i < lower.length; i++) {
    let c = text.charCodeAt(start + i);
    if (c >= 0x41 && c <= 0x5a) c += 32;
    if (c !== lower.charCodeAt(i)) return false;
  }
  return true;
}

/** Of the names below. */
const LONGEST = 19;
const BY_LENGTH: (readonly (readonly [string, number])[])[] = [];
const KNOWN: readonly (readonly [string, number])[] = [
  ['te', TE],
  ['if-match', ONCE],
  ['if-range', ONCE],
  ['authorization', ONCE],
  ['content-range', ONCE],
  ['if-none-match', ONCE],
  ['if-modified-since', ONCE],
  ['if-unmodified-since', ONCE],
  ['host', HOST],
  ['proxy', NEVER_PASSED],
  ['expect', EXPECT],
  ['upgrade', UPGRADE],
  ['trailer', TRAILER],
  ['connection', CONNECTION],
  ['keep-alive', KEEP_ALIVE],
  ['content-length', CONTENT_LENGTH],
  ['http2-settings', NEVER_PASSED],
  ['proxy-connection', PROXY_CONNECTION],
  ['transfer-encoding', TRANSFER_ENCODING],
  ['x-accel-charset', X_ACCEL],
  ['x-accel-redirect', X_ACCEL],
  ['x-accel-buffering', X_ACCEL],
  ['x-accel-limit-rate', X_ACCEL],
];
for (const entry of KNOWN) {
  const n = entry[0].length;
  BY_LENGTH[n] = [...(BY_LENGTH[n] ?? []), entry];
}
for (let n = 0; n <= LONGEST; n++) BY_LENGTH[n] ??= [];

/** The id of a field name that stands at start…end. */
function fieldId(buf: Buffer, start: number, end: number): number {
  const length = end - start;
  if (length > LONGEST) return OTHER;
  const candidates = BY_LENGTH[length];
  for (let k = 0; k < candidates.length; k++) {
    if (isName(buf, start, candidates[k][0])) return candidates[k][1];
  }
  return OTHER;
}

/** As `sameName`. Names that are known hold letters, digits and hyphens: none of them is another one with 0x20 set but a letter. */
function isName(buf: Buffer, start: number, lower: string): boolean {
  for (let i = 0; i < lower.length; i++) {
    if ((buf[start + i] | 0x20) !== lower.charCodeAt(i)) return false;
  }
  return true;
}

/** In bytes, and in number. */
export interface FieldLimits {
  readonly maxLine: number;
  readonly maxFields: number;
}

/** Why a field section cannot be read one way only. */
export type FieldProblem =
  | 'space before colon or in a field name'
  | 'empty field name'
  | 'folded field line'
  | 'field line without colon'
  | 'control character in a field'
  | 'bare CR'
  | 'too many fields'
  | 'field line too long';

/** Bytes that a value has inside: all but blanks and what no field may hold. */
const INSIDE = new Uint8Array(256).fill(1, 0x21);
INSIDE[0x7f] = 0;

/**
 * Reads field lines from `buf[pos, end)` up to the empty line; offsets are told from `base` on. Returns the offset after that line, -1
 * when the bytes end first (the caller has already seen an empty line, so that means its end was not one), or a problem.
 * RFC 9112 §5, with the strict choice wherever there is one; a lone LF may end a line.
 */
// biome-ignore lint/complexity/useMaxParams: on the road an object for the range would be one per head
export function scanFields(
  f: Fields,
  buf: Buffer,
  base: number,
  pos: number,
  end: number,
  limits: FieldLimits,
): number | FieldProblem {
  let n = 0;
  f.hasUnusual = false;
  for (;;) {
    if (pos >= end) return -1;
    if (buf[pos] === 10 || buf[pos] === 13) {
      f.count = n;
      f.at[4 * n] = pos - base;
      return lineEnd(buf, pos, end);
    }
    // Of a head that is refused the fields before are known.
    f.count = n;
    if (n >= limits.maxFields) return 'too many fields';
    if (n >= f.ids.length) f.grow();
    const next = scanLine(f, n, buf, base, pos, end);
    if (typeof next !== 'number') return next;
    if (next < 0) return -1;
    if (next - 1 - pos > limits.maxLine) return 'field line too long';
    pos = next;
    n++;
  }
}

// biome-ignore lint/complexity/useMaxParams: as above
function scanLine(
  f: Fields,
  n: number,
  buf: Buffer,
  base: number,
  start: number,
  end: number,
): number | FieldProblem {
  const { kinds } = f;
  let unusual = false;
  let p = start;
  for (; p < end; p++) {
    const kind = kinds[buf[p]];
    if (kind === 1) continue;
    if (kind !== 2) break;
    unusual = true;
  }
  if (p >= end) return -1;
  if (buf[p] !== 58) return nameProblem(buf[p], p === start);
  if (p === start) return 'empty field name';
  const nameEnd = p++;
  while (p < end && (buf[p] === 32 || buf[p] === 9)) p++;
  const valueStart = p;
  let valueEnd = p;
  for (; p < end; p++) {
    while (p < end && INSIDE[buf[p]] === 1) valueEnd = ++p;
    if (buf[p] !== 32 && buf[p] !== 9) break;
  }
  const next = lineEnd(buf, p, end);
  if (typeof next !== 'number') return next;
  if (next < 0) return -1;
  const at = f.at;
  at[4 * n] = start - base;
  at[4 * n + 1] = nameEnd - base;
  at[4 * n + 2] = valueStart - base;
  at[4 * n + 3] = valueEnd - base;
  if (unusual) f.hasUnusual = true;
  f.ids[n] = unusual ? UNUSUAL_NAME : fieldId(buf, start, nameEnd);
  return next;
}

/** The offset behind the CRLF or LF at `p`. */
function lineEnd(buf: Buffer, p: number, end: number): number | FieldProblem {
  if (p >= end) return -1;
  if (buf[p] === 10) return p + 1;
  if (buf[p] !== 13) return 'control character in a field';
  if (p + 1 >= end) return -1;
  return buf[p + 1] === 10 ? p + 2 : 'bare CR';
}

/** Of a name that `c` ends. */
function nameProblem(c: number, isEmpty: boolean): FieldProblem {
  if (c === 32 || c === 9) return isEmpty ? 'folded field line' : 'space before colon or in a field name';
  if (c === 10 || c === 13) return 'field line without colon';
  return c < 32 || c === 127 ? 'control character in a field' : 'space before colon or in a field name';
}
