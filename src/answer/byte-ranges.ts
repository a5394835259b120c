// Byte ranges (RFC 9110 §14): what a Range field asks of a file, and the body that answers it. Pure.
import { randomInt } from 'node:crypto';
import type { Segment } from '../http/answer-head.ts';

/** Bytes from…to of a file; `to` is the offset after the last one. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

/** `first-last`, `first-` or `-suffix`, with the spaces that nginx allows. */
const SPEC = /^ *(?:(\d+) *- *(?:(\d+) *)?|-(\d+) *)$/;

/** nginx reads positions as signed 64-bit numbers and refuses what is larger. */
const MAX_POSITION = 2 ** 63;

/**
 * The ranges that a Range field asks of `size` bytes; null when the whole file is the answer (no byte ranges, more than
 * `maxRanges`, or together more than the file); 'unsatisfiable' for 416, which nginx gives for malformed fields too.
 */
export function parseRanges(
  value: string,
  size: number,
  maxRanges: number,
): ByteRange[] | 'unsatisfiable' | null {
  if (value.length < 7 || value.slice(0, 6).toLowerCase() !== 'bytes=') return null;
  const ranges: ByteRange[] = [];
  let total = 0;
  for (const spec of value.slice(6).split(',')) {
    const range = parseSpec(spec, size);
    if (range === null) return 'unsatisfiable';
    if (range.from < range.to) {
      if (ranges.length === maxRanges) return null;
      ranges.push(range);
      total += range.to - range.from;
    } else if (range.from === 0) {
      // Only of an empty file: nothing of nothing is the whole of it.
      return null;
    }
  }
  if (ranges.length === 0) return 'unsatisfiable';
  // Overlapping ranges would let one small request ask for many times the file.
  return ranges.length > 1 && total > size ? null : ranges;
}

/** An empty range (from ≥ to) is one that lies outside; null is malformed. */
function parseSpec(spec: string, size: number): ByteRange | null {
  const m = SPEC.exec(spec);
  if (m === null) return null;
  if (m[3] !== undefined) {
    const suffix = Number(m[3]);
    return suffix > MAX_POSITION ? null : { from: Math.max(0, size - suffix), to: size };
  }
  const first = Number(m[1]);
  const last = m[2] === undefined ? size : Number(m[2]);
  if (first > MAX_POSITION || last > MAX_POSITION) return null;
  return { from: first, to: last >= size ? size : last + 1 };
}

/** A multipart/byteranges body, its length in bytes and its own Content-Type. */
export interface Multipart {
  readonly segments: readonly Segment[];
  readonly length: number;
  readonly contentType: string;
}

/** Puts two or more ranges of a file of `type` ('' = none) into one body; boundary lines as nginx writes them. */
export function multipart(ranges: readonly ByteRange[], size: number, type: string): Multipart {
  const boundary = String(randomInt(2 ** 48 - 1)).padStart(20, '0');
  const head = `\r\n--${boundary}\r\n${type === '' ? '' : `Content-Type: ${type}\r\n`}Content-Range: bytes `;
  const segments: Segment[] = [];
  let length = 0;
  for (const range of ranges) {
    const text = `${head}${range.from}-${range.to - 1}/${size}\r\n\r\n`;
    segments.push(text, range);
    length += text.length + range.to - range.from;
  }
  const end = `\r\n--${boundary}--\r\n`;
  segments.push(end);
  return { segments, length: length + end.length, contentType: `multipart/byteranges; boundary=${boundary}` };
}
