// Reads heads the way a connection does: whole, or as they grow segment by segment, and gives what came of it as plain data.
import {
  type HeadLimits,
  MALFORMED,
  NEED_MORE,
  parseRequestHead,
  RequestHead,
  statusOfProblem,
} from '../../src/http/request-head.ts';
import { parseResponseHead, ResponseHead } from '../../src/http/response-head.ts';

/** nginx's defaults: large_client_header_buffers 4 8k, max_headers 1000. */
export const LIMITS: HeadLimits = { maxLine: 8192, maxHead: 32_768, maxFields: 1000 };

/** Bounds that short inputs reach. */
export const SMALL_LIMITS: HeadLimits = { maxLine: 48, maxHead: 120, maxFields: 4 };

export const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

export type Outcome =
  | { readonly kind: 'head'; readonly size: number; readonly head: Readonly<Record<string, unknown>> }
  | { readonly kind: 'malformed'; readonly problem: string; readonly status: number }
  | { readonly kind: 'more' };

type Fieldlike = RequestHead | ResponseHead;

function fieldsOf(head: Fieldlike): (readonly [string, string])[] {
  return Array.from({ length: head.count }, (_, i) => [head.name(i), head.value(i)] as const);
}

function requestData(head: RequestHead): Record<string, unknown> {
  const { method, target, path, minor, host, contentLength, chunked, hasBody } = head;
  const { close, keepAlive, upgradeRequested, connectionNames, expectContinue, upgradeAt, size } = head;
  return {
    ...{ method, target, path, minor, host, contentLength, chunked, hasBody, size, fields: fieldsOf(head) },
    ...{ close, keepAlive, upgradeRequested, connectionNames, expectContinue, upgradeAt },
  };
}

function responseData(head: ResponseHead): Record<string, unknown> {
  const { minor, status, reason, contentLength, chunked, close, keepAlive, persistent, size } = head;
  const { upgradeRequested, connectionNames, upgradeAt, keepAliveSeconds } = head;
  return {
    ...{ minor, status, reason, contentLength, chunked, close, keepAlive, persistent, size },
    ...{ upgradeRequested, connectionNames, upgradeAt, keepAliveSeconds, fields: fieldsOf(head) },
  };
}

type Parse = (bytes: Buffer, range: { start: number; end: number; scanned: number }) => number;

/** Feeds growing prefixes that end at `cuts`, then the whole; stops at the first that decides. */
function feed(bytes: Buffer, cuts: readonly number[], parse: Parse): number {
  let scanned = 0;
  for (const end of [...cuts, bytes.length]) {
    const after = parse(bytes.subarray(0, end), { start: 0, end, scanned });
    if (after !== NEED_MORE) return after;
    scanned = end;
  }
  return NEED_MORE;
}

export function readRequest(bytes: Buffer, cuts: readonly number[] = [], limits = LIMITS): Outcome {
  const head = new RequestHead();
  return outcomeOfRequest(
    head,
    feed(bytes, cuts, (buf, range) => parseRequestHead(head, buf, range, limits)),
  );
}

/** `after`: what the parser returned, from the beginning of the head on. */
export function outcomeOfRequest(head: RequestHead, after: number): Outcome {
  if (after === NEED_MORE) return { kind: 'more' };
  if (after === MALFORMED) {
    return { kind: 'malformed', problem: head.problem, status: statusOfProblem(head.problem) };
  }
  return { kind: 'head', size: after, head: requestData(head) };
}

export function readResponse(bytes: Buffer, cuts: readonly number[] = [], limits = LIMITS): Outcome {
  const head = new ResponseHead();
  return outcomeOfResponse(
    head,
    feed(bytes, cuts, (buf, range) => parseResponseHead(head, buf, range, limits)),
  );
}

/** As `outcomeOfRequest`. */
export function outcomeOfResponse(head: ResponseHead, after: number): Outcome {
  if (after === NEED_MORE) return { kind: 'more' };
  if (after === MALFORMED) return { kind: 'malformed', problem: head.problem, status: 502 };
  return { kind: 'head', size: after, head: responseData(head) };
}
