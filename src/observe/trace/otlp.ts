// Spans as OTLP/HTTP writes them in JSON (opentelemetry-proto, JSON mapping): numbers of 64 bits are texts, ids hexadecimal.
import { decodeBytes } from '../json-text.ts';

export type AttributeValue = string | number | boolean | readonly string[];
/** `undefined` = there is none. Texts are bytes as latin1. */
export type Attributes = Readonly<Record<string, AttributeValue | undefined>>;

export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  /** '' for none. */
  readonly parentId: string;
  readonly state: string;
  readonly name: string;
  readonly kind: 'server' | 'client';
  /** Milliseconds since the epoch. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Attributes;
  /** Why it failed; null where it did not, '' where nothing more is known. */
  readonly error: string | null;
}

const KINDS = { server: 2, client: 3 } as const;
const ERROR = 2;
/** What clients send may be long: so much of a text is kept. */
const TEXT_CHARS = 2000;

export function spanText(span: Span): string {
  return JSON.stringify({
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentId === '' ? undefined : span.parentId,
    traceState: span.state === '' ? undefined : shortened(span.state),
    name: shortened(span.name),
    kind: KINDS[span.kind],
    startTimeUnixNano: nanoseconds(span.startMs),
    endTimeUnixNano: nanoseconds(Math.max(span.startMs, span.endMs)),
    attributes: attributesOf(span.attributes),
    status: span.error === null ? {} : { code: ERROR, message: span.error === '' ? undefined : span.error },
  });
}

/** The frame around spans: what stands before them, and behind. */
export function requestFrame(
  resource: Attributes,
  scope: { readonly name: string; readonly version: string },
): readonly [head: string, tail: string] {
  const head = `{"resourceSpans":[{"resource":{"attributes":${JSON.stringify(attributesOf(resource))}},`;
  return [`${head}"scopeSpans":[{"scope":${JSON.stringify(scope)},"spans":[`, ']}]}]}'];
}

function attributesOf(attributes: Attributes): unknown[] {
  return Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: valueText(value) }],
  );
}

function valueText(value: AttributeValue): unknown {
  if (typeof value === 'string') return { stringValue: shortened(value) };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number')
    return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  return { arrayValue: { values: value.map((text) => ({ stringValue: shortened(text) })) } };
}

function shortened(bytes: string): string {
  return decodeBytes(bytes.length > TEXT_CHARS ? bytes.slice(0, TEXT_CHARS) : bytes);
}

/** A double has no room for the nanoseconds of now: the part below milliseconds is added as digits. */
function nanoseconds(epochMs: number): string {
  const ms = Math.floor(epochMs);
  return `${ms}${String(Math.floor((epochMs - ms) * 1e6)).padStart(6, '0')}`;
}
