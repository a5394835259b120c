// The log writer with real files, pipes and processes: nothing lost, nothing twice, no line torn, memory bounded.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LogWriter, MAX_WAITING_BYTES } from '../../src/observe/log-writer.ts';

const linux = process.platform === 'linux';
const EAGER = { bufferBytes: 65_536, flushMs: 10 };
const child = join(import.meta.dirname, 'append-lines.ts');

let dir = '';
let problems: string[] = [];
const open = (path: string, buffering = EAGER) =>
  new LogWriter(path, buffering, (message) => problems.push(message));
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const linesOf = (path: string) => readFileSync(path, 'latin1').split('\n').slice(0, -1);

/** Files of the test's directory that this process holds open. */
function openInDir(): string[] {
  const links = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return links.filter((link) => link.startsWith(dir));
}

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lbproxy-log-'));
  problems = [];
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function output(
  process: ChildProcess,
): Promise<{ stdout: string; stderr: string; code: number | null }> {
  let stdout = '';
  let stderr = '';
  process.stdout?.setEncoding('latin1').on('data', (text: string) => (stdout += text));
  process.stderr?.setEncoding('latin1').on('data', (text: string) => (stderr += text));
  await once(process, 'close');
  return { stdout, stderr, code: process.exitCode };
}

/** Checks that each process's lines are whole, in order and complete. */
function expectWhole(lines: readonly string[], names: readonly string[], count: number): void {
  const next = new Map(names.map((name) => [name, 0]));
  for (const line of lines) {
    const [name, number, filler] = line.split(' ');
    const expected = next.get(name) ?? Number.NaN;
    if (Number(number) !== expected || filler !== 'x'.repeat((expected * 37) % 300))
      throw new Error(`torn or out of order: ${line}`);
    next.set(name, expected + 1);
  }
  expect([...next.values()]).toEqual(names.map(() => count));
}

describe('buffering', () => {
  it('writes after flushMs', async () => {
    const path = join(dir, 'a.log');
    const writer = open(path, { bufferBytes: 65_536, flushMs: 30 });
    writer.write('one\n');
    writer.write('two \xe9\n');
    expect(readFileSync(path, 'latin1')).toBe('');
    await expect.poll(() => readFileSync(path, 'latin1'), { timeout: 2000 }).toBe('one\ntwo \xe9\n');
  });

  it('without a time writes only when the buffer is full', async () => {
    const path = join(dir, 'a.log');
    const writer = open(path, { bufferBytes: 100, flushMs: 0 });
    writer.write(`${'a'.repeat(79)}\n`);
    await wait(150);
    expect(readFileSync(path, 'latin1')).toBe('');
    writer.write(`${'b'.repeat(19)}\n`);
    await expect.poll(() => linesOf(path).length, { timeout: 2000 }).toBe(2);
  });

  it('writes urgent lines, and all before them, at once', async () => {
    const path = join(dir, 'a.log');
    const writer = open(path, { bufferBytes: 1_000_000, flushMs: 0 });
    writer.write('one\n');
    writer.write('two\n', true);
    await expect.poll(() => linesOf(path), { timeout: 2000 }).toEqual(['one', 'two']);
  });

  it('takes lines as text and as bytes in turn, of every length, while it writes', async () => {
    const path = join(dir, 'a.log');
    const writer = open(path);
    const sent: string[] = [];
    for (let i = 0; i < 4000; i++) {
      const length = i % 500 === 7 ? 20_000 * (1 + (i % 9)) : (i * 37) % 400;
      const line = `${i} ${String(i % 10).repeat(length)}`;
      sent.push(line);
      if (i % 3 === 0) writer.write(`${line}\n`, i % 99 === 0);
      else {
        const at = writer.room(4 * (line.length + 1));
        writer.end(at + writer.bytes.latin1Write(`${line}\n`, at, line.length + 1));
      }
      if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await writer.flush();
    // No comparison that would print a megabyte.
    expect(linesOf(path).findIndex((line, i) => line !== sent[i])).toBe(-1);
    expect(linesOf(path)).toHaveLength(sent.length);
    expect(writer.waitingBytes).toBe(0);
    expect(problems).toEqual([]);
  });

  it('appends to what is there', async () => {
    const path = join(dir, 'a.log');
    for (const line of ['one\n', 'two\n']) {
      const writer = open(path);
      writer.write(line);
      await writer.flush();
    }
    expect(linesOf(path)).toEqual(['one', 'two']);
  });
});

describe('reopen', () => {
  it('neither loses nor doubles any of 100 000 lines while the file is renamed under it', async () => {
    const path = join(dir, 'a.log');
    const writer = open(path);
    const rotated: { path: string; from: number }[] = [];
    let from = 0;
    for (let i = 0; i < 100_000; i++) {
      writer.write(`${i} some text of an ordinary length for a line of a log\n`);
      if (i % 7919 === 7918) {
        const old = `${path}.${rotated.length}`;
        renameSync(path, old);
        writer.reopen();
        rotated.push({ path: old, from });
        from = i + 1;
      }
      if (i % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await writer.flush();
    rotated.push({ path, from });
    expect(rotated.length).toBe(13);
    for (const [k, file] of rotated.entries()) {
      const numbers = linesOf(file.path).map((line) => Number(line.split(' ')[0]));
      const end = rotated[k + 1]?.from ?? 100_000;
      expect(numbers).toEqual(Array.from({ length: end - file.from }, (_, n) => file.from + n));
    }
    expect(problems).toEqual([]);
  });

  it('changes the file at once even when nothing waits, and closes the old one', async () => {
    const path = join(dir, 'a.log');
    const writer = open(path);
    for (let i = 0; i < 5; i++) {
      renameSync(path, `${path}.${i}`);
      writer.reopen();
      expect(readdirSync(dir)).toContain('a.log');
    }
    if (linux) await expect.poll(openInDir, { timeout: 2000 }).toEqual([path]);
  });

  it('keeps writing to the open file when the new one cannot be opened', async () => {
    const path = join(dir, 'sub', 'a.log');
    mkdirSync(join(dir, 'sub'));
    const writer = open(path);
    renameSync(join(dir, 'sub'), join(dir, 'moved'));
    writer.reopen();
    writer.write('kept\n');
    await writer.flush();
    expect(linesOf(join(dir, 'moved', 'a.log'))).toEqual(['kept']);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain('does not exist');
  });
});

describe('opening', () => {
  it('says what is missing', () => {
    expect(() => open(join(dir, 'no', 'a.log'))).toThrow(`the directory "${join(dir, 'no')}" does not exist`);
    expect(() => open(dir)).toThrow('it is a directory');
  });
});

describe('several processes', () => {
  it('append to one file without tearing lines', async () => {
    const path = join(dir, 'a.log');
    const names = ['a', 'b', 'c'];
    const ends = names.map((name) => output(spawn(process.execPath, [child, path, name, '20000', 'flush'])));
    for (const end of await Promise.all(ends)) expect(end).toEqual({ stdout: '', stderr: '', code: 0 });
    expectWhole(linesOf(path), names, 20_000);
  });

  // Both are full before they are read, so that writes are taken in part where that can happen.
  it.runIf(linux).each([
    ['a pipe', '| { sleep 0.3; dd bs=5000 status=none; }', 20_000],
    // What Node and systemd give their children.
    ['a socket', '', 65_536],
  ])('share %s as stdout without tearing lines', async (_, reader, bufferBytes) => {
    const one = (name: string) =>
      `"${process.execPath}" "${child}" stdout ${name} 5000 flush ${bufferBytes} &`;
    const shell = spawn('sh', ['-c', `(${one('a')} ${one('b')} wait) ${reader}`]);
    await wait(300);
    const end = await output(shell);
    expect(end.stderr).toBe('');
    expectWhole(end.stdout.split('\n').slice(0, -1), ['a', 'b'], 5000);
  });

  it('have all their lines written when they exit at once after flushSync', async () => {
    const path = join(dir, 'a.log');
    for (let run = 0; run < 3; run++) {
      const end = await output(spawn(process.execPath, [child, path, `r${run}`, '3000', 'exit']));
      expect(end).toEqual({ stdout: '', stderr: '', code: 0 });
    }
    const lines = linesOf(path).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
    expectWhole(lines, ['r0', 'r1', 'r2'], 4000);
  });
});

describe('a target that does not take lines', () => {
  it.runIf(linux)('reports a full disk once, counts, and goes on', async () => {
    const writer = open('/dev/full');
    for (let i = 0; i < 20_000; i++) writer.write(`${i} ${'x'.repeat(100)}\n`);
    await writer.flush();
    expect(writer.waitingBytes).toBe(0);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^log "\/dev\/full": ENOSPC.*; \d+ lines lost$/);
    writer.write('more\n');
    writer.flushSync();
    expect(problems).toHaveLength(2);
    const told = problems.map((text) => Number(/(\d+) lines? lost/.exec(text)?.[1]));
    expect(told[0] + told[1]).toBe(20_001);
  });

  it.runIf(linux)('bounds what waits for a FIFO that nobody reads, then delivers whole lines', async () => {
    const path = join(dir, 'fifo');
    expect(spawnSync('mkfifo', [path]).status).toBe(0);
    const writer = open(path);
    const filler = 'y'.repeat(990);
    for (let i = 0; i < 40_000; i++) {
      writer.write(`${i} ${filler}\n`);
      if (i % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(writer.waitingBytes).toBeLessThanOrEqual(MAX_WAITING_BYTES);
    expect(writer.waitingBytes).toBeGreaterThan(MAX_WAITING_BYTES - 10_000);
    const reader = spawn('cat', [path]);
    const received = output(reader);
    await writer.flush();
    // The reader has the rest of the pipe, and ends when nobody writes to it any more.
    writer.retire();
    const lines = (await received).stdout.split('\n').slice(0, -1);
    expect(lines.length).toBeGreaterThan(10_000);
    let last = -1;
    for (const line of lines) {
      const [number, text] = line.split(' ');
      if (!(Number(number) > last) || text !== filler) throw new Error(`torn or out of order: ${line}`);
      last = Number(number);
    }
    writer.flushSync();
    expect(problems.map((text) => Number(/(\d+) lines? lost/.exec(text)?.[1])).reduce((a, b) => a + b)).toBe(
      40_000 - lines.length,
    );
    expect(problems[0]).toContain('more slowly');
  });

  it.runIf(linux)(
    'tells itself of lost lines where nobody else hears of them, once it is read again',
    async () => {
      const path = join(dir, 'fifo');
      expect(spawnSync('mkfifo', [path]).status).toBe(0);
      const writer = open(path);
      writer.tellsItself = true;
      writer.onProblem = (message) => writer.write(`${message}\n`, true);
      const line = `${'y'.repeat(9999)}\n`;
      for (let i = 0; i < 3000; i++) writer.write(line);
      const reader = spawn('cat', [path]);
      const received = output(reader);
      await writer.flush();
      writer.retire();
      const lines = (await received).stdout.split('\n').slice(0, -1);
      const told = lines.filter((text) => text !== line.trimEnd());
      expect(told).toEqual([`log "${path}": it takes lines again; ${3000 - (lines.length - 1)} lines lost`]);
    },
  );

  it.runIf(linux)('outlives a reader of stdout that goes away', async () => {
    const writing = spawn(process.execPath, [child, 'stdout', 'a', '20000', 'linger']);
    writing.stdout.destroy();
    const end = await output(writing);
    expect(end.code).toBe(0);
    expect(end.stderr).toContain('log "stdout": EPIPE');
    expect(end.stderr.split('\n').length).toBeLessThanOrEqual(3);
  });

  it.runIf(linux)('does not hold up the end of the process when stdout stands still', async () => {
    const command = `{ "${process.execPath}" "${child}" stdout a 3000 exit; echo "ended $?" >&2; } | sleep 50`;
    const shell = spawn('sh', ['-c', command], { detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    shell.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    try {
      await expect.poll(() => stderr, { timeout: 20_000 }).toContain('ended 0');
      expect(stderr).toMatch(/log "stdout": EAGAIN.*lost/);
    } finally {
      if (shell.pid !== undefined) process.kill(-shell.pid, 'SIGKILL');
    }
  });
});

describe('retire', () => {
  it('closes the file, and still takes the lines of requests that end later', async () => {
    const path = join(dir, 'a.log');
    const writer = open(path);
    writer.write('one\n');
    writer.retire();
    await writer.flush();
    if (linux) await expect.poll(openInDir, { timeout: 2000 }).toEqual([]);
    renameSync(path, `${path}.1`);
    writer.write('two\n');
    await writer.flush();
    expect(linesOf(`${path}.1`)).toEqual(['one']);
    expect(linesOf(path)).toEqual(['two']);
    if (linux) await expect.poll(openInDir, { timeout: 2000 }).toEqual([]);
  });
});
