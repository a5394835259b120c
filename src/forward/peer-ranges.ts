// Ranges of answers that a peer gives whole (proxy_force_ranges): one part, cut out as the body comes.
import { parseHttpDate } from '../answer/http-date.ts';
import type { Settings } from '../config/model.ts';
import type { Seekable } from '../http/answer-head.ts';
import type { ResponseHead } from '../http/response-head.ts';

/** What may be cut out of an answer with this head; null = nothing. */
export type SeekPeer = (head: ResponseHead) => Seekable | null;

export function compilePeerRanges(isOn: boolean, { maxRanges }: Settings): SeekPeer | null {
  if (!isOn) return null;
  return (head) => {
    if (head.status !== 200 || head.chunked || head.contentLength < 0) return null;
    const modified = head.get('last-modified');
    return {
      size: head.contentLength,
      // Equal to no date, not even to one that is none.
      mtime: modified === undefined ? Number.NaN : parseHttpDate(modified),
      etag: head.get('etag') ?? '',
      maxRanges: Math.min(1, maxRanges),
      ifModifiedSince: 'off',
      streamed: true,
    };
  };
}
