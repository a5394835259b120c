// Whole answers made here: pages and the text of `return`. Strings are bytes as latin1, one character each.
import type { Exchange } from '../exchange/exchange.ts';
import { INSTANT, LAST } from '../exchange/flow.ts';
import type { Seekable } from '../http/answer-head.ts';
import { BARE, passHead, REPLACED } from './head-pass.ts';
import { isConditional } from './preconditions.ts';

/** Conditions hold for text, too, which has neither a time nor a tag: `If-None-Match: *` is 304, any other tag in If-Match 412. */
const NAMELESS: Seekable = {
  size: 0,
  mtime: -1,
  etag: '',
  maxRanges: 0,
  ifModifiedSince: 'off',
  streamed: false,
};

/** What a 200 of text is to the head pass: nothing but something to compare with, where the request has conditions. */
export function comparable(exchange: Exchange): Seekable | null {
  return !exchange.isSub && isConditional(exchange.request) ? NAMELESS : null;
}

/** Their answers have no content, so no type of it either. */
const TYPELESS: ReadonlySet<number> = new Set([204, 205, 304]);

/** Sends `body` with `exchange.status` and `.lines`: not for HEAD, which gets its length only, nor with statuses that have none. */
export function sendBody(exchange: Exchange, body: string, isPage = false): void {
  exchange.takeError();
  const { status } = exchange;
  // RFC 9110 §15.3.6: a 205 has no content, and says so. nginx sends the text.
  const content = status === 205 ? '' : body;
  const isBodyless = status === 204 || status === 304;
  exchange.length = content.length;
  const seek = status === 200 ? comparable(exchange) : null;
  let isBare = exchange.method === 'HEAD' || isBodyless;
  if (seek !== null || exchange.location.filters !== null) {
    // Filters still see the type that goes below, and may add one of their own.
    const passed = passHead(exchange, seek, isPage ? 'page' : 'own');
    if (passed === REPLACED) return;
    isBare = passed === BARE;
  }
  // To filters these have the length of their text, 0 where there is none.
  if (isBodyless) exchange.length = -1;
  if (TYPELESS.has(status)) exchange.lines = exchange.lines.replace(OWN_TYPE, '');
  if (isBare) sendBare(exchange);
  else sendContent(exchange, content);
}

/** It stands before all others. */
const OWN_TYPE = /^Content-Type: .*\r\n/;

/** A page of ours as the answer: the validator and the ranges of what it stands for are not its own. */
export function sendPage(exchange: Exchange, page: string, lines = PAGE_LINES): void {
  exchange.lines = page === '' ? '' : lines;
  // Nobody knows where the next request begins (ngx_http_special_response_handler).
  if (exchange.request.chunked && bodyIsBroken(exchange)) exchange.closeAfter = true;
  exchange.keptLines = exchange.keptLines.replace(ETAG, '').replace(ACCEPT_RANGES, '');
  sendBody(exchange, page, true);
}

const PAGE_LINES = 'Content-Type: text/html\r\n';

/** The last ones: an answer before, whose place was taken too, leaves its own. */
const ETAG = /^etag:.*\r\n(?![\s\S]*^etag:)/im;
const ACCEPT_RANGES = /^accept-ranges:.*\r\n(?![\s\S]*^accept-ranges:)/im;

/** Sends the head that filters have seen, and a body that is all here. */
export function sendContent(exchange: Exchange, content: string | Buffer): void {
  exchange.setMaker(INSTANT);
  // Where filters change its length nobody knows that, also where only the head is of use and none of them is joined.
  if (exchange.sink === exchange.root && exchange.length >= 0)
    return exchange.root.sendWhole(INSTANT, exchange, content);
  const bytes = typeof content === 'string' ? Buffer.from(content, 'latin1') : content;
  exchange.sink.start(INSTANT, exchange, bytes, 0, bytes.length, LAST);
}

/** Sends the head that filters have seen, and no body; `exchange.length` is what Content-Length says. */
export function sendBare(exchange: Exchange): void {
  exchange.setMaker(INSTANT);
  exchange.sink.start(INSTANT, exchange, null, 0, 0, LAST);
}

/**
 * Answers `return status "text"`: the body with this Content-Type ('' = none; nginx takes the type of the URI's extension, see
 * `createTypeOf`).
 */
export function sendText(exchange: Exchange, status: number, body: string, contentType: string): void {
  if (exchange.request.chunked && bodyIsBroken(exchange)) {
    exchange.failure = 'client_body_malformed';
    return exchange.location.fail(exchange, 400, 'the chunked body is not valid');
  }
  clearAnswer(exchange);
  exchange.status = status;
  if (contentType !== '') exchange.lines = `Content-Type: ${contentType}\r\n`;
  sendBody(exchange, body);
}

/** Of a body that nobody reads nginx looks at what has come, before it answers (ngx_http_discard_request_body). */
function bodyIsBroken({ client, failure, isSub }: Exchange): boolean {
  return failure === null && !isSub && client.bodyIsBroken;
}

/** Forgets what a peer or an earlier try put into the answer: none of it belongs to the one made now. */
export function clearAnswer(exchange: Exchange): void {
  exchange.dropAnswer();
  exchange.lines = '';
  exchange.reason = '';
  exchange.ownServer = false;
  exchange.ownDate = false;
  exchange.length = -1;
}

/** Who asked for a subrequest may have something of its own for an error, which nginx logs without a status, or for a redirect. */
export function sendInstead(exchange: Exchange, status = 0): boolean {
  const instead = exchange.root.insteadOfError?.() ?? null;
  if (instead === null) return false;
  clearAnswer(exchange);
  exchange.status = status;
  exchange.lines = instead.contentType === '' ? '' : `Content-Type: ${instead.contentType}\r\n`;
  sendBody(exchange, instead.body);
  return true;
}
