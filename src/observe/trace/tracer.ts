// Spans of exchanges and of their attempts: made when an exchange is over, of what it knows by then.
import type { Attempt } from '../../exchange/attempt.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import { newSpanId, type Trace } from '../../exchange/trace.ts';
import { traceOf } from '../../exchange/trace-of.ts';
import { CAUSE_OF } from '../../shared/failure.ts';
import type { SpanExporter } from './exporter.ts';
import { type Attributes, type AttributeValue, type Span, spanText } from './otlp.ts';

/** What a level says of its spans. */
export interface TracedLevel {
  /** As it is called where the file says nothing else; '' outside of all locations. */
  readonly route: string;
  /** '' = the route. */
  readonly name: ((x: Exchange) => string) | null;
  readonly attributes: readonly (readonly [name: string, value: (x: Exchange) => string])[];
  /** Decides for requests that were answered before anybody asked. */
  readonly samples: (x: Exchange) => boolean;
}

/** What is to be called when an exchange of the level is over. */
export function createTracing(exporter: SpanExporter, level: TracedLevel): (x: Exchange) => void {
  return (x) => {
    const trace = x.main.trace;
    if (x.isSub) {
      if (trace?.sampled === true) tellAttempts(exporter, x, trace);
      return;
    }
    // Of a request that came to no step: `return` answered it, or it was refused before.
    const isNew = trace === null || trace.sampled === null;
    if (isNew && (x.isInternal || !level.samples(x))) return;
    const present = traceOf(x);
    present.sampled ??= true;
    if (!present.sampled) return;
    exporter.add(() => spanText(requestSpan(x, present, level)));
    tellAttempts(exporter, x, present);
  };
}

/** From the clock of exchanges to that of the world, as it is now. */
function epochOffsetMs(): number {
  return Date.now() - performance.now();
}

function requestSpan(x: Exchange, trace: Trace, level: TracedLevel): Span {
  const offsetMs = epochOffsetMs();
  const status = x.errorStatus === 0 ? x.status : x.errorStatus;
  const name = level.name?.(x) ?? '';
  return {
    traceId: trace.traceId,
    spanId: trace.spanId,
    parentId: trace.parent.spanId,
    state: trace.parent.state,
    name: name !== '' ? name : level.route !== '' ? level.route : x.method,
    kind: 'server',
    startMs: x.startedAt + offsetMs,
    endMs: performance.now() + offsetMs,
    attributes: { ...requestAttributes(x, status, level.route), ...ownAttributes(x, level) },
    error: status >= 500 ? (x.failure ?? '') : null,
  };
}

/** Those of ngx_otel_module, under its names (semantic conventions 1.16). */
function requestAttributes(x: Exchange, status: number, route: string): Attributes {
  const { request, client } = x;
  const usualPort = client.secure ? 443 : 80;
  return {
    'http.method': x.method,
    'http.target': request.target,
    'http.route': route === '' ? undefined : route,
    'http.scheme': client.secure ? 'https' : 'http',
    'http.flavor': `1.${request.minor}`,
    'http.user_agent': request.get('user-agent'),
    'http.request_content_length': Math.max(0, request.contentLength),
    'http.response_content_length': x.bodyBytesSent,
    'http.status_code': status === 0 ? undefined : status,
    'net.host.name': x.server.name === '' ? request.host : x.server.name,
    'net.host.port': client.localPort === usualPort ? undefined : client.localPort,
    'net.sock.peer.addr': x.remoteAddress,
    'net.sock.peer.port': x.remotePort,
    'lbproxy.failure': x.failure ?? undefined,
  };
}

function ownAttributes(x: Exchange, { attributes }: TracedLevel): Attributes {
  const own: Record<string, AttributeValue> = {};
  for (const [name, value] of attributes)
    own[name] = /^http\.(?:request|response)\.header\./.test(name) ? [value(x)] : value(x);
  return own;
}

function tellAttempts(exporter: SpanExporter, x: Exchange, trace: Trace): void {
  for (const [i, attempt] of x.attempts.entries())
    exporter.add(() => spanText(attemptSpan(attempt, i, trace)));
}

function attemptSpan(attempt: Attempt, index: number, trace: Trace): Span {
  const offsetMs = epochOffsetMs();
  const { outcome, status, connectMs, headMs, totalMs } = attempt;
  const endMs = totalMs < 0 ? performance.now() : attempt.startedAt + totalMs;
  return {
    traceId: trace.traceId,
    spanId: attempt.spanId === '' ? newSpanId() : attempt.spanId,
    parentId: trace.spanId,
    state: trace.parent.state,
    name: attempt.upstream === '' ? attempt.peer : attempt.upstream,
    kind: 'client',
    startMs: attempt.startedAt + offsetMs,
    endMs: endMs + offsetMs,
    attributes: {
      'server.address': attempt.peer,
      'http.status_code': status === 0 ? undefined : status,
      'http.resend_count': index === 0 ? undefined : index,
      'lbproxy.upstream': attempt.upstream,
      'lbproxy.outcome': outcome,
      'lbproxy.connect_ms': connectMs < 0 ? undefined : connectMs,
      'lbproxy.head_ms': headMs < 0 ? undefined : headMs,
    },
    error: outcome === 'ok' && status < 500 ? null : (CAUSE_OF[outcome as keyof typeof CAUSE_OF] ?? ''),
  };
}
