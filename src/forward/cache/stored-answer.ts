// Answers with what a cache has stored: head and body go the way of a peer's answer, conditions and ranges are answered here.
import { closeFile, sendFile } from '../../answer/file-transfer.ts';
import { BARE, passHead, REPLACED, WHOLE } from '../../answer/head-pass.ts';
import { parseHttpDate } from '../../answer/http-date.ts';
import { clearAnswer, sendBare } from '../../answer/whole.ts';
import type { Entry } from '../../cache/entry.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import type { Seekable, Segment } from '../../http/answer-head.ts';
import { MAX_FIELDS } from '../../http/fields.ts';
import { MALFORMED, NEED_MORE } from '../../http/request-head.ts';
import { parseResponseHead, ResponseHead } from '../../http/response-head.ts';
import { obeyAccel } from '../accel.ts';
import type { ForwardOptions } from '../forward-options.ts';
import type { CacheOptions } from './options.ts';

/** As it is kept: fields that frame the message, which our own framing replaces, say whether there was a length. */
const UNBOUNDED = 1 << 20;
const LIMITS = { maxLine: UNBOUNDED, maxHead: UNBOUNDED, maxFields: MAX_FIELDS };

/** What is kept of a peer's head, in the form of HTTP/1.1 whatever it spoke. */
export function headText(head: ResponseHead): string {
  let text = `HTTP/1.1 ${head.status} ${head.reason}\r\n`;
  for (let i = 0; i < head.count; i++) {
    if (head.named(i, 'transfer-encoding') || head.named(i, 'connection') || head.named(i, 'keep-alive'))
      continue;
    text += `${head.name(i)}: ${head.value(i)}\r\n`;
  }
  return `${text}\r\n`;
}

/** null: it cannot be read any more. */
export function storedHead(entry: Entry): ResponseHead | null {
  const head = new ResponseHead();
  const bytes = Buffer.from(entry.head, 'latin1');
  const after = parseResponseHead(head, bytes, { start: 0, end: bytes.length, scanned: 0 }, LIMITS);
  return after === NEED_MORE || after === MALFORMED ? null : head;
}

/** What may be made of a stored answer, or of one that is being stored, besides the whole. */
export function seekableOf(
  head: ResponseHead,
  length: number,
  { forcesRanges, maxRanges, ifModifiedSince }: CacheOptions,
): Seekable {
  const modified = head.get('last-modified');
  const mayCut = length >= 0 && (forcesRanges || head.find('accept-ranges') >= 0);
  return {
    size: length,
    mtime: modified === undefined ? -1 : parseHttpDate(modified),
    etag: head.get('etag') ?? '',
    maxRanges: mayCut ? maxRanges : 0,
    ifModifiedSince,
    streamed: false,
  };
}

/** The peer's word on ranges is not the client's where they are made here. */
const ACCEPT_RANGES = /^accept-ranges:.*\r\n/gim;

export function hideRanges(x: Exchange): void {
  x.lines = x.lines.replace(ACCEPT_RANGES, '');
}

/** Takes `entry` over, also where it cannot be sent. */
export function sendStored(x: Exchange, entry: Entry, options: ForwardOptions, cache: CacheOptions): void {
  const head = storedHead(entry);
  if (head === null) {
    closeFile(entry.fd);
    return x.location.fail(x, 500, 'what the cache has stored cannot be read');
  }
  clearAnswer(x);
  obeyAccel(head, { exchange: x, buffer() {} }, options.ignoreHeaders);
  options.takeHead(x, head);
  hideRanges(x);
  x.length = head.status === 204 ? -1 : head.contentLength;
  // A status without a body, whatever its head says.
  if (head.status === 304 && x.method !== 'HEAD') x.length = Math.min(x.length, 0);
  const passed = passHead(x, seekableOf(head, x.length, cache), 'peer');
  if (passed === REPLACED || passed === BARE) {
    closeFile(entry.fd);
    if (passed === BARE) sendBare(x);
    return;
  }
  const { bodyStart, bodyEnd, fd } = entry;
  const whole = { from: bodyStart, to: bodyEnd };
  const segments = passed === WHOLE ? [whole] : passed.map((segment) => moved(segment, bodyStart));
  const length = segments.reduce((sum, s) => sum + (typeof s === 'string' ? s.length : s.to - s.from), 0);
  sendFile(
    x,
    { fd, segments, length },
    {
      read: null,
      unsent: (message) => x.location.fail(x, 500, `what the cache has stored cannot be read: ${message}`),
    },
  );
}

function moved(segment: Segment, by: number): Segment {
  return typeof segment === 'string' ? segment : { from: segment.from + by, to: segment.to + by };
}
