// Several processes into one rotated file: every line that the budget allows is there once and whole.
import { spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pumpOutput } from '../../../src/supervise/logs/pump.ts';
import { chainOf, fileplan, logRoom, owner, textOf, until } from './logs.ts';

const room = logRoom();
const LINES = 10_000;
const WRITER = `
const [name] = process.argv.slice(1);
const { writeSync } = require('node:fs');
let text = '';
for (let i = 0; i < ${LINES}; i++) {
  text += name + ' ' + i + ' ' + 'x'.repeat((i * 7) % 60) + '\\n';
  // Pieces that end anywhere in a line.
  while (text.length > 500) { const cut = 1 + (i * 31) % 499; writeSync(1, text.slice(0, cut)); text = text.slice(cut); }
}
writeSync(1, text);
`;

/** Four real processes; resolves when all that they printed is written. */
async function run(path: string, maxBytes: number, backups: number): Promise<void> {
  const logs = room.open();
  const names = ['p0', 'p1', 'p2', 'p3'];
  const opened = names.map((name) => logs.open(owner(name), 'stdout', fileplan(path, { maxBytes, backups })));
  await Promise.all(
    names.map((name, i) => {
      const child = spawn(process.execPath, ['-e', WRITER, name], { stdio: ['ignore', 'pipe', 'inherit'] });
      return pumpOutput(child.stdout, opened[i]);
    }),
  );
  expect(await logs.flushAll(10_000)).toBe(true);
}

/** Checks that each line is whole, and each process's lines are in order without a gap up to the last one. */
function expectWholeTails(lines: readonly string[]): Map<string, number> {
  const first = new Map<string, number>();
  const next = new Map<string, number>();
  for (const line of lines) {
    const [name, number, filler] = line.split(' ');
    const i = Number(number);
    if (!/^p[0-3]$/.test(name) || filler !== 'x'.repeat((i * 7) % 60)) throw new Error(`torn: ${line}`);
    const expected = next.get(name);
    if (expected === undefined) first.set(name, i);
    else if (i !== expected) throw new Error(`${name}: ${i} after ${expected - 1}`);
    next.set(name, i + 1);
  }
  for (const [name, after] of next) expect(after, name).toBe(LINES);
  return first;
}

describe('4 processes × 10,000 lines into one file', () => {
  it.each([
    [10 * 1024, 3],
    [20 * 1024, 50],
  ])(
    'keeps all that fits into %i bytes × %i',
    async (maxBytes, backups) => {
      const path = join(room.dir, 'app.log');
      await run(path, maxBytes, backups);
      const files = chainOf(path);
      expect(files).toHaveLength(backups + 1);
      expect(files.at(-1)?.name).toBe('app.log');
      for (const { bytes, name } of files.slice(0, -1)) {
        expect(bytes.length, name).toBeGreaterThanOrEqual(maxBytes);
        expect(bytes.length, name).toBeLessThan(maxBytes + 100);
        expect(bytes.at(-1), name).toBe(0x0a);
      }
      expectWholeTails(textOf(path).split('\n').slice(0, -1));
      expect(room.problems).toEqual([]);
    },
    60_000,
  );

  it('loses none where all fit', async () => {
    const path = join(room.dir, 'app.log');
    await run(path, 64 * 1024, 50);
    const lines = textOf(path).split('\n').slice(0, -1);
    expect(lines).toHaveLength(4 * LINES);
    expect([...expectWholeTails(lines).values()]).toEqual([0, 0, 0, 0]);
    expect(chainOf(path).length).toBeGreaterThan(10);
  }, 60_000);
});

describe('one writer per path', () => {
  it('writes the bytes of a single stream as they come', async () => {
    const logs = room.open();
    const path = join(room.dir, 'one.log');
    const log = logs.open(owner('a'), 'stdout', fileplan(path));
    expect(log.path).toBe(path);
    log.write(Buffer.from('prompt> '));
    await logs.flushAll(1000);
    expect(readFileSync(path, 'latin1')).toBe('prompt> ');
    log.end();
    const next = logs.open(owner('a'), 'stdout', fileplan(path));
    next.write(Buffer.from('again'));
    next.end();
    await logs.flushAll(1000);
    expect(readFileSync(path, 'latin1')).toBe('prompt> again');
  });

  it('gives others their own lines while a line is unfinished, and its rest at the end', async () => {
    const logs = room.open();
    const path = join(room.dir, 'two.log');
    const a = logs.open(owner('a'), 'stdout', fileplan(path));
    a.write(Buffer.from('begun'));
    const b = logs.open(owner('b'), 'stdout', fileplan(path));
    b.write(Buffer.from('b1\nb2'));
    a.write(Buffer.from(' and done\na2'));
    b.write(Buffer.from('\nb3'));
    a.end();
    b.end();
    await logs.flushAll(1000);
    expect(readFileSync(path, 'latin1')).toBe('begun and done\nb1\nb2\na2\nb3');
  });

  it('does not wait for ever for the end of a line', async () => {
    const logs = room.open();
    const path = join(room.dir, 'two.log');
    const a = logs.open(owner('a'), 'stdout', fileplan(path));
    a.write(Buffer.from('prompt> '));
    const b = logs.open(owner('b'), 'stdout', fileplan(path));
    b.write(Buffer.from('b1\n'));
    await until(() => readFileSync(path, 'latin1') === 'prompt> \nb1\n');
    a.write(Buffer.from('answer\n'));
    await logs.flushAll(1000);
    expect(readFileSync(path, 'latin1')).toBe('prompt> \nb1\nanswer\n');
  });

  it('gives a line that never ends in pieces', async () => {
    const logs = room.open();
    const path = join(room.dir, 'long.log');
    const a = logs.open(owner('a'), 'stdout', fileplan(path));
    const b = logs.open(owner('b'), 'stdout', fileplan(path));
    a.write(Buffer.alloc(40_000, 'a'));
    await logs.flushAll(1000);
    expect(statSync(path).size).toBe(0);
    a.write(Buffer.alloc(40_000, 'a'));
    await logs.flushAll(1000);
    expect(statSync(path).size).toBe(80_000);
    b.end();
    a.end();
  });

  it('knows one file under several names', async () => {
    const logs = room.open();
    const path = join(room.dir, 'x.log');
    const a = logs.open(owner('a'), 'stdout', fileplan(path, { maxBytes: 50, backups: 1 }));
    const b = logs.open(owner('b'), 'stdout', fileplan(join(room.dir, '.', 'y', '..', 'x.log')));
    for (let i = 0; i < 20; i++) (i % 2 === 0 ? a : b).write(Buffer.from(`line ${i}\n`));
    await logs.flushAll(1000);
    // The largest budget holds: none of them is rotated away.
    expect(chainOf(path)).toHaveLength(1);
    expect(textOf(path).split('\n')).toHaveLength(21);
  });

  it('loses and tears nothing, however pieces and processes interleave', async () => {
    const writes = fc.array(
      fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 1, max: 40 }), fc.boolean()),
      { maxLength: 150 },
    );
    let n = 0;
    await fc.assert(
      fc.asyncProperty(writes, fc.integer({ min: 20, max: 120 }), async (steps, maxBytes) => {
        const path = join(room.dir, `prop${n++}.log`);
        const logs = room.open();
        const plan = fileplan(path, { maxBytes, backups: 500 });
        const streams = [0, 1, 2].map((i) => ({
          log: logs.open(owner(`p${i}`), i === 2 ? 'stderr' : 'stdout', plan),
          text: Array.from(
            { length: 300 },
            (_, line) => `${'abc'[i]}${line}-${'y'.repeat((line * 5) % 13)}\n`,
          ).join(''),
          at: 0,
        }));
        for (const [i, length, turn] of steps) {
          const stream = streams[i];
          stream.log.write(Buffer.from(stream.text.slice(stream.at, stream.at + length)));
          stream.at += length;
          if (turn) await new Promise((resolve) => setImmediate(resolve));
        }
        for (const { log } of streams) log.end();
        expect(await logs.flushAll(5000)).toBe(true);
        const files = chainOf(path);
        for (const { bytes } of files.slice(0, -1)) expect(bytes.at(-1)).toBe(0x0a);
        const lines = textOf(path)
          .split('\n')
          .filter((line) => line !== '');
        for (const [i, { text, at }] of streams.entries()) {
          const printed = text
            .slice(0, at)
            .split('\n')
            .filter((line) => line !== '');
          expect(lines.filter((line) => line.startsWith('abc'[i]))).toEqual(printed);
        }
        expect(lines.every((line) => /^[abc]/.test(line))).toBe(true);
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});
