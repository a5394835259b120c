// Reads the head of a CGI answer (RFC 3875 §6): fields without a status line, which Status or Location give. FastCGI, SCGI and uwsgi apps
// send such heads; the latter two may put a status line in front. As ngx_http_fastcgi_process_header reads them, but for what could be read two ways.
import { CONTENT_LENGTH, scanFields, X_ACCEL } from '../http/fields.ts';
import { parseContentLength } from '../http/framing.ts';
import { findHeadEnd } from '../http/head-end.ts';
import { type HeadLimits, MALFORMED, NEED_MORE } from '../http/request-head.ts';
import type { ResponseHead, ResponseProblem } from '../http/response-head.ts';

export interface CgiRange {
  readonly start: number;
  readonly end: number;
  /** How much of it was looked at before. */
  readonly scanned: number;
}

/** What stood in front of the fields. */
export interface FirstLine {
  readonly bytes: number;
  /** null = no status line. */
  readonly given: { readonly status: number; readonly reason: string } | null;
}

const HTTP = 'HTTP/';

/** As ngx_http_parse_status_line reads it. */
const STATUS_LINE = /^HTTP\/[1-9]\d{0,2}\.\d{1,3} +(\d{3})(?:[ .]([^\r\n]*))?\r?\n$/;

/**
 * uwsgi and SCGI apps may begin with a status line, as HTTP has it; then Status says nothing. A first line that only begins so is passed
 * over, as nginx does.
 */
export function parseHttpOrCgiHead(
  head: ResponseHead,
  buf: Buffer,
  range: CgiRange,
  limits: HeadLimits,
): number {
  const { start, end, scanned } = range;
  if (end - start < HTTP.length || buf.latin1Slice(start, start + HTTP.length) !== HTTP)
    return parseCgiHead(head, buf, range, limits);
  const newline = buf.subarray(start, end).indexOf(10);
  if (newline < 0 || newline >= limits.maxHead)
    return end - start > limits.maxHead ? refuse(head, 'head too large') : NEED_MORE;
  const fields = start + newline + 1;
  const m = STATUS_LINE.exec(buf.latin1Slice(start, fields));
  const given = m === null ? null : { status: Number(m[1]), reason: m[2] ?? '' };
  // What is below 200 would not be the answer yet; 101 is the answer to whoever asked for it.
  if (given !== null && given.status < 200 && given.status !== 101)
    return refuse(head, 'invalid status line');
  const bytes = newline + 1;
  const rest = { start: fields, end, scanned: Math.max(0, scanned - bytes) };
  return parseCgiHead(head, buf, rest, limits, { bytes, given });
}

const NO_LINE: FirstLine = { bytes: 0, given: null };

/** The offset behind the head in `buf[start, end)`; NEED_MORE, or MALFORMED with `head.problem`. */
export function parseCgiHead(
  head: ResponseHead,
  buf: Buffer,
  range: CgiRange,
  limits: HeadLimits,
  { bytes, given }: FirstLine = NO_LINE,
): number {
  const { start, end, scanned } = range;
  const maxBytes = limits.maxHead - bytes;
  const size = emptyLineAt(buf, start, end) || findHeadEnd(buf, start, end, scanned);
  if (size === 0) return end - start > maxBytes ? refuse(head, 'head too large') : NEED_MORE;
  // A lone LF may have ended the head before: the fields tell.
  const length = scanHead(head, buf.subarray(start, start + size), limits);
  if (typeof length !== 'number') return refuse(head, length);
  if (length < 0 || length > maxBytes) return refuse(head, 'head too large');
  head.size = length;
  const problem = interpret(head, given);
  return problem === null ? start + length : refuse(head, problem);
}

function scanHead(head: ResponseHead, bytes: Buffer, limits: HeadLimits): number | ResponseProblem {
  head.reset();
  head.minor = 1;
  const read = scanFields(head, bytes, 0, 0, bytes.length, limits);
  const isRead = typeof read === 'number' && read >= 0;
  head.text = bytes.latin1Slice(0, isRead ? read : Math.min(bytes.length, limits.maxHead + limits.maxLine));
  if (read !== 'field line without colon') return read;
  // A line that is a name only is a field without a value, as nginx takes it: some apps write so.
  const length = /\n\r?\n/.exec(head.text);
  if (length === null) return read;
  const size = length.index + length[0].length;
  head.text = head.text.slice(0, size).replace(NAMES_ONLY, '$&:');
  const mended = Buffer.from(head.text, 'latin1');
  const again = scanFields(head, mended, 0, 0, mended.length, limits);
  return typeof again === 'number' ? size : again;
}

const NAMES_ONLY = /^[A-Za-z0-9_-]+(?=\r?$)/gm;

/** A head without fields: 1 or 2 bytes. */
function emptyLineAt(buf: Buffer, start: number, end: number): number {
  if (start < end && buf[start] === 10) return 1;
  return end - start >= 2 && buf[start] === 13 && buf[start + 1] === 10 ? 2 : 0;
}

function refuse(head: ResponseHead, problem: ResponseProblem): typeof MALFORMED {
  head.problem = problem;
  return MALFORMED;
}

/** What the fields say of the answer. Connection and Transfer-Encoding say nothing here: records frame the body. */
function interpret(head: ResponseHead, given: FirstLine['given']): ResponseProblem | null {
  for (let i = 0; i < head.count; i++) {
    if (head.named(i, 'content-type')) spell(head, i, 'Content-Type');
    if (head.ids[i] === X_ACCEL) head.accelerated = true;
    if (head.ids[i] !== CONTENT_LENGTH) continue;
    const length = parseContentLength(head.value(i));
    if (length < 0) return 'invalid Content-Length';
    if (head.contentLength >= 0) return 'several Content-Length fields';
    head.contentLength = length;
  }
  if (given !== null) {
    head.status = given.status;
    head.reason = given.reason;
    return null;
  }
  // Of several the first one holds.
  const status = head.find('status');
  if (status >= 0) return readStatus(head, head.value(status));
  head.status = head.find('location') >= 0 ? 302 : 200;
  head.reason = '';
  return null;
}

/** nginx writes this field anew, in its own spelling; PHP has another. */
function spell(head: ResponseHead, i: number, name: string): void {
  const start = head.at[4 * i];
  head.text = head.text.slice(0, start) + name + head.text.slice(start + name.length);
}

/** `404` or `404 Not Found`. What is below 200 would not be the answer yet. */
function readStatus(head: ResponseHead, value: string): ResponseProblem | null {
  if (!/^[2-9]\d\d/.test(value)) return 'invalid Status field';
  head.status = Number(value.slice(0, 3));
  head.reason = value.slice(value[3] === ' ' ? 4 : 3);
  return null;
}
