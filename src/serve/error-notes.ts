// What was said of an exchange for the error log, kept for its error page: whoever refuses a request without a word on the page (deny,
// limits, a wrong password) has told the log why. Only where error_detail is on.
import type { Exchange } from '../exchange/exchange.ts';

const notes = new WeakMap<Exchange, string>();

/** The last one counts. */
export function noteFor(exchange: Exchange, message: string): void {
  notes.set(exchange, message);
}

/** '' = nothing was said. */
export function noteOf(exchange: Exchange): string {
  return notes.get(exchange) ?? '';
}
