// Pieces put side by side: whatever was there before, and whichever way they are copied.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readBuffer } from '../../src/shared/buffers.ts';
import { framed, framedText, giveBack, takeAway } from '../../src/socket/out-buffer.ts';

const HEADS = ['', 'head: 1\r\n', 'HEAD: 2\r\n', 'x'.repeat(300)];
const HEAD_BYTES = HEADS.map((head) => Buffer.from(head, 'latin1'));
const own = Buffer.from(Array.from({ length: 70_000 }, (_, i) => (i * 7) & 255));

const step = fc.record({
  before: fc.nat(HEADS.length - 1),
  asBytes: fc.boolean(),
  lent: fc.boolean(),
  from: fc.nat(9),
  length: fc.oneof(fc.nat(140), fc.constantFrom(0, 127, 128, 129, 2049, 60_000)),
  after: fc.constantFrom('', '\r\n', '\xff\xe4'),
  waits: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
});

describe('framed', () => {
  it('has all pieces in a row, and keeps what a write took along', () => {
    for (let i = 0; i < readBuffer.length; i++) readBuffer[i] = (i * 13) & 255;
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
        const waiting: { readonly bytes: Buffer; readonly store: Buffer; readonly wanted: string }[] = [];
        for (const { before, asBytes, lent, from, length, after, waits } of steps) {
          const buf = lent ? readBuffer : own;
          const bytes = framed(asBytes ? HEAD_BYTES[before] : HEADS[before], buf, from, from + length, after);
          const wanted = HEADS[before] + buf.latin1Slice(from, from + length) + after;
          expect(bytes.latin1Slice()).toBe(wanted);
          if (waits) waiting.push({ bytes, store: takeAway(bytes), wanted });
        }
        for (const { bytes, store, wanted } of waiting) {
          expect(bytes.latin1Slice()).toBe(wanted);
          giveBack(store);
        }
      }),
    );
  });

  it('of a text alone is the text', () => {
    for (const text of ['', 'a', 'x'.repeat(200_000)]) expect(framedText(text).latin1Slice()).toBe(text);
  });
});
