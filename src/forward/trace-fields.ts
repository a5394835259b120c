// What a peer is told of the trace: traceparent and tracestate, where otel_trace_context says so. Each attempt is a span of its own.
import type { Settings } from '../config/model.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { newSpanId } from '../exchange/trace.ts';
import { traceOf } from '../exchange/trace-of.ts';

type Field = readonly [name: string, value: (x: Exchange) => string];

const FIELDS: readonly Field[] = [
  ['traceparent', traceparent],
  ['tracestate', (x) => traceOf(x).parent.state],
];

/** Those that stand in the place of the client's; what the configuration sets itself, stays. */
export function traceFields(
  { otelTraceContext }: Settings,
  isSet: (name: string) => boolean,
): readonly Field[] {
  if (otelTraceContext !== 'inject' && otelTraceContext !== 'propagate') return [];
  return FIELDS.filter(([name]) => !isSet(name));
}

function traceparent(x: Exchange): string {
  const trace = traceOf(x);
  const attempt = x.attempts.at(-1);
  // The span of the attempt is told of only where the trace is.
  if (attempt === undefined || trace.sampled !== true) return trace.traceparent(trace.spanId);
  if (attempt.spanId === '') attempt.spanId = newSpanId();
  return trace.traceparent(attempt.spanId);
}
