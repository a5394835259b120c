// What is taken out of a stream before it is written: captured text and escape sequences; and the last lines that are kept of it.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BEGIN_TOKEN, CaptureBuffer, END_TOKEN } from '../../../src/supervise/logs/capture.ts';
import { LastLines } from '../../../src/supervise/logs/last-lines.ts';
import { EscapeStripper } from '../../../src/supervise/logs/strip-escapes.ts';
import { fileplan, logRoom, owner } from './logs.ts';

const room = logRoom();
const SUPERVISOR = '/usr/lib/python3/dist-packages/supervisor/dispatchers.py';

/** What a log, its captured texts and its events are made of these pieces. */
async function run(pieces: readonly Buffer[], rest: Parameters<typeof fileplan>[1]) {
  const logs = room.open();
  const path = join(room.dir, `${Math.random()}.log`);
  const captured: string[] = [];
  const events: string[] = [];
  const log = logs.open(owner('a'), 'stdout', fileplan(path, rest), {
    onCaptured: (from, stream, text) =>
      void captured.push(`${from.name} ${stream} ${text.toString('latin1')}`),
    onOutput: (_from, _stream, piece) => void events.push(piece.toString('latin1')),
  });
  for (const piece of pieces) log.write(piece);
  log.end();
  await logs.flushAll(1000);
  logs.closeAll();
  return { text: readFileSync(path, 'latin1'), captured, events };
}

const cut = (text: string, step: number): Buffer[] => {
  const bytes = Buffer.from(text, 'latin1');
  return Array.from({ length: Math.ceil(bytes.length / step) }, (_, i) =>
    bytes.subarray(i * step, (i + 1) * step),
  );
};

describe('capture', () => {
  const text = `before${BEGIN_TOKEN}said\nmore${END_TOKEN}after <!--XSUPER ${BEGIN_TOKEN}${END_TOKEN}\nend<!--XSUPERVISOR:BEGI`;

  it.each([1, 2, 7, 25, 1000])('finds the tokens however they are cut: every %i bytes', async (step) => {
    const got = await run(cut(text, step), { captureMaxBytes: 1000, events: true });
    expect(got.text).toBe('beforeafter <!--XSUPER \nend<!--XSUPERVISOR:BEGI');
    expect(got.captured).toEqual(['a stdout said\nmore', 'a stdout ']);
    // As in Supervisor, an event comes for captured pieces too.
    expect(got.events.join('')).toBe('beforesaid\nmoreafter <!--XSUPER \nend<!--XSUPERVISOR:BEGI');
  });

  it('leaves the tokens where nothing is to be captured', async () => {
    const got = await run(cut(text, 9), {});
    expect(got).toEqual({ text, captured: [], events: [] });
  });

  it('keeps what came last of a text that is too long, as Supervisor does', () => {
    const buffer = new CaptureBuffer(10);
    for (const piece of ['abcd', 'efgh', 'ijk', 'lmnop']) buffer.push(Buffer.from(piece));
    // Supervisor: 'abcd' + 'efgh' = 8; + 'ijk' would be 11: 3 go, 'defghijk'; + 'lmnop' would be 13: 5 go.
    expect(buffer.take().toString()).toBe('ijklmnop');
    buffer.push(Buffer.alloc(30, 'x'));
    expect(buffer.take()).toHaveLength(30);
    expect(buffer.take()).toHaveLength(0);
  });

  it('keeps little of a text that never ends', () => {
    const buffer = new CaptureBuffer(5000);
    for (let i = 0; i < 100_000; i++) buffer.push(Buffer.from([i & 0xff]));
    expect(buffer.take()).toHaveLength(5000);
  });
});

describe('escape sequences', () => {
  const strip = (pieces: readonly Buffer[]): string => {
    const stripper = new EscapeStripper();
    return Buffer.concat([...pieces.map((piece) => stripper.push(piece)), stripper.end()]).toString('latin1');
  };

  it('are taken out, also cut between two pieces', async () => {
    const colours = '\u001b[31mred\u001b[0m \u001bxplain \u001b[2Jend\u001b';
    for (const step of [1, 2, 3, 100]) expect(strip(cut(colours, step))).toBe('red \u001bxplain end\u001b');
    const got = await run(cut('\u001b[1mbold\u001b[0m\n', 2), { stripAnsi: true, events: true });
    expect(got.text).toBe('bold\n');
    expect(got.events.join('')).toBe('bold\n');
  });

  it('are those of Supervisor', () => {
    const units = fc.constantFrom('\u001b', '[', '\u001b[', 'm', 'K', 'x', '1', ';', '\n', '\u00e4');
    const texts = fc.sample(fc.array(units, { maxLength: 30 }), 200).map((parts) => parts.join(''));
    // What it makes of them; `stripEscapes` alone, for the whole is more than a test wants to import.
    expect(existsSync(SUPERVISOR)).toBe(true);
    const script = `
import json, sys
source = open('${SUPERVISOR}').read()
start = source.index('ANSI_ESCAPE_BEGIN')
exec(source[start:source.index('class RejectEvent')])
print(json.dumps([stripEscapes(t.encode('latin1')).decode('latin1') for t in json.load(sys.stdin)]))`;
    const answer = execFileSync('/usr/bin/python3', ['-c', script], { input: JSON.stringify(texts) });
    const theirs = JSON.parse(answer.toString()) as string[];
    for (const [i, text] of texts.entries())
      expect(strip([Buffer.from(text, 'latin1')]), JSON.stringify(text)).toBe(theirs[i]);
  });
});

describe('LastLines', () => {
  it('gives the last lines, the newest last', () => {
    const last = new LastLines();
    expect(last.lines()).toEqual([]);
    last.push(Buffer.from('one\r\ntwo\nthr'));
    expect(last.lines()).toEqual(['one', 'two', 'thr']);
    last.push(Buffer.from('ee\n'));
    expect(last.lines(2)).toEqual(['two', 'three']);
    expect(last.lines(0)).toEqual([]);
    last.clear();
    expect(last.lines()).toEqual([]);
  });

  it('keeps 50 lines and 8 KiB, whole ones', () => {
    const last = new LastLines();
    for (let i = 0; i < 1000; i++) last.push(Buffer.from(`${i}\n`));
    expect(last.lines()).toEqual(Array.from({ length: 50 }, (_, i) => String(950 + i)));
    for (let i = 0; i < 100; i++) last.push(Buffer.from(`${i} ${'x'.repeat(996)}\n`));
    const lines = last.lines();
    expect(lines.length).toBeGreaterThanOrEqual(7);
    for (const line of lines) expect(line).toMatch(/^\d\d x{996}$/);
    expect(lines.at(-1)).toMatch(/^99 /);
  });

  it('gives the end of a line that is longer than all it keeps', () => {
    const last = new LastLines();
    last.push(Buffer.from(`start${'y'.repeat(20_000)}end`));
    const [line] = last.lines();
    expect(line).toHaveLength(8192);
    expect(line.endsWith('yend')).toBe(true);
  });

  it('is right for any pieces', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 3000 }), { maxLength: 60 }), (sizes) => {
        const all = Buffer.from(Array.from({ length: 12_000 }, (_, i) => `line ${i}\n`).join(''));
        const last = new LastLines();
        let at = 0;
        for (const size of sizes) {
          last.push(all.subarray(at, at + size));
          at += size;
        }
        const expected = all.toString('latin1', 0, at).split('\n');
        if (expected.at(-1) === '') expected.pop();
        const got = last.lines();
        expect(got).toEqual(expected.slice(-got.length || expected.length));
        expect(got.length).toBe(Math.min(50, expected.length));
      }),
    );
  });
});
