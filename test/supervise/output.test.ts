import { PassThrough, Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pumpOutput } from '../../src/supervise/logs/pump.ts';
import { LineSplitter, MAX_LINE_BYTES } from '../../src/supervise/output.ts';

function split(...chunks: (string | Buffer)[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((text) => lines.push(text));
  for (const chunk of chunks) splitter.push(Buffer.from(chunk));
  splitter.flush();
  return lines;
}

describe('LineSplitter', () => {
  it('cuts at line ends wherever the chunks end', () => {
    expect(split('a\nb', 'c\r\n', '\n', 'last')).toEqual(['a', 'bc', '', 'last']);
    expect(split('a\r', '\nb\r\rc\n')).toEqual(['a', 'b\r\rc']);
    expect(split('')).toEqual([]);
  });

  it('keeps characters whole over chunks', () => {
    const bytes = Buffer.from('grüße 👋\n');
    expect(split(...Array.from(bytes, (b) => Buffer.from([b])))).toEqual(['grüße 👋']);
  });

  it('gives a long line in pieces that end between characters', () => {
    const text = `x${'👋'.repeat(50_000)}`;
    const pieces = split(`${text}\nnext\n`);
    expect(pieces.at(-1)).toBe('next');
    expect(pieces.slice(0, -1).join('')).toBe(text);
    expect(pieces.slice(0, -1).every((p) => Buffer.byteLength(p) <= MAX_LINE_BYTES)).toBe(true);
    expect(pieces).toHaveLength(5);
  });

  it('does not add an empty piece to a line of exactly the limit', () => {
    expect(split('a'.repeat(MAX_LINE_BYTES), '\nb\n').map((l) => l.length)).toEqual([MAX_LINE_BYTES, 1]);
  });

  it('passes through bytes that are no UTF-8 without end', () => {
    const pieces = split(Buffer.alloc(3 * MAX_LINE_BYTES, 0x80));
    expect(pieces.join('')).toHaveLength(3 * MAX_LINE_BYTES);
    expect(split(Buffer.alloc(2 * MAX_LINE_BYTES, 0xf0)).length).toBeLessThanOrEqual(3);
  });

  it('loses nothing, however the text is cut', () => {
    const texts = fc.array(
      fc.string({ unit: 'grapheme', maxLength: 20 }).map((s) => s.replace(/[\r\n]/g, '')),
    );
    fc.assert(
      fc.property(texts, fc.integer({ min: 1, max: 9 }), (lines, step) => {
        const bytes = Buffer.from(lines.map((l) => `${l}\n`).join(''));
        const chunks: Buffer[] = [];
        for (let i = 0; i < bytes.length; i += step) chunks.push(bytes.subarray(i, i + step));
        expect(split(...chunks)).toEqual(lines);
      }),
    );
  });
});

describe('pumpOutput', () => {
  /** Its lines, each a reason to wait for what `hold` gives. */
  function log(hold: (line: string) => Promise<void> | undefined) {
    let held: Promise<void> | undefined;
    const splitter = new LineSplitter((text) => {
      held = hold(text) ?? held;
    });
    return {
      write(chunk: Buffer): void | Promise<void> {
        held = undefined;
        splitter.push(chunk);
        return held;
      },
      end: () => splitter.flush(),
    };
  }

  it('stops reading while the log is behind', async () => {
    let produced = 0;
    const chunk = Buffer.from(`${'x'.repeat(1023)}\n`);
    const source = new Readable({
      highWaterMark: 4096,
      read() {
        produced++;
        this.push(produced > 1000 ? null : chunk);
      },
    });
    let release: () => void = () => undefined;
    let lines = 0;
    const behind = log(() => {
      lines++;
      return lines === 10 ? new Promise<void>((resolve) => (release = resolve)) : undefined;
    });
    const done = pumpOutput(source, behind);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(lines).toBeLessThan(20);
    expect(produced).toBeLessThan(40);
    release();
    await done;
    expect(lines).toBe(1000);
  });

  it('gives out the last partial line when the stream is destroyed', async () => {
    const stream = new PassThrough();
    const lines: string[] = [];
    const done = pumpOutput(
      stream,
      log((line) => void lines.push(line)),
    );
    stream.write('one\ntw');
    await new Promise((resolve) => setTimeout(resolve, 20));
    stream.destroy();
    await done;
    expect(lines).toEqual(['one', 'tw']);
  });
});
