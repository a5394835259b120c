// Status and field lines of a file's answer, and which parts of the file are its body: nginx's conditional and range
// filters and its header for files. Where the bytes come from is not known here.
import type { Exchange } from '../exchange.ts';
import type { RequestHead } from '../http/request-head.ts';
import { clearAnswer, sendBody, sendHeadOnly } from './answer.ts';
import type { Fail } from './error-page.ts';
import type { FileFacts } from './open-file.ts';
import {
  checkPreconditions,
  type IfModifiedSince,
  modifiedDate,
  rangeApplies,
  type Validators,
} from './preconditions.ts';
import { type ByteRange, multipart, parseRanges, type Segment } from './ranges.ts';

export interface FileHeadOptions {
  /** See `createTypeOf`. */
  readonly typeOf: (uri: string) => string;
  readonly maxRanges: number;
  readonly etag: boolean;
  readonly ifModifiedSince: IfModifiedSince;
  readonly fail: Fail;
}

/** What is to be sent of a file. */
export interface FileParts {
  readonly segments: readonly Segment[];
  /** Bytes of all segments together. */
  readonly length: number;
}

/** Sets status and lines. The parts that the caller sends; null when the answer is out: 304, 412, 416, HEAD, nothing to send. */
export function beginFileAnswer(
  exchange: Exchange,
  file: FileFacts,
  options: FileHeadOptions,
): FileParts | null {
  const { request } = exchange;
  const validators = validatorsOf(file, options.etag);
  const status = checkPreconditions(request, validators, options.ifModifiedSince);
  if (status === 412) {
    options.fail(exchange, 412, 'the file is not the one that the request asks for');
    return null;
  }
  clearAnswer(exchange);
  if (status === 304) {
    exchange.status = 304;
    exchange.lines = validatorLines(validators);
    sendHeadOnly(exchange, -1);
    return null;
  }
  const ranges = rangesOf(request, file, validators, options.maxRanges);
  if (ranges === 'unsatisfiable') {
    options.fail(exchange, 416, `the file has ${file.size} bytes`, `Content-Range: bytes */${file.size}\r\n`);
    return null;
  }
  const parts = partsOf(exchange, file, ranges, options);
  if (request.method !== 'HEAD' && parts.length > 0) return parts;
  if (parts.length === 0) sendBody(exchange, '');
  else sendHeadOnly(exchange, parts.length);
  return null;
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
  return typeLine(type) + validatorLines(validatorsOf(file, options.etag)) + accept;
}

function validatorsOf(file: FileFacts, etag: boolean): Validators {
  return { mtime: file.mtime, etag: etag ? `"${file.mtime.toString(16)}-${file.size.toString(16)}"` : '' };
}

function validatorLines(validators: Validators): string {
  const modified = `Last-Modified: ${modifiedDate(validators.mtime)}\r\n`;
  return validators.etag === '' ? modified : `${modified}ETag: ${validators.etag}\r\n`;
}

function typeLine(type: string): string {
  return type === '' ? '' : `Content-Type: ${type}\r\n`;
}

function rangesOf(
  request: RequestHead,
  file: FileFacts,
  validators: Validators,
  maxRanges: number,
): readonly ByteRange[] | 'unsatisfiable' | null {
  const range = maxRanges === 0 ? undefined : request.get('range');
  if (range === undefined || !rangeApplies(request.get('if-range'), validators)) return null;
  return parseRanges(range, file.size, maxRanges);
}

/** Sets status and lines of 200 (`ranges` null) or 206. */
function partsOf(
  exchange: Exchange,
  file: FileFacts,
  ranges: readonly ByteRange[] | null,
  options: FileHeadOptions,
): FileParts {
  const { size } = file;
  const type = options.typeOf(exchange.uri);
  if (ranges === null) {
    exchange.status = 200;
    exchange.lines = plainLines(type, file, options);
    return { segments: [{ from: 0, to: size }], length: size };
  }
  exchange.status = 206;
  const lines = validatorLines(validatorsOf(file, options.etag));
  if (ranges.length > 1) {
    const body = multipart(ranges, size, type);
    exchange.lines = typeLine(body.contentType) + lines;
    return body;
  }
  const [{ from, to }] = ranges;
  exchange.lines = `${typeLine(type)}${lines}Content-Range: bytes ${from}-${to - 1}/${size}\r\n`;
  return { segments: ranges, length: to - from };
}
