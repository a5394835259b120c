// What is pure in the special loads of the benchmark: frames and percentiles.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Latencies } from '../../bench/load/latencies.ts';
import { frameLength, maskedFrame, payloadOf, plainFrame } from '../../bench/load/websocket-frame.ts';

const payload = fc.uint8Array({ maxLength: 125 }).map((bytes) => Buffer.from(bytes));
const mask = fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => Buffer.from(bytes));

describe('frames of the WebSocket load', () => {
  it('are those of RFC 6455 section 5.7', () => {
    const hello = Buffer.from('Hello');
    // The examples are of text frames (0x81), these are binary (0x82).
    expect(plainFrame(hello).toString('hex')).toBe('820548656c6c6f');
    expect(maskedFrame(hello, Buffer.from('37fa213d', 'hex')).toString('hex')).toBe('828537fa213d7f9f4d5158');
  });

  it('give back the payload they were made of, masked and plain', () => {
    fc.assert(
      fc.property(payload, mask, (bytes, key) => {
        const frames = [maskedFrame(bytes, key), plainFrame(bytes)];
        expect(frames.map((frame) => payloadOf(frame).equals(bytes))).toEqual([true, true]);
        expect(frames.map((frame) => frameLength(frame, 0))).toEqual(frames.map((frame) => frame.length));
      }),
    );
  });

  it('have no length while a byte is missing, and their own length before another frame', () => {
    fc.assert(
      fc.property(payload, mask, fc.nat(130), (bytes, key, cut) => {
        const frame = maskedFrame(bytes, key);
        expect(frameLength(frame.subarray(0, Math.min(cut, frame.length - 1)), 0)).toBe(0);
        const two = Buffer.concat([plainFrame(bytes), frame]);
        expect(frameLength(two, 0)).toBe(2 + bytes.length);
        expect(frameLength(two, 2 + bytes.length)).toBe(frame.length);
      }),
    );
  });

  it('are refused when they are too long for one byte of length', () => {
    expect(() => plainFrame(Buffer.alloc(126))).toThrow('125');
    expect(() => frameLength(Buffer.from([0x82, 126, 0, 200]), 0)).toThrow('length field');
  });
});

describe('Latencies', () => {
  const of = (...values: number[]): Latencies => {
    const latencies = new Latencies();
    for (const value of values) latencies.add(value);
    return latencies;
  };

  it('takes percentiles by nearest rank, whatever the order of the values', () => {
    const hundred = of(...Array.from({ length: 100 }, (_, i) => 100 - i));
    expect(hundred.figures()).toEqual({ p50Ms: 50, p90Ms: 90, p99Ms: 99, p999Ms: 100, maxMs: 100 });
    expect(of(3, 1).percentile(0.5)).toBe(1);
    expect(of(7).figures()).toEqual({ p50Ms: 7, p90Ms: 7, p99Ms: 7, p999Ms: 7, maxMs: 7 });
    expect(of().percentile(0.5)).toBeNaN();
  });

  it('goes on after it was asked, and beyond its first array', () => {
    const latencies = of(5, 1);
    expect(latencies.percentile(1)).toBe(5);
    for (let i = 0; i < 100_000; i++) latencies.add(0);
    latencies.add(9);
    expect([latencies.count, latencies.percentile(1), latencies.percentile(0.99)]).toEqual([100_003, 9, 0]);
  });
});
