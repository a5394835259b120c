// The head's half of all filters that compress: which answers, and what becomes of their fields (ngx_http_gzip_header_filter).
import { TypeSet } from '../../answer/content-type.ts';
import type { AnswerSink, Exchange, Filter, Link } from '../../exchange/exchange.ts';
import { JOIN, PASS, VARIES } from '../../exchange/slots.ts';
import type { AnswerHead } from '../../http/answer-head.ts';

export interface Compression {
  /** As Content-Encoding names it. */
  readonly coding: string;
  readonly types: readonly string[];
  readonly minLength: number;
  /** Whether this client takes it. */
  readonly accepts: (x: Exchange, head: AnswerHead) => boolean;
  readonly join: (x: Exchange, next: AnswerSink) => Link;
}

export function createCompressFilter({ coding, types, minLength, accepts, join }: Compression): Filter {
  const known = new TypeSet(types);
  return {
    slot: 'gzip',
    head(x, head) {
      if (!STATUSES.has(head.status)) return PASS;
      if (head.length >= 0 && head.length < minLength) return PASS;
      if ((head.get('content-encoding') ?? '') !== '' || !known.has(head)) return PASS;
      x.coding |= VARIES;
      if (!accepts(x, head)) return PASS;
      head.bodyChanges();
      head.add('Content-Encoding', coding);
      return JOIN;
    },
    join,
  };
}

const STATUSES: ReadonlySet<number> = new Set([200, 403, 404]);
