// Spans as OTLP/HTTP writes them in JSON (opentelemetry-proto, JSON mapping): numbers of 64 bits are texts, ids hexadecimal.
import { toText } from '../../route/template.ts';

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

/** Written piece by piece: where all requests are traced this is most of what that costs. */
export function spanText(span: Span): string {
  const { parentId, state, error } = span;
  const parent = parentId === '' ? '' : `"parentSpanId":"${parentId}",`;
  const shownState = state === '' ? '' : `"traceState":${quoted(state)},`;
  const message = error === null || error === '' ? '' : `,"message":${quoted(error)}`;
  return (
    `{"traceId":"${span.traceId}","spanId":"${span.spanId}",${parent}${shownState}"name":${quoted(span.name)},` +
    `"kind":${KINDS[span.kind]},"startTimeUnixNano":"${nanoseconds(span.startMs)}",` +
    `"endTimeUnixNano":"${nanoseconds(Math.max(span.startMs, span.endMs))}",` +
    `"attributes":${attributesText(span.attributes)},"status":{${error === null ? '' : `"code":${ERROR}${message}`}}}`
  );
}

/** The frame around spans: what stands before them, and behind. */
export function requestFrame(
  resource: Attributes,
  scope: { readonly name: string; readonly version: string },
): readonly [head: string, tail: string] {
  const head = `{"resourceSpans":[{"resource":{"attributes":${attributesText(resource)}},`;
  return [`${head}"scopeSpans":[{"scope":${JSON.stringify(scope)},"spans":[`, ']}]}]}'];
}

function attributesText(attributes: Attributes): string {
  let text = '';
  for (const key in attributes) {
    const value = attributes[key];
    if (value === undefined) continue;
    text += `${text === '' ? '' : ','}{"key":${quoted(key)},"value":${valueText(value)}}`;
  }
  return `[${text}]`;
}

function valueText(value: AttributeValue): string {
  if (typeof value === 'string') return `{"stringValue":${quoted(value)}}`;
  if (typeof value === 'boolean') return `{"boolValue":${value}}`;
  if (typeof value === 'number')
    return Number.isInteger(value) ? `{"intValue":"${value}"}` : `{"doubleValue":${value}}`;
  return `{"arrayValue":{"values":[${value.map(valueText).join(',')}]}}`;
}

/** Nothing in it needs an escape. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** Bytes as latin1 → a string of JSON. */
function quoted(bytes: string): string {
  const short = bytes.length > TEXT_CHARS ? bytes.slice(0, TEXT_CHARS) : bytes;
  return PLAIN.test(short) ? `"${short}"` : JSON.stringify(toText(short));
}

/** A double has no room for the nanoseconds of now: the part below milliseconds is added as digits. */
function nanoseconds(epochMs: number): string {
  const ms = Math.floor(epochMs);
  return `${ms}${String(Math.floor((epochMs - ms) * 1e6)).padStart(6, '0')}`;
}
