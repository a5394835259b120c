// Reads the head of a peer's answer: head | need-more | malformed. As strict as the request side (RFC 9112 §4, §6.3).
import {
  CONNECTION,
  CONTENT_LENGTH,
  type FieldProblem,
  Fields,
  KEEP_ALIVE,
  scanFields,
  TRANSFER_ENCODING,
  UPGRADE,
  X_ACCEL,
} from './fields.ts';
import {
  type ConnectionNames,
  type ConnectionOptions,
  type Framing,
  parseContentLength,
  readConnection,
} from './framing.ts';
import { findHeadEnd, type HeadLimits, MALFORMED, NEED_MORE } from './request-head.ts';

export type ResponseProblem =
  | FieldProblem
  | 'invalid status line'
  | 'invalid Status field'
  | 'it speaks HTTP/2 only'
  | 'head too large'
  | 'invalid Content-Length'
  | 'several Content-Length fields'
  | 'invalid Transfer-Encoding'
  | 'Transfer-Encoding in HTTP/1.0'
  | 'more than 64 options in Connection'
  | 'Content-Length with Transfer-Encoding';

export class ResponseHead extends Fields implements ConnectionOptions {
  minor: 0 | 1 = 1;
  status = 0;
  reason = '';
  contentLength = -1;
  chunked = false;
  close = false;
  keepAlive = false;
  upgradeRequested = false;
  optionCount = 0;
  connectionNames: ConnectionNames | null = null;
  upgradeAt = -1;
  /** It has X-Accel- fields. */
  accelerated = false;
  /** Seconds of `Keep-Alive: timeout=N`; -1 when the peer did not say. */
  keepAliveSeconds = -1;
  size = 0;
  problem: ResponseProblem = 'invalid status line';

  reset(): void {
    this.count = 0;
    this.contentLength = -1;
    this.chunked = false;
    this.close = false;
    this.keepAlive = false;
    this.upgradeRequested = false;
    this.optionCount = 0;
    this.connectionNames = null;
    this.upgradeAt = -1;
    this.accelerated = false;
    this.keepAliveSeconds = -1;
  }

  /** Lets go of the text: a connection in the pool keeps nothing of the last answer. */
  forget(): void {
    this.text = '';
    this.reason = '';
  }

  /** Whether the peer keeps the connection after this answer, if its framing allows. */
  get persistent(): boolean {
    return !this.close && (this.minor === 1 || this.keepAlive);
  }
}

/** What ends the body of an answer to this method (RFC 9112 §6.3, items 1–8). */
export function responseFraming(head: ResponseHead, method: string): Framing {
  const status = head.status;
  if (method === 'HEAD' || status === 204 || status === 304 || status < 200) return 'none';
  if (head.chunked) return 'chunked';
  if (head.contentLength >= 0) return head.contentLength === 0 ? 'none' : 'length';
  return 'until-close';
}

/** A head this small, and nearly all are, is found in one text together with the beginning of its body. */
const USUAL_HEAD_BYTES = 2048;

/** As `parseRequestHead`, for an answer. */
export function parseResponseHead(
  head: ResponseHead,
  buf: Buffer,
  range: { readonly start: number; readonly end: number; readonly scanned: number },
  limits: HeadLimits,
): number {
  // The text may reach into the body: only the fields tell where the head ends. Of a head that came in part before, no more is looked at
  // here than says what it is.
  const most = range.scanned === 0 ? USUAL_HEAD_BYTES : BEGINNING_BYTES;
  const text = buf.latin1Slice(range.start, Math.min(range.end, range.start + most));
  if (range.scanned === 0 && text.includes('\r\n\r\n')) {
    head.text = text;
  } else {
    const size = findHeadEnd(buf, range.start, range.end, range.scanned);
    if (size === 0) return checkUnfinished(head, text, range.end - range.start, limits);
    head.text = buf.latin1Slice(range.start, range.start + Math.min(size, limits.maxHead + limits.maxLine));
  }
  head.reset();
  const fields = parseStatusLine(head);
  if (fields < 0) return refuse(head, noStatusLine(head.text));
  const end = scanFields(head, fields, limits.maxLine, limits.maxFields);
  if (typeof end !== 'number') return refuse(head, end);
  if (end < 0 || end > limits.maxHead) return refuse(head, 'head too large');
  head.size = end;
  const problem = interpret(head);
  return problem === null ? range.start + end : refuse(head, problem);
}

/** `HTTP/1.1 `, and the frame that HTTP/2 begins with. */
const BEGINNING_BYTES = 16;

/** A head that has no end yet: is it already too large, or no answer at all? */
function checkUnfinished(head: ResponseHead, text: string, length: number, limits: HeadLimits): number {
  if (length >= 9 && !text.startsWith('HTTP/1.')) return refuse(head, noStatusLine(text));
  return length > limits.maxHead ? refuse(head, 'head too large') : NEED_MORE;
}

/** A server of HTTP/2 begins with a SETTINGS frame of stream 0, whatever it was asked (RFC 9113 §3.4, §4.1). */
function noStatusLine(text: string): ResponseProblem {
  return HTTP2_SETTINGS.test(text) ? 'it speaks HTTP/2 only' : 'invalid status line';
}

const HTTP2_SETTINGS = /^\0[\s\S]{2}\x04\0{5}/;

function refuse(head: ResponseHead, problem: ResponseProblem): typeof MALFORMED {
  head.problem = problem;
  return MALFORMED;
}

/** `HTTP/1.x SP 3DIGIT [SP reason]`; returns the offset of the first field line or -1. */
function parseStatusLine(head: ResponseHead): number {
  const text = head.text;
  if (!text.startsWith('HTTP/1.') || text.charCodeAt(8) !== 32) return -1;
  const minor = text.charCodeAt(7) - 48;
  const a = text.charCodeAt(9) - 48;
  const b = text.charCodeAt(10) - 48;
  const c = text.charCodeAt(11) - 48;
  if (minor < 0 || minor > 9 || a < 1 || a > 9 || b < 0 || b > 9 || c < 0 || c > 9) return -1;
  const newline = text.indexOf('\n', 12);
  if (newline < 0) return -1;
  const end = text.charCodeAt(newline - 1) === 13 ? newline - 1 : newline;
  if (end > 12 && text.charCodeAt(12) !== 32) return -1;
  for (let i = 13; i < end; i++) {
    const code = text.charCodeAt(i);
    if ((code < 32 && code !== 9) || code === 127) return -1;
  }
  head.minor = minor === 0 ? 0 : 1;
  head.status = a * 100 + b * 10 + c;
  head.reason = end > 13 ? text.slice(13, end) : '';
  return newline + 1;
}

function interpret(head: ResponseHead): ResponseProblem | null {
  let coded = false;
  for (let i = 0; i < head.count; i++) {
    switch (head.ids[i]) {
      case CONTENT_LENGTH: {
        const length = parseContentLength(head.value(i));
        if (length < 0) return 'invalid Content-Length';
        if (head.contentLength >= 0) return 'several Content-Length fields';
        head.contentLength = length;
        break;
      }
      case TRANSFER_ENCODING:
        if (coded || head.value(i).toLowerCase() !== 'chunked') return 'invalid Transfer-Encoding';
        if (head.minor === 0) return 'Transfer-Encoding in HTTP/1.0';
        coded = true;
        head.chunked = true;
        break;
      case CONNECTION:
        if (!readConnection(head, head.value(i))) return 'more than 64 options in Connection';
        break;
      case UPGRADE:
        head.upgradeAt = i;
        break;
      case X_ACCEL:
        head.accelerated = true;
        break;
      case KEEP_ALIVE:
        head.keepAliveSeconds = Number(/(?:^|[\s,;])timeout=(\d{1,9})/i.exec(head.value(i))?.[1] ?? -1);
        break;
    }
  }
  return coded && head.contentLength >= 0 ? 'Content-Length with Transfer-Encoding' : null;
}
