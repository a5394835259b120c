// Reads the head of a peer's answer: head | need-more | malformed. As strict as the request side (RFC 9112 §4, §6.3).
import { ownText } from '../shared/buffers.ts';
import {
  CONNECTION,
  CONTENT_LENGTH,
  type FieldProblem,
  KEEP_ALIVE,
  scanFields,
  TRANSFER_ENCODING,
  UPGRADE,
  X_ACCEL,
} from './fields.ts';
import { type Framing, parseContentLength, readConnection } from './framing.ts';
import { findHeadEnd, nearEnd } from './head-end.ts';
import { KnownHeads } from './known-heads.ts';
import { MessageHead } from './message-head.ts';
import { type HeadLimits, MALFORMED, NEED_MORE } from './request-head.ts';

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

export class ResponseHead extends MessageHead {
  status = 0;
  reason = '';
  /** It has X-Accel- fields. */
  accelerated = false;
  /** Seconds of `Keep-Alive: timeout=N`; -1 when the peer did not say. */
  keepAliveSeconds = -1;
  problem: ResponseProblem = 'invalid status line';
  /** The same head, read before and kept; null where it was read for this answer. */
  known: ResponseHead | null = null;

  reset(): void {
    this.resetFields();
    this.known = null;
    this.accelerated = false;
    this.keepAliveSeconds = -1;
  }

  /** Lets go of the text: a connection in the pool keeps nothing of the last answer. */
  forget(): void {
    this.text = '';
    this.reason = '';
    this.known = null;
  }

  /** It is a head that is kept. */
  take(known: ResponseHead): void {
    this.borrow(known);
    this.#takeAll(known);
    this.known = known;
  }

  /** The same head, to be kept. */
  kept(): ResponseHead {
    const known = new ResponseHead();
    known.keepFields(this);
    known.#takeAll(this);
    // A slice would keep the text that it was cut from.
    known.reason = ownText(this.reason);
    return known;
  }

  #takeAll(from: ResponseHead): void {
    this.takeMeaning(from);
    this.minor = from.minor;
    this.size = from.size;
    this.status = from.status;
    this.reason = from.reason;
    this.accelerated = from.accelerated;
    this.keepAliveSeconds = from.keepAliveSeconds;
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

const knownAnswers = new KnownHeads<ResponseHead>();

/** As `parseRequestHead`, for an answer. */
export function parseResponseHead(
  head: ResponseHead,
  buf: Buffer,
  range: { readonly start: number; readonly end: number; readonly scanned: number },
  limits: HeadLimits,
): number {
  const { start, end, scanned } = range;
  if (scanned === 0 && mayEndAt(buf, start, end, lastSize)) {
    const known = knownAnswers.find(buf, start, start + lastSize, limits);
    if (known !== null) {
      head.take(known);
      return start + lastSize;
    }
  }
  const size = (scanned === 0 ? usualEnd(buf, start, end) : 0) || findHeadEnd(buf, start, end, scanned);
  if (size === 0) return checkUnfinished(head, buf, range, limits);
  // One as long as the last was asked for above.
  const known = size === lastSize ? null : knownAnswers.find(buf, start, start + size, limits);
  lastSize = size;
  if (known === null) return readHead(head, buf, start, start + size, limits);
  head.take(known);
  return start + size;
}

/** Of the head that was read last: the next one is often as long. One that came before ends where it ended then, without a search. */
let lastSize = 0;

function mayEndAt(buf: Buffer, start: number, end: number, size: number): boolean {
  const at = start + size;
  return size > 0 && at <= end && buf[at - 1] === 10 && buf[at - 2] === 13 && buf[at - 3] === 10;
}

const HEAD_END = Buffer.from('\r\n\r\n');

/** Bytes up to the first CRLF CRLF, where a lone LF may end the head before; 0 where there is none. What is behind `end` is not to be heeded. */
function usualEnd(buf: Buffer, start: number, end: number): number {
  const near = nearEnd(buf, start, end);
  if (near > 0) return near - start;
  const at = buf.indexOf(HEAD_END, start);
  return at < 0 || at + HEAD_END.length > end ? 0 : at + HEAD_END.length - start;
}

/** Of a head that ends at `end` or, where a lone LF ends it, before. */
function readHead(head: ResponseHead, buf: Buffer, start: number, end: number, limits: HeadLimits): number {
  head.reset();
  const fields = parseStatusLine(head, buf, start, end);
  if (fields < 0)
    return refuse(head, noStatusLine(buf.latin1Slice(start, Math.min(end, start + BEGINNING_BYTES))));
  const after = scanFields(head, buf, start, fields, end, limits);
  if (typeof after !== 'number') return refuse(head, after);
  if (after < 0 || after - start > limits.maxHead) return refuse(head, 'head too large');
  head.text = buf.latin1Slice(start, after);
  head.size = after - start;
  const problem = interpret(head);
  if (problem !== null) return refuse(head, problem);
  if (knownAnswers.isWorth(buf, start, after, head.count))
    knownAnswers.keep(buf, start, after, limits, head.kept());
  return after;
}

/** `HTTP/1.1 `, and the frame that HTTP/2 begins with. */
const BEGINNING_BYTES = 16;

/** A head that has no end yet: is it already too large, or no answer at all? */
function checkUnfinished(
  head: ResponseHead,
  buf: Buffer,
  { start, end }: { readonly start: number; readonly end: number },
  limits: HeadLimits,
): number {
  const text = buf.latin1Slice(start, Math.min(end, start + BEGINNING_BYTES));
  if (end - start >= 9 && !text.startsWith('HTTP/1.')) return refuse(head, noStatusLine(text));
  return end - start > limits.maxHead ? refuse(head, 'head too large') : NEED_MORE;
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
function parseStatusLine(head: ResponseHead, buf: Buffer, start: number, end: number): number {
  if (end - start < SHORTEST || !beginsAs(buf, start, 'HTTP/1.') || buf[start + 8] !== 32) return -1;
  const minor = buf[start + 7] - 48;
  const a = buf[start + 9] - 48;
  const b = buf[start + 10] - 48;
  const c = buf[start + 11] - 48;
  if (minor < 0 || minor > 9 || a < 1 || a > 9 || b < 0 || b > 9 || c < 0 || c > 9) return -1;
  let p = start + 12;
  while (p < end && isReason(buf[p])) p++;
  const lineEnd = p;
  if (p < end && buf[p] === 13) p++;
  if (p >= end || buf[p] !== 10) return -1;
  if (lineEnd > start + 12 && buf[start + 12] !== 32) return -1;
  head.minor = minor === 0 ? 0 : 1;
  head.status = a * 100 + b * 10 + c;
  head.reason = lineEnd > start + 13 ? buf.latin1Slice(start + 13, lineEnd) : '';
  return p + 1;
}

/** `HTTP/1.1 200` and a line end. */
const SHORTEST = 13;

function beginsAs(buf: Buffer, start: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (buf[start + i] !== text.charCodeAt(i)) return false;
  return true;
}

function isReason(c: number): boolean {
  return (c >= 32 && c !== 127) || c === 9;
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
