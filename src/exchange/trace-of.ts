// The trace of an exchange, made when somebody first asks for it. Subrequests have that of the main exchange.
import type { Exchange } from './exchange.ts';
import { NO_PARENT, parseParent, Trace } from './trace.ts';

/** A location that has this among its own variables takes the context that a request brings. */
export const EXTRACTS = 'otel_extracts';

export function traceOf(x: Exchange): Trace {
  const { main } = x;
  if (main.trace === null) {
    const { request, location } = main;
    const extracts = location.own !== null && EXTRACTS in location.own;
    const parent = extracts
      ? parseParent(request.get('traceparent') ?? '', request.getAll('tracestate') ?? '')
      : NO_PARENT;
    main.trace = new Trace(parent);
  }
  return main.trace;
}
