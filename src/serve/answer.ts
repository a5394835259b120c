// Whole answers made here: pages and the text of `return`. Strings are bytes as latin1, one character each.
import type { Exchange } from '../exchange.ts';

/** Sends `body` with `exchange.status` and `.lines`: not for HEAD, which gets its length only, nor with statuses that have none. */
export function sendBody(exchange: Exchange, body: string): void {
  const { status, client } = exchange;
  exchange.producer = null;
  if (status === 204 || status === 304) {
    sendHeadOnly(exchange, -1);
    return;
  }
  // RFC 9110 §15.3.6: a 205 has no content, and says so. nginx sends the text.
  if (status === 205) {
    sendHeadOnly(exchange, 0);
    return;
  }
  if (exchange.request.method === 'HEAD') {
    sendHeadOnly(exchange, body.length);
    return;
  }
  client.sendWhole(exchange, body);
}

/** Their answers have no content, so no type of it either. */
const BARE: ReadonlySet<number> = new Set([204, 205, 304]);

/** An answer without body; `length` is what Content-Length says, -1 = no such field. */
export function sendHeadOnly(exchange: Exchange, length: number): void {
  exchange.producer = null;
  exchange.length = length;
  exchange.client.start(exchange, null, 0, 0, true);
}

/**
 * Answers `return status "text"`: the body with this Content-Type ('' = none; nginx takes the type of the URI's extension, see
 * `createTypeOf`).
 */
export function sendText(exchange: Exchange, status: number, body: string, contentType: string): void {
  clearAnswer(exchange);
  exchange.status = status;
  if (contentType !== '' && !BARE.has(status)) exchange.lines = `Content-Type: ${contentType}\r\n`;
  sendBody(exchange, body);
}

/** Forgets what a peer or an earlier try put into the answer: none of it belongs to the one made now. */
export function clearAnswer(exchange: Exchange): void {
  exchange.lines = '';
  exchange.reason = '';
  exchange.ownServer = false;
  exchange.ownDate = false;
  exchange.length = -1;
}
