// Spans as text: JSON, whatever bytes clients and peers sent, and with what was in them.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Attributes, requestFrame, type Span, spanText } from '../../../src/observe/trace/otlp.ts';

const SPAN: Span = {
  traceId: 'a'.repeat(32),
  spanId: 'b'.repeat(16),
  parentId: '',
  state: '',
  name: 'x',
  kind: 'server',
  startMs: 1_700_000_000_000.25,
  endMs: 1_700_000_000_001,
  attributes: {},
  error: null,
};

const read = (span: Span): Record<string, unknown> => JSON.parse(spanText(span)) as Record<string, unknown>;

const BYTES = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((n) => String.fromCharCode(n)),
  maxLength: 40,
});

const decoded = (bytes: string): string => {
  const raw = Buffer.from(bytes, 'latin1');
  const text = raw.toString('utf8');
  return Buffer.from(text).equals(raw) ? text : bytes;
};

describe('a span', () => {
  it('is what OTLP says of JSON', () => {
    expect(read(SPAN)).toEqual({
      traceId: 'a'.repeat(32),
      spanId: 'b'.repeat(16),
      name: 'x',
      kind: 2,
      startTimeUnixNano: '1700000000000250000',
      endTimeUnixNano: '1700000000001000000',
      attributes: [],
      status: {},
    });
    const attributes: Attributes = { a: 1, b: 1.5, c: true, d: ['x', 'y'], e: undefined, f: 't' };
    expect(
      read({ ...SPAN, kind: 'client', parentId: 'c'.repeat(16), state: 'k=v', error: 'why', attributes }),
    ).toMatchObject({
      kind: 3,
      parentSpanId: 'c'.repeat(16),
      traceState: 'k=v',
      status: { code: 2, message: 'why' },
      attributes: [
        { key: 'a', value: { intValue: '1' } },
        { key: 'b', value: { doubleValue: 1.5 } },
        { key: 'c', value: { boolValue: true } },
        { key: 'd', value: { arrayValue: { values: [{ stringValue: 'x' }, { stringValue: 'y' }] } } },
        { key: 'f', value: { stringValue: 't' } },
      ],
    });
    expect(read({ ...SPAN, error: '' }).status).toEqual({ code: 2 });
  });

  it('never ends before it begins', () => {
    expect(read({ ...SPAN, endMs: 1 }).endTimeUnixNano).toBe('1700000000000250000');
  });

  it('carries any bytes, as UTF-8 where they are that', () => {
    fc.assert(
      fc.property(BYTES, BYTES, BYTES, (name, key, value) => {
        const span = { ...SPAN, name, state: value, error: value, attributes: { [`k${key}`]: value } };
        const { name: shown, attributes } = read(span);
        expect(shown).toBe(decoded(name));
        expect(attributes).toEqual([{ key: decoded(`k${key}`), value: { stringValue: decoded(value) } }]);
      }),
    );
    expect(read({ ...SPAN, name: 'é'.repeat(5000) }).name).toHaveLength(2000);
  });

  it('stands in a frame that is JSON, too', () => {
    const [head, tail] = requestFrame({ 'service.name': 'a"b' }, { name: 'lbproxy', version: '1' });
    const body = JSON.parse(`${head}${spanText(SPAN)},${spanText(SPAN)}${tail}`) as {
      resourceSpans: { scopeSpans: { spans: unknown[] }[] }[];
    };
    expect(body.resourceSpans[0].scopeSpans[0].spans).toHaveLength(2);
  });
});
