// $otel_trace_id and its like: the trace that a request belongs to, for logs and for whoever samples. Asking makes one.
import { traceOf } from '../../exchange/trace-of.ts';
import type { VariableTable } from '../../route/template.ts';

export const otelVariables: VariableTable = {
  plain: {
    trace_id: (x) => traceOf(x).traceId,
    otel_trace_id: (x) => traceOf(x).traceId,
    otel_span_id: (x) => traceOf(x).spanId,
    otel_parent_id: (x) => traceOf(x).parent.spanId || undefined,
    otel_parent_sampled: (x) => (traceOf(x).parent.sampled ? '1' : '0'),
  },
  families: {},
};
