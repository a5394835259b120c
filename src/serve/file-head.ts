// Field lines of a file's answer, and what conditions and ranges of the request may know of it. Where the bytes come from is not known here.
import type { FileParts } from '../answer/file-transfer.ts';
import { BARE, passHead, REPLACED, WHOLE } from '../answer/head-pass.ts';
import { type IfModifiedSince, modifiedDate } from '../answer/preconditions.ts';
import { clearAnswer, sendBare } from '../answer/whole.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Seekable, Segment } from '../http/answer-head.ts';
import type { RequestHead } from '../http/request-head.ts';
import type { FileFacts } from './open-file.ts';

export interface FileHeadOptions {
  /** See `createTypeOf`. */
  readonly typeOf: (uri: string) => string;
  /** As Content-Encoding names it; '' = none. */
  readonly coding: string;
  readonly maxRanges: number;
  readonly etag: boolean;
  readonly ifModifiedSince: IfModifiedSince;
}

/** Sets status and lines, and lets all filters see them. The parts that the caller sends; null when the answer is out. */
export function beginFileAnswer(
  exchange: Exchange,
  file: FileFacts,
  options: FileHeadOptions,
): FileParts | null {
  clearAnswer(exchange);
  const seek = seekableOf(file, options);
  exchange.status = 200;
  const status = exchange.errorPending && exchange.errorStatus !== 0 ? exchange.errorStatus : 200;
  const validators = validatorLines(seek, options.coding, MODIFIED_TOLD.has(status));
  exchange.lines = typeLine(options.typeOf(exchange.uri)) + validators;
  exchange.length = file.size;
  const passed = passHead(exchange, seek);
  if (passed === REPLACED) return null;
  if (passed === BARE) {
    sendBare(exchange);
    return null;
  }
  const segments = passed === WHOLE ? [{ from: 0, to: file.size }] : passed;
  return { segments, length: lengthOf(segments) };
}

/** Statuses with which nginx says when a file was modified: with that of an error it does not. */
const MODIFIED_TOLD: ReadonlySet<number> = new Set([200, 206, 304]);

function lengthOf(segments: readonly Segment[]): number {
  let length = 0;
  for (const segment of segments)
    length += typeof segment === 'string' ? segment.length : segment.to - segment.from;
  return length;
}

/** Whether nothing in the request asks for more or less than the file as it is: no condition, no range. */
export function isPlain(request: RequestHead): boolean {
  const { text, at } = request;
  for (let i = 0; i < request.count; i++) {
    const start = at[4 * i];
    const first = text.charCodeAt(start) | 32;
    if (first === LETTER_R && request.named(i, 'range')) return false;
    // All conditions are named If-…; so may others be, and then go the longer way for nothing.
    if (first === LETTER_I && (text.charCodeAt(start + 1) | 32) === LETTER_F && text[start + 2] === '-')
      return false;
  }
  return true;
}

const LETTER_F = 0x66;
const LETTER_I = 0x69;
const LETTER_R = 0x72;

/** Field lines of the answer to a plain request: 200 with the whole file, of this Content-Type ('' = none). */
export function plainLines(type: string, file: FileFacts, options: FileHeadOptions): string {
  const accept = options.maxRanges > 0 ? 'Accept-Ranges: bytes\r\n' : '';
  return typeLine(type) + validatorLines(seekableOf(file, options), options.coding, true) + accept;
}

function seekableOf(file: FileFacts, options: FileHeadOptions): Seekable {
  const { mtime, size } = file;
  const etag = options.etag ? `"${mtime.toString(16)}-${size.toString(16)}"` : '';
  const { maxRanges, ifModifiedSince } = options;
  return { size, mtime, etag, maxRanges, ifModifiedSince, streamed: false, ofFile: true };
}

function validatorLines({ mtime, etag }: Seekable, coding: string, isTold: boolean): string {
  const modified = isTold ? `Last-Modified: ${modifiedDate(mtime)}\r\n` : '';
  const lines = etag === '' ? modified : `${modified}ETag: ${etag}\r\n`;
  return coding === '' ? lines : `${lines}Content-Encoding: ${coding}\r\n`;
}

function typeLine(type: string): string {
  return type === '' ? '' : `Content-Type: ${type}\r\n`;
}
