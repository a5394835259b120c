// FastCGI records: written as nginx writes them, and read in whatever pieces they come.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as decoding from '../../../src/back/fastcgi/record-decoder.ts';
import {
  afterStdin,
  beforeStdin,
  beginRequest,
  END_OF_STDIN,
  parameter,
  STDIN_BYTES,
} from '../../../src/back/fastcgi/records.ts';

const hex = (text: string): string => Buffer.from(text, 'latin1').toString('hex');

describe('a request', () => {
  it('begins, with or without the wish to keep the connection', () => {
    const rest = '0104000100000000';
    expect(hex(beginRequest('', false))).toBe(`01010001000800000001000000000000${rest}`);
    expect(hex(beginRequest('', true))).toBe(`01010001000800000001010000000000${rest}`);
  });

  it('has its parameters in one record that ends at a multiple of eight', () => {
    const one = parameter('A', 'bc');
    expect(hex(one)).toBe('0102416263');
    expect(hex(beginRequest(one, false)).slice(32)).toBe(`0104000100050300${hex(one)}0000000104000100000000`);
  });

  it.each([
    [127, '7f'],
    [128, '80000080'],
    [70_000, '80011170'],
  ])('writes a length of %i', (length, bytes) => {
    const long = 'x'.repeat(length);
    expect(hex(parameter(long, '')).slice(0, bytes.length + 2)).toBe(`${bytes}00`);
    expect(hex(parameter('', long)).slice(0, bytes.length + 2)).toBe(`00${bytes}`);
  });

  it('has its body in records', () => {
    expect(hex(beforeStdin(5))).toBe('0105000100050300');
    expect(hex(afterStdin(5))).toBe('000000');
    expect(hex(beforeStdin(STDIN_BYTES))).toBe('0105000180000000');
    expect(afterStdin(8)).toBe('');
    expect(hex(END_OF_STDIN)).toBe('0105000100000000');
  });
});

const record = (type: number, content: string | Buffer, padding = 0, id = 1): Buffer => {
  const body = Buffer.from(content as string, 'latin1');
  const head = [1, type, id >> 8, id & 255, body.length >> 8, body.length & 255, padding, 0];
  return Buffer.concat([Buffer.from(head), body, Buffer.alloc(padding, 0xee)]);
};

const ending = (status = 0, padding = 0): Buffer =>
  record(3, Buffer.from([0, 0, 0, 9, status, 0, 0, 0]), padding);

interface Decoded {
  output: string;
  errors: string;
  /** What came, in its order, pieces of one kind as one. */
  events: string;
  status: number;
  problem: string;
  /** Bytes behind the end of the request. */
  rest: number;
}

/** Decodes segment by segment, as a connection does; a segment ends at each cut. Stops as an attempt does. */
function decode(bytes: Buffer, cuts: readonly number[] = []): Decoded {
  const decoder = new decoding.RecordDecoder();
  const seen: Decoded = { output: '', errors: '', events: '', status: -1, problem: '', rest: -1 };
  let from = 0;
  for (const end of [...cuts, bytes.length]) {
    const segment = Buffer.from(bytes.subarray(from, end));
    if (!decodeSegment(decoder, segment, seen)) {
      if (seen.rest >= 0) seen.rest = bytes.length - from - decoder.pos;
      break;
    }
    from = end;
  }
  seen.events = seen.events.replace(/(.)\1+/g, '$1');
  return seen;
}

function decodeSegment(decoder: decoding.RecordDecoder, segment: Buffer, seen: Decoded): boolean {
  for (let pos = 0; ; pos = decoder.pos) {
    const event = decoder.next(segment, pos, segment.length);
    const text = (): string => segment.latin1Slice(decoder.from, decoder.to);
    switch (event) {
      case decoding.MORE:
        expect(decoder.pos).toBe(segment.length);
        return true;
      case decoding.OUTPUT:
        expect(text()).not.toBe('');
        seen.output += text();
        seen.events += 'o';
        break;
      case decoding.ERRORS:
        seen.errors += text();
        seen.events += 'e';
        break;
      case decoding.OUTPUT_END:
        seen.events += '.';
        break;
      case decoding.REQUEST_END:
        seen.status = decoder.protocolStatus;
        seen.rest = 0;
        return false;
      default:
        seen.problem = decoder.problem;
        return false;
    }
  }
}

const everyByte = (bytes: Buffer): number[] => Array.from({ length: bytes.length }, (_, i) => i);

describe('an answer', () => {
  it('has output, errors and an end', () => {
    const bytes = Buffer.concat([
      record(6, 'ab', 6),
      record(7, 'oh', 1),
      record(6, 'c'),
      record(6, ''),
      ending(0),
    ]);
    const seen = { output: 'abc', errors: 'oh', events: 'oeo.', status: 0, problem: '', rest: 0 };
    expect(decode(bytes)).toEqual(seen);
    expect(decode(bytes, everyByte(bytes))).toEqual(seen);
    expect(decode(Buffer.concat([bytes, Buffer.from('x')]))).toEqual({ ...seen, rest: 1 });
  });

  it.each([0, 1, 2, 3])('says how it ended: %i', (status) => {
    const bytes = ending(status, 5);
    expect(decode(bytes)).toMatchObject({ status, rest: 0 });
    expect(decode(bytes, everyByte(bytes))).toMatchObject({ status, rest: 0 });
    expect(decode(bytes.subarray(0, -1))).toMatchObject({ status: -1 });
  });

  it('may end without a status', () => {
    expect(decode(record(3, ''))).toMatchObject({ status: 0 });
    expect(decode(record(3, 'abc', 2))).toMatchObject({ status: 0, rest: 0 });
  });

  it('has records of full length, and errors without any', () => {
    const long = 'x'.repeat(65_535);
    const bytes = Buffer.concat([record(6, long, 255), record(7, '', 255), record(6, 'y')]);
    expect(decode(bytes).output).toBe(`${long}y`);
    expect(decode(bytes, [3, 5, 8, 9, 65_543, 65_700, 65_806]).output).toBe(`${long}y`);
  });

  it.each([
    ['HTTP', Buffer.from('HTTP/1.1 200 OK\r\n\r\n'), 'its bytes are no FastCGI of version 1 (72)'],
    ['another version', record(6, 'a').fill(2, 0, 1), 'its bytes are no FastCGI of version 1 (2)'],
    ['an unknown type', record(11, 'a'), 'a FastCGI record of type 11 has no place in an answer'],
    ['a request', record(1, 'a'), 'a FastCGI record of type 1 has no place in an answer'],
    ['a management record', record(10, 'a', 0, 0), 'a FastCGI record of type 10 has no place in an answer'],
    ['id 0', record(6, 'a', 0, 0), 'a FastCGI record is of another request (0)'],
    ['id 2', record(6, 'a', 0, 2), 'a FastCGI record is of another request (2)'],
    ['id 257', record(6, 'a', 0, 257), 'a FastCGI record is of another request (256 or more)'],
  ])('is none: %s', (_what, bytes, problem) => {
    expect(decode(bytes).problem).toBe(problem);
    expect(decode(bytes, everyByte(bytes)).problem).toBe(problem);
    expect(decode(Buffer.concat([record(6, 'ab', 3), bytes]))).toMatchObject({ output: 'ab', problem });
  });

  it('means the same in any pieces', () => {
    const type = fc.constantFrom(6, 6, 6, 7, 7, 3, 5);
    const content = fc.string({ maxLength: 20, unit: fc.constantFrom('a', '\0', '\x01', '\x06') });
    const one = fc.tuple(type, content, fc.nat(9)).map((parts) => record(...parts));
    fc.assert(
      fc.property(fc.array(one, { maxLength: 8 }), fc.array(fc.nat(200)), (records, some) => {
        const bytes = Buffer.concat(records);
        const cuts = [...new Set(some.filter((n) => n < bytes.length))].sort((a, b) => a - b);
        expect(decode(bytes, cuts)).toEqual(decode(bytes));
        expect(decode(bytes, everyByte(bytes))).toEqual(decode(bytes));
      }),
    );
  });

  it('never throws and always moves on, whatever the bytes', () => {
    const byte = fc.oneof(fc.constantFrom(0, 1, 3, 6, 7), fc.nat(255));
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 300 }), (bytes) => {
        const whole = Buffer.from(bytes);
        expect(decode(whole, everyByte(whole))).toEqual(decode(whole));
      }),
    );
  });
});
