// The trace that a request belongs to: W3C trace context, made here or taken from the request. A leaf; whose it is, others know.

/** What a request said of itself; empty where it said nothing that can be used. */
export interface TraceParent {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
  /** tracestate as it came. */
  readonly state: string;
}

export const NO_PARENT: TraceParent = { traceId: '', spanId: '', sampled: false, state: '' };

/** Versions after 00 may have more behind; ff is none. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const ZEROS = /^0+$/;

/** Of the fields traceparent and tracestate. What is no traceparent says nothing, and its state neither. */
export function parseParent(traceparent: string, state: string): TraceParent {
  const [, version, traceId, spanId, flags, more] = TRACEPARENT.exec(traceparent) ?? [];
  if (version === undefined || (version === '00' && more !== undefined)) return NO_PARENT;
  if (ZEROS.test(traceId) || ZEROS.test(spanId)) return NO_PARENT;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1, state };
}

export class Trace {
  readonly parent: TraceParent;
  /** 32 and 16 hexadecimal digits. */
  readonly traceId: string;
  readonly spanId: string;
  /** Its spans are told; null until that was asked. */
  sampled: boolean | null = null;

  constructor(parent: TraceParent) {
    const random = randomHex(24);
    this.parent = parent;
    this.traceId = parent.traceId === '' ? random.slice(0, 32) : parent.traceId;
    this.spanId = random.slice(32);
  }

  /** For whoever is asked on behalf of a span of it. */
  traceparent(spanId: string): string {
    return `00-${this.traceId}-${spanId}-${this.sampled === true ? '01' : '00'}`;
  }
}

export function newSpanId(): string {
  return randomHex(8);
}

/** Ids are no secrets: many are drawn at once. */
const pool = new Uint8Array(3072);
const drawn = Buffer.from(pool.buffer);
let used = pool.length;

function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  used += bytes;
  return drawn.hexSlice(used - bytes, used);
}
