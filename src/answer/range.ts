// nginx's range filter: of an answer whose body is at hand the parts that a Range field asks for.
import type { Exchange, Filter } from '../exchange/exchange.ts';
import { PASS } from '../exchange/slots.ts';
import type { AnswerHead, Seekable } from '../http/answer-head.ts';
import { type ByteRange, multipart, parseRanges } from './byte-ranges.ts';
import { rangeApplies } from './preconditions.ts';

export const RANGE: Filter = {
  slot: 'range',
  head(x, head) {
    const { seek } = head;
    if (seek === null || head.status !== 200 || seek.maxRanges === 0) return PASS;
    const ranges = rangesOf(x, seek);
    if (ranges === null) {
      head.add('Accept-Ranges', 'bytes');
      return PASS;
    }
    if (ranges === 'unsatisfiable') {
      head.why = `there are ${seek.size} bytes`;
      head.add('Content-Range', `bytes */${seek.size}`);
      return 416;
    }
    head.status = 206;
    setParts(head, ranges, seek.size);
    return PASS;
  },
};

function rangesOf(x: Exchange, seek: Seekable): readonly ByteRange[] | 'unsatisfiable' | null {
  const range = x.request.get('range');
  if (range === undefined || !rangeApplies(x.request.get('if-range'), seek)) return null;
  return parseRanges(range, seek.size, seek.maxRanges);
}

function setParts(head: AnswerHead, ranges: readonly ByteRange[], size: number): void {
  if (ranges.length > 1) {
    const { segments, length, contentType } = multipart(ranges, size, head.get('content-type') ?? '');
    head.set('Content-Type', contentType);
    head.segments = segments;
    head.length = length;
    return;
  }
  const [{ from, to }] = ranges;
  head.add('Content-Range', `bytes ${from}-${to - 1}/${size}`);
  head.segments = ranges;
  head.length = to - from;
}
