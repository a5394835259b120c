// With error_detail an answer says which faults it has met; without, nothing in it does.
import type { Exchange } from '../../exchange/exchange.ts';

export const TRACE_FIELD = 'X-Lbproxy-Fault';

const traces = new WeakMap<Exchange, string>();

export function leaveTrace(x: Exchange, what: string): void {
  const before = traces.get(x);
  traces.set(x, before === undefined ? what : `${before}, ${what}`);
}

/** What was left, which is told once; '' without. */
export function takeTrace(x: Exchange): string {
  const trace = traces.get(x) ?? '';
  traces.delete(x);
  return trace;
}
