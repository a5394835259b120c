// Rows of traces, as ngx_otel_module has them.
import type { Settings } from '../../config/model.ts';
import { choice, HTTP_LEVELS, list, type Row, setting } from '../../config/row.ts';

/** otel_exporter. */
export interface OtelExporter {
  /** `http://host:port/path`. */
  readonly endpoint: string;
  /** Absolute; '' = the authorities of Node. */
  readonly trustedCertificate: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly intervalMs: number;
  /** Spans that go together. */
  readonly batchSize: number;
  /** Batches that may wait, be filled or be under way; spans beyond are dropped. */
  readonly batchCount: number;
}

type Attribute = readonly [name: string, value: string];

declare module '../../config/model.ts' {
  interface Settings {
    readonly otelExporter: OtelExporter | null;
    readonly otelServiceName: string;
    readonly otelResourceAttrs: readonly Attribute[];
    /** Template; `on` and `1` trace. */
    readonly otelTrace: string;
    readonly otelTraceContext: 'extract' | 'inject' | 'propagate' | 'ignore';
    /** Template; '' = the location's name. */
    readonly otelSpanName: string;
    /** Values are templates. */
    readonly otelSpanAttrs: readonly Attribute[];
  }
}

export const otelDefaults = {
  otelExporter: null,
  otelServiceName: 'unknown_service:lbproxy',
  otelResourceAttrs: [],
  otelTrace: 'off',
  otelTraceContext: 'ignore',
  otelSpanName: '',
  otelSpanAttrs: [],
} as const satisfies Partial<Settings>;

export const otelRows: readonly Row[] = [
  {
    kind: 'structure',
    name: 'otel_exporter',
    contexts: ['http'],
    opens: 'otel_exporter',
    args: [0, 0],
    syntax: '{ endpoint url; … }',
    doc:
      'Where spans of traces go, as OTLP/HTTP in JSON: `endpoint http://host:4318/v1/traces;`, `header name value;`, ' +
      '`trusted_certificate file;`, `interval time;` (5s), `batch_size number;` (512), `batch_count number;` (4). ' +
      'What the collector does not take in time is dropped and counted.',
  },
  setting('otelServiceName', {
    name: 'otel_service_name',
    contexts: ['http'],
    args: [1, 1],
    syntax: 'name',
    default: 'unknown_service:lbproxy',
    doc: 'The attribute service.name of the resource that spans come from.',
    read: ([name]) => name.text,
  }),
  list('otelResourceAttrs', {
    name: 'otel_resource_attr',
    contexts: ['http'],
    args: [2, 2],
    syntax: 'name value',
    doc: 'Another attribute of that resource.',
    read: ([name, value]) => [name.text, value.text] as const,
  }),
  setting('otelTrace', {
    name: 'otel_trace',
    contexts: HTTP_LEVELS,
    args: [1, 1],
    syntax: 'on | off | $variable',
    default: 'off',
    doc:
      'Whether spans are made of requests, and of their attempts on peers. With a variable where its value is `on` or `1`: ' +
      '`$otel_parent_sampled` traces what the client does, split_clients of `$otel_trace_id` a share.',
    read: ([value], cx) => cx.template(value),
  }),
  choice('otelTraceContext', ['extract', 'inject', 'propagate', 'ignore'], {
    name: 'otel_trace_context',
    contexts: HTTP_LEVELS,
    default: 'ignore',
    doc:
      'What becomes of the fields traceparent and tracestate: `extract` goes on with the trace of the request, `inject` sends them to ' +
      'the peer, `propagate` does both.',
  }),
  setting('otelSpanName', {
    name: 'otel_span_name',
    contexts: HTTP_LEVELS,
    args: [1, 1],
    syntax: 'name',
    default: 'the location',
    doc: 'Name of the spans of requests. May hold variables.',
    read: ([name], cx) => cx.template(name),
  }),
  list('otelSpanAttrs', {
    name: 'otel_span_attr',
    contexts: HTTP_LEVELS,
    args: [2, 2],
    syntax: 'name value',
    doc: 'Another attribute of the spans of requests. The value may hold variables.',
    read: ([name, value], cx) => [name.text, cx.template(value)] as const,
  }),
];
