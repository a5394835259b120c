// Heads and targets that came before, in the buffer that sockets read into: what is found must be what reading them anew gives.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nearEnd } from '../../src/http/head-end.ts';
import { knownTarget } from '../../src/http/known-targets.ts';
import { type HeadLimits, parseRequestHead, RequestHead } from '../../src/http/request-head.ts';
import { parseResponseHead, ResponseHead } from '../../src/http/response-head.ts';
import { readBuffer } from '../../src/shared/buffers.ts';
import { LIMITS, latin1, type Outcome, outcomeOfRequest, outcomeOfResponse } from './heads.ts';

interface Range {
  readonly start: number;
  readonly end: number;
}

/** As a socket gives it: somewhere in the one buffer, with what an earlier read has left behind it. */
function inReadBuffer(text: string, start: number, behind: string): Range {
  readBuffer.fill('\r\n\r\nGET / HTTP/1.1\r\n', 0, 4096, 'latin1');
  const end = start + readBuffer.write(text + behind, start, 'latin1');
  return { start, end };
}

function readHere(kind: Kind, text: string, start = 0, behind = ''): Outcome {
  return read(kind, readBuffer, inReadBuffer(text, start, behind), LIMITS);
}

/** With limits of its own: no head is known by them. */
function readAnew(kind: Kind, text: string, behind: string): Outcome {
  const bytes = latin1(text + behind);
  return read(kind, bytes, { start: 0, end: bytes.length }, { ...LIMITS });
}

function read(kind: Kind, buf: Buffer, { start, end }: Range, limits: HeadLimits): Outcome {
  const range = { start, end, scanned: 0 };
  if (kind === 'request') {
    const head = new RequestHead();
    return outcomeOfRequest(head, fromStart(parseRequestHead(head, buf, range, limits), start));
  }
  const head = new ResponseHead();
  return outcomeOfResponse(head, fromStart(parseResponseHead(head, buf, range, limits), start));
}

const fromStart = (after: number, start: number): number => (after > 0 ? after - start : after);

type Kind = 'request' | 'answer';

/** The last one has eight bytes that are no number. */
const FIELDS = [
  'Host: a.example\r\n',
  'X-A: 1\r\n',
  'X-Long: ',
  'Cookie: \x80\xf0\xff\xff\xff\xe4\r\n',
  'TE: x\r\n',
];

function headOf(kind: Kind, length: number): string {
  const line = kind === 'request' ? 'GET /a/b?c=d HTTP/1.1\r\n' : 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n';
  const filled = `${FIELDS[0]}${FIELDS[1]}${FIELDS[2]}${'v'.repeat(length)}\r\n${length % 2 === 0 ? '' : FIELDS[3]}`;
  return `${line}${filled}\r\n`;
}

/** Around the lengths at which heads are compared by other means. */
const LENGTHS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 300, 390, 420, 440, 900];

describe.each(['request', 'answer'] as const)('a known %s', (kind) => {
  it.each(LENGTHS)('with %i bytes more is found wherever it lies, and differs by any byte', (length) => {
    const text = headOf(kind, length);
    expect(readAnew(kind, text, '').kind).toBe('head');
    for (let i = 0; i < 4; i++) expect(readHere(kind, text, i)).toEqual(readAnew(kind, text, ''));
    for (let at = 0; at < text.length; at++) {
      for (const other of ['\0', '\n', '\r', 'a', '\x7f', '\xff']) {
        const changed = text.slice(0, at) + other + text.slice(at + 1);
        expect(readHere(kind, changed, at % 3), JSON.stringify(changed)).toEqual(readAnew(kind, changed, ''));
      }
    }
    expect(readHere(kind, text)).toEqual(readAnew(kind, text, ''));
  });

  it('ends where it ends, whatever came last and whatever follows', () => {
    const heads = LENGTHS.map((length) => headOf(kind, length));
    // One that ends before the place where an other one of its length ends.
    const early = `${heads[4].slice(0, 120)}\r\n\r\n${heads[4].slice(124)}`;
    const all = [...heads, early, heads[4].replaceAll('\r\n', '\n')];
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...all), fc.constantFrom('', 'x', '\r\n\r\n', headOf(kind, 3))), {
          minLength: 8,
        }),
        (reads) => {
          for (const [text, behind] of reads)
            expect(readHere(kind, text, 0, behind)).toEqual(readAnew(kind, text, behind));
        },
      ),
    );
  });
});

describe('nearEnd', () => {
  it('is behind the first CRLF CRLF', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('\r', '\n', '\r\n', 'a', '\t'), maxLength: 300 }),
        fc.nat(3),
        (text, start) => {
          const bytes = latin1(text);
          const at = bytes.indexOf('\r\n\r\n', start, 'latin1');
          expect(nearEnd(bytes, Math.min(start, bytes.length), bytes.length)).toBe(at < 0 ? 0 : at + 4);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('looks no further than the bytes that were read', () => {
    const bytes = latin1('HTTP/1.1 200 OK\r\n\r\n');
    for (let end = 0; end < bytes.length; end++) expect(nearEnd(bytes, 0, end)).toBe(0);
    expect(nearEnd(bytes, 0, bytes.length)).toBe(bytes.length);
  });
});

describe('a known target', () => {
  it('is the one that came, the third time as the same object', () => {
    const target = fc.oneof(
      fc.constantFrom(
        '/',
        '/a',
        '/b',
        '/index.html',
        `/${'x'.repeat(62)}`,
        `/${'x'.repeat(63)}`,
        `/${'x'.repeat(64)}`,
      ),
      fc.string({ unit: fc.constantFrom('/', 'a', 'b', '\xff', '.', '?'), minLength: 1, maxLength: 10 }),
    );
    fc.assert(
      fc.property(fc.array(target, { minLength: 40 }), (targets) => {
        for (const text of targets) {
          const bytes = latin1(`GET ${text} `);
          const known = knownTarget(bytes, 4, 4 + text.length);
          if (known !== null) expect(known.text).toBe(text);
        }
      }),
    );
    const bytes = latin1('/same');
    const [, , third, fourth] = Array.from({ length: 4 }, () => knownTarget(bytes, 0, bytes.length));
    expect(third?.text).toBe('/same');
    expect(fourth).toBe(third);
  });
});
