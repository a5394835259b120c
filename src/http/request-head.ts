// Reads the head of an HTTP/1 request: head | need-more | malformed. Pure: bytes in, values out, no throw.
// RFC 9112 §2, §3, §5, §6; hardening: what can be read two ways is refused.
// Past 300 lines: one grammar, read from top to bottom.
import { ownText } from '../shared/buffers.ts';
import {
  ANY_NAME,
  CONNECTION,
  CONTENT_LENGTH,
  EXPECT,
  type FieldProblem,
  HOST,
  ONCE,
  sameName,
  scanFields,
  TOKEN,
  TRANSFER_ENCODING,
  UPGRADE,
} from './fields.ts';
import { parseContentLength, readConnection } from './framing.ts';
import { endsInEmptyLine, findHeadEnd, skipEmptyLines } from './head-end.ts';
import { KnownHeads } from './known-heads.ts';
import { type KnownTarget, knownTarget } from './known-targets.ts';
import { MessageHead } from './message-head.ts';

/** Bounds of a head, in bytes (large_client_header_buffers, max_headers). */
export interface HeadLimits {
  readonly maxLine: number;
  readonly maxHead: number;
  readonly maxFields: number;
}

const limitsMade = new Map<string, HeadLimits>();

/** The same object for the same bounds: heads that came before are known by it, whichever server or location has them. */
export function headLimits(maxLine: number, maxHead: number, maxFields: number): HeadLimits {
  const key = `${maxLine} ${maxHead} ${maxFields}`;
  const limits = limitsMade.get(key) ?? { maxLine, maxHead, maxFields };
  limitsMade.set(key, limits);
  return limits;
}

export const NEED_MORE = 0;
export const MALFORMED = -1;

export type RequestProblem =
  | FieldProblem
  | 'invalid method'
  | 'invalid request target'
  | 'invalid version'
  | 'unsupported version'
  | 'method not allowed'
  | 'request line too long'
  | 'head too large'
  | 'missing Host'
  | 'several Host fields'
  | 'a field twice that can stand once'
  | 'invalid Host'
  | 'several Content-Length fields'
  | 'invalid Content-Length'
  | 'several Transfer-Encoding fields'
  | 'invalid Transfer-Encoding'
  | 'Transfer-Encoding in HTTP/1.0'
  | 'Content-Length with Transfer-Encoding'
  | 'unknown expectation'
  | 'more than 64 options in Connection'
  | 'head not complete in time'
  | 'control character in the request line';

/** Problem → status of the answer; everything else is 400. */
const STATUS: Partial<Record<RequestProblem, number>> = {
  'request line too long': 414,
  // nginx's own code: sent as 400 with a page that says so.
  'head too large': 494,
  'field line too long': 494,
  'invalid Transfer-Encoding': 501,
  'unsupported version': 505,
  'method not allowed': 405,
  'unknown expectation': 417,
  'head not complete in time': 408,
};

export function statusOfProblem(problem: RequestProblem): number {
  return STATUS[problem] ?? 400;
}

const METHOD_MAX = 32;
const VERSION_11 = 'HTTP/1.1\r\n';

/** A request head, read in place; one object serves a connection for all its requests. */
export class RequestHead extends MessageHead {
  override readonly kinds = ANY_NAME;
  method = '';
  /** As it came, byte for byte, latin1. */
  target = '';
  /** The path and query of the target: the target itself unless it is in absolute form. */
  path = '';
  /** Where the target is all path and query and came before. */
  knownTarget: KnownTarget | null = null;
  /** As it came, with the end of its line. */
  version = VERSION_11;
  /** Host field or authority of an absolute target; '' for HTTP/1.0 without one. */
  host = '';
  expectContinue = false;
  problem: RequestProblem = 'invalid method';
  /** The same fields, read before and kept; null where they were read for this one. */
  known: RequestHead | null = null;

  get hasBody(): boolean {
    return this.chunked || this.contentLength > 0;
  }

  /** Lets go of the text: a connection that waits for its next request keeps nothing of the last. */
  forget(): void {
    this.known = null;
    this.forgetLine();
  }

  /** What is shown of a head that is refused is its own, not the request's before it. */
  forgetLine(): void {
    this.text = '';
    this.method = '';
    this.target = '';
    this.path = '';
    this.knownTarget = null;
    this.minor = 1;
    this.host = '';
    this.count = 0;
  }

  reset(): void {
    this.resetFields();
    this.known = null;
    this.host = '';
    this.expectContinue = false;
  }

  /** Its fields are those of a head that is kept. */
  take(known: RequestHead): void {
    this.borrow(known);
    this.takeMeaning(known);
    this.host = known.host;
    this.expectContinue = known.expectContinue;
    this.known = known;
  }

  /** The same fields, to be kept. */
  kept(): RequestHead {
    const known = new RequestHead();
    known.keepFields(this);
    known.takeMeaning(this);
    // A slice would keep the text that it was cut from.
    known.host = ownText(this.host);
    known.expectContinue = this.expectContinue;
    return known;
  }
}

const knownRequests = new KnownHeads<RequestHead>();

/**
 * Reads one head from `buf[start, end)`. Returns the offset after the head, NEED_MORE, or MALFORMED with `head.problem` set.
 * `scanned` is how many bytes of this range an earlier call has already searched for the end, so that each is searched once.
 */
export function parseRequestHead(
  head: RequestHead,
  buf: Buffer,
  range: { readonly start: number; readonly end: number; readonly scanned: number },
  limits: HeadLimits,
): number {
  if (range.scanned === 0) head.forgetLine();
  const first = buf[range.start];
  const start = first === 13 || first === 10 ? skipEmptyLines(buf, range.start, range.end) : range.start;
  const size = endsInEmptyLine(buf, start, range.end)
    ? range.end - start
    : findHeadEnd(buf, start, range.end, Math.max(0, range.scanned - (start - range.start)));
  if (size === 0) return checkUnfinished(head, buf.subarray(start, range.end), range.scanned, limits);
  return readHead(head, buf, start, start + size, limits);
}

/** Of a head that ends at `end` or, where a lone LF ends it, before. */
function readHead(head: RequestHead, buf: Buffer, start: number, end: number, limits: HeadLimits): number {
  head.reset();
  const fields = parseRequestLine(head, buf, start, end, limits);
  if (fields === MALFORMED) {
    head.text = buf.latin1Slice(start, Math.min(end, start + limits.maxLine));
    return MALFORMED;
  }
  // Fields mean the same to all requests of this kind.
  const isUsual = head.minor === 1 && head.path === head.target && head.method !== 'TRACE';
  const known = isUsual ? knownRequests.find(buf, fields, end, limits) : null;
  if (known !== null) {
    head.take(known);
    head.size = fields - start + known.size;
    return head.size > limits.maxHead ? refuse(head, 'head too large') : start + head.size;
  }
  const after = scanFields(head, buf, fields, fields, end, limits);
  const isRead = typeof after === 'number' && after >= 0;
  const textEnd = isRead ? after : Math.min(end, start + limits.maxHead + limits.maxLine);
  head.text = buf.latin1Slice(fields, Math.max(fields, textEnd));
  if (!isRead) return refuse(head, after === -1 ? 'head too large' : (after as FieldProblem));
  head.size = after - start;
  if (head.size > limits.maxHead) return refuse(head, 'head too large');
  if (!interpret(head)) return MALFORMED;
  if (isUsual && !head.hasUnusual && knownRequests.isWorth(buf, fields, after, head.count)) {
    const kept = head.kept();
    kept.size = after - fields;
    knownRequests.keep(buf, fields, after, limits, kept);
  }
  return after;
}

function refuse(head: RequestHead, problem: RequestProblem): typeof MALFORMED {
  head.problem = problem;
  return MALFORMED;
}

/** A head that has no end yet: is it already too large, or not a request at all? */
function checkUnfinished(head: RequestHead, bytes: Buffer, scanned: number, limits: HeadLimits): number {
  if (bytes.length === 0) return NEED_MORE;
  // May still be an empty line in front.
  if (bytes.length === 1 && bytes[0] === 13) return NEED_MORE;
  if (TOKEN[bytes[0]] === 0) return refuse(head, 'invalid method');
  const lineEnd = bytes.indexOf(10);
  if (lineEnd < 0) return bytes.length > limits.maxLine ? refuse(head, 'request line too long') : NEED_MORE;
  // A request line that cannot be right is refused at once: a client without a version (HTTP/0.9) sends nothing more.
  // Looked at only when it has just become complete, so that byte-sized segments cost nothing extra.
  if (lineEnd >= scanned - 4) {
    if (parseRequestLine(head, bytes, 0, lineEnd + 1, limits) === MALFORMED) {
      head.text = bytes.latin1Slice(0, Math.min(lineEnd + 1, limits.maxLine));
      return MALFORMED;
    }
  }
  if (bytes.length > limits.maxHead) return refuse(head, 'head too large');
  const lastLine = bytes.lastIndexOf(10) + 1;
  return bytes.length - lastLine > limits.maxLine ? refuse(head, 'field line too long') : NEED_MORE;
}

function parseRequestLine(
  head: RequestHead,
  buf: Buffer,
  start: number,
  end: number,
  limits: HeadLimits,
): number {
  const gets = isGet(buf, start);
  let p = gets ? start + 3 : start;
  while (p < end && TOKEN[buf[p]] !== 0) p++;
  if (p === start || p - start > METHOD_MAX || p >= end || buf[p] !== 32)
    return refuse(head, 'invalid method');
  const methodEnd = p++;
  const targetStart = p;
  // '#', blanks and controls have no place in a target (RFC 3986): the loop ends at the first of them. Neither have bytes from 0x80,
  // but clients send them, they end nothing, and they pass as they are.
  while (p < end && TARGET[buf[p]] === 1) p++;
  if (p - start > limits.maxLine) return refuse(head, 'request line too long');
  if (p >= end || buf[p] !== 32)
    return refuse(
      head,
      p < end && (buf[p] === 10 || buf[p] === 13) ? 'invalid version' : 'invalid request target',
    );
  const targetEnd = p++;
  const after = parseVersion(head, buf, p, end);
  if (after === MALFORMED) return MALFORMED;
  if (after - start > limits.maxLine) return refuse(head, 'request line too long');
  head.method = gets && methodEnd === start + 3 ? 'GET' : buf.latin1Slice(start, methodEnd);
  head.knownTarget = knownTarget(buf, targetStart, targetEnd);
  head.target = head.knownTarget?.text ?? buf.latin1Slice(targetStart, targetEnd);
  return parseTarget(head) ? after : MALFORMED;
}

const TARGET = new Uint8Array(256).fill(1, 0x21);
TARGET[0x7f] = TARGET[0x23] = 0;

/** Nearly all requests begin with it. */
function isGet(buf: Buffer, start: number): boolean {
  return buf[start] === 0x47 && buf[start + 1] === 0x45 && buf[start + 2] === 0x54;
}

function parseVersion(head: RequestHead, buf: Buffer, p: number, end: number): number {
  if (p + VERSION_11.length <= end && isVersion11(buf, p)) {
    head.minor = 1;
    head.version = VERSION_11;
    return p + VERSION_11.length;
  }
  for (let i = 0; i < 5; i++)
    if (p + i >= end || buf[p + i] !== VERSION_11.charCodeAt(i)) return refuse(head, 'invalid version');
  const major = buf[p + 5];
  const minor = buf[p + 7];
  if (p + 8 >= end || buf[p + 6] !== 46 || major < 48 || major > 57 || minor < 48 || minor > 57)
    return refuse(head, 'invalid version');
  let after = p + 8;
  if (buf[after] === 13) after++;
  if (after >= end || buf[after] !== 10) return refuse(head, 'invalid version');
  if (major !== 49) return refuse(head, 'unsupported version');
  head.minor = minor === 48 ? 0 : 1;
  after++;
  head.version = buf.latin1Slice(p, after);
  return after;
}

/** `HTTP/1.1` and CRLF: as nearly all say. */
function isVersion11(buf: Buffer, p: number): boolean {
  return (
    buf[p + 7] === 0x31 &&
    buf[p + 8] === 13 &&
    buf[p + 9] === 10 &&
    buf[p] === 0x48 &&
    buf[p + 1] === 0x54 &&
    buf[p + 2] === 0x54 &&
    buf[p + 3] === 0x50 &&
    buf[p + 4] === 0x2f &&
    buf[p + 5] === 0x31 &&
    buf[p + 6] === 0x2e
  );
}

const ABSOLUTE = /^https?:\/\/([^/?]*)(.*)$/i;

function parseTarget(head: RequestHead): boolean {
  const target = head.target;
  if (head.method === 'CONNECT') {
    head.problem = 'method not allowed';
    return false;
  }
  if (target.charCodeAt(0) === 47) {
    head.path = target;
    return true;
  }
  if (target === '*' && head.method === 'OPTIONS') {
    head.path = '*';
    return true;
  }
  head.knownTarget = null;
  const absolute = ABSOLUTE.exec(target);
  if (absolute === null || !isHost(absolute[1])) {
    head.problem = 'invalid request target';
    return false;
  }
  head.host = absolute[1];
  head.path = absolute[2].startsWith('/') ? absolute[2] : `/${absolute[2]}`;
  return true;
}

/** Gives the fields that decide framing and routing their meaning; false with `head.problem` set when they cannot have one. */
function interpret(head: RequestHead): boolean {
  let host = -1;
  let length = -1;
  let coding = -1;
  let problem: RequestProblem | null = null;
  for (let i = 0; i < head.count; i++) {
    switch (head.ids[i]) {
      case HOST:
        if (host >= 0) problem ??= 'several Host fields';
        host = i;
        break;
      case CONTENT_LENGTH:
        if (length >= 0) problem ??= 'several Content-Length fields';
        length = i;
        break;
      case TRANSFER_ENCODING:
        if (coding >= 0) problem ??= 'several Transfer-Encoding fields';
        coding = i;
        break;
      case CONNECTION:
        if (!readConnection(head, head.value(i))) problem ??= 'more than 64 options in Connection';
        break;
      case UPGRADE:
        head.upgradeAt = i;
        break;
      case ONCE:
        if (stoodBefore(head, i)) problem ??= 'a field twice that can stand once';
        break;
      case EXPECT:
        problem ??= readExpect(head, i);
        break;
    }
  }
  problem ??= frame(head, length, coding) ?? checkHost(head, host);
  if (head.method === 'TRACE') problem ??= 'method not allowed';
  if (problem === null) return true;
  head.problem = problem;
  return false;
}

function readExpect(head: RequestHead, i: number): RequestProblem | null {
  // An HTTP/1.0 client cannot wait for a 100 (RFC 9110 §10.1.1).
  head.expectContinue = head.minor === 1;
  if (stoodBefore(head, i)) return 'a field twice that can stand once';
  return head.value(i).toLowerCase() === '100-continue' ? null : 'unknown expectation';
}

/** Whether a field before `i` has its name. */
function stoodBefore({ ids, at, text }: RequestHead, i: number): boolean {
  const start = at[4 * i];
  const length = at[4 * i + 1] - start;
  for (let k = 0; k < i; k++) {
    if (ids[k] !== ids[i] || at[4 * k + 1] - at[4 * k] !== length) continue;
    if (sameName(text, at[4 * k], text.slice(start, start + length).toLowerCase())) return true;
  }
  return false;
}

/** Of a head that is refused: whose server answers, as in nginx. '' unless a Host stands before what is wrong. */
export function hostOfRefused(head: RequestHead): string {
  if (head.host !== '') return head.host;
  const at = head.ids.subarray(0, head.count).indexOf(HOST);
  const value = at < 0 ? '' : head.value(at);
  return isHost(value) ? value : '';
}

function frame(head: RequestHead, length: number, coding: number): RequestProblem | null {
  if (coding >= 0) {
    if (length >= 0) return 'Content-Length with Transfer-Encoding';
    if (head.minor === 0) return 'Transfer-Encoding in HTTP/1.0';
    if (head.value(coding).toLowerCase() !== 'chunked') return 'invalid Transfer-Encoding';
    head.chunked = true;
  }
  if (length >= 0) {
    head.contentLength = parseContentLength(head.value(length));
    if (head.contentLength < 0) return 'invalid Content-Length';
  }
  return null;
}

function checkHost(head: RequestHead, host: number): RequestProblem | null {
  if (host < 0) return head.minor === 1 ? 'missing Host' : null;
  const value = head.value(host);
  if (!isHost(value)) return 'invalid Host';
  // The authority of an absolute target replaces the field (RFC 9112 §3.2.2).
  if (head.host === '') head.host = value;
  return null;
}

/**
 * `uri-host [":" port]` (RFC 9110 §7.2): a name, an IPv4 address or an IP literal in brackets, nowhere two dots, nor a dot alone
 * (ngx_http_validate_host). A comma, which RFC 3986 would let a name have, looks like two Host fields joined and is refused.
 */
const HOST_GRAMMAR =
  /^(?![^:]*\.\.|\.(?::|$)|\[[^\]]*\.\.)(?:\[(?:[0-9a-fA-F:.]{2,45}(?:%25[\w.~-]+)?|v[0-9a-fA-F]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]{1,255})\]|(?:[A-Za-z0-9\-._~!$&'()*+;=]|%[0-9A-Fa-f]{2}){1,255})(?::(?:0*(?:[1-5]?[0-9]{1,4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?)?$/;

// Most clients send the same Host with every request.
let lastHost = '';

export function isHost(value: string): boolean {
  if (value === lastHost) return value !== '';
  if (!HOST_GRAMMAR.test(value)) return false;
  lastHost = value;
  return true;
}
