// Rotation as users meet it: sizes, backups, midnight, gzip, a total, files that others move, a writer that is killed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { chainOf, fileplan, logRoom, owner, textOf, until, wait } from './logs.ts';

const room = logRoom();
const line = (i: number): Buffer => Buffer.from(`${String(i).padStart(8, '0')}\n`);

describe('rotation by size', () => {
  it('puts the newest into .1 and keeps as many as asked for', async () => {
    const logs = room.open();
    const path = join(room.dir, 'a.log');
    const log = logs.open(owner('a'), 'stdout', fileplan(path, { maxBytes: 20, backups: 2 }));
    for (let i = 0; i < 10; i++) log.write(line(i));
    await logs.flushAll(2000);
    expect(chainOf(path).map(({ name, bytes }) => [name, bytes.toString()])).toEqual([
      ['a.log.2', '00000003\n00000004\n00000005\n'],
      ['a.log.1', '00000006\n00000007\n00000008\n'],
      ['a.log', '00000009\n'],
    ]);
  });

  it('empties the file where no backups are kept', async () => {
    const logs = room.open();
    const path = join(room.dir, 'a.log');
    const log = logs.open(owner('a'), 'stdout', fileplan(path, { maxBytes: 20, backups: 0 }));
    for (let i = 0; i < 7; i++) log.write(line(i));
    await logs.flushAll(2000);
    expect(chainOf(path).map(({ name, bytes }) => [name, bytes.toString()])).toEqual([
      ['a.log', '00000006\n'],
    ]);
  });

  it('tears a line only where it is longer than a file may be', async () => {
    const logs = room.open();
    const path = join(room.dir, 'a.log');
    const log = logs.open(owner('a'), 'stdout', fileplan(path, { maxBytes: 100, backups: 9 }));
    log.write(Buffer.from(`${'s'.repeat(60)}\n${'t'.repeat(99)}\n${'u'.repeat(450)}\nend\n`));
    await logs.flushAll(2000);
    expect(chainOf(path).map(({ bytes }) => bytes.length)).toEqual([161, 200, 200, 55]);
    expect(textOf(path)).toBe(`${'s'.repeat(60)}\n${'t'.repeat(99)}\n${'u'.repeat(450)}\nend\n`);
  });

  it('closes a gap in the chain and leaves what is beyond it', async () => {
    const path = join(room.dir, 'a.log');
    writeFileSync(path, 'now\n');
    writeFileSync(`${path}.1`, 'one\n');
    writeFileSync(`${path}.3`, 'three\n');
    const logs = room.open();
    const log = logs.open(owner('a'), 'stdout', fileplan(path, { maxBytes: 6, backups: 3 }));
    log.write(Buffer.from('more\n'));
    await logs.flushAll(2000);
    expect(chainOf(path).map(({ bytes }) => bytes.toString())).toEqual([
      'three\n',
      'one\n',
      'now\nmore\n',
      '',
    ]);
  });

  it('takes another size and number while the process runs', async () => {
    const logs = room.open();
    const path = join(room.dir, 'a.log');
    const log = logs.open(owner('a'), 'stdout', fileplan(path));
    for (let i = 0; i < 5; i++) log.write(line(i));
    await logs.flushAll(2000);
    log.change(fileplan(path, { maxBytes: 18, backups: 1 }));
    for (let i = 5; i < 10; i++) log.write(line(i));
    await logs.flushAll(2000);
    expect(chainOf(path)).toHaveLength(2);
    log.change(fileplan(join(room.dir, 'b.log')));
    log.write(line(10));
    await logs.flushAll(2000);
    expect(log.path).toBe(join(room.dir, 'b.log'));
    expect(textOf(join(room.dir, 'b.log'))).toBe('00000010\n');
  });

  it('says once when it cannot rotate, and loses nothing', async () => {
    const logs = room.open();
    const path = join(room.dir, 'a.log');
    const log = logs.open(owner('a'), 'stdout', fileplan(path, { maxBytes: 20, backups: 1 }));
    // A directory has the name that the file is to get.
    mkdirSync(join(`${path}.1`, 'full'), { recursive: true });
    for (let i = 0; i < 20; i++) {
      log.write(line(i));
      await logs.flushAll(2000);
    }
    expect(room.problems).toHaveLength(1);
    expect(room.problems[0]).toContain('cannot be rotated');
    expect(readFileSync(path, 'latin1').split('\n')).toHaveLength(21);
  });
});

describe('others at work on the file', () => {
  it('goes on in the moved file until it is told to reopen', async () => {
    const logs = room.open();
    const path = join(room.dir, 'a.log');
    const log = logs.open(owner('a'), 'stdout', fileplan(path));
    log.write(line(1));
    await logs.flushAll(2000);
    renameSync(path, `${path}.moved`);
    log.write(line(2));
    expect(logs.reopenAll()).toEqual([]);
    log.write(line(3));
    await logs.flushAll(2000);
    expect(readFileSync(`${path}.moved`, 'latin1')).toBe('00000001\n00000002\n');
    expect(readFileSync(path, 'latin1')).toBe('00000003\n');
  });

  it('says what does not reopen and writes on', async () => {
    const logs = room.open();
    const dir = join(room.dir, 'gone');
    mkdirSync(dir);
    const log = logs.open(owner('a'), 'stdout', fileplan(join(dir, 'a.log')));
    rmSync(dir, { recursive: true });
    expect(logs.reopenAll()).toEqual([expect.stringContaining(`the directory "${dir}" does not exist`)]);
    log.write(line(1));
    expect(await logs.flushAll(2000)).toBe(true);
  });

  it('does not rotate a file that somebody else put there', async () => {
    const logs = room.open();
    const path = join(room.dir, 'a.log');
    const log = logs.open(owner('a'), 'stdout', fileplan(path, { maxBytes: 20, backups: 3 }));
    log.write(line(1));
    await logs.flushAll(2000);
    renameSync(path, join(room.dir, 'elsewhere'));
    writeFileSync(path, 'theirs\n');
    log.write(line(2));
    log.write(line(3));
    log.write(line(4));
    await logs.flushAll(2000);
    expect(readFileSync(path, 'latin1')).toBe('theirs\n00000004\n');
    expect(existsSync(`${path}.1`)).toBe(false);
  });

  it('empties a log while it is written to', async () => {
    const logs = room.open();
    const path = join(room.dir, 'a.log');
    const log = logs.open(owner('a'), 'stdout', fileplan(path, { maxBytes: 1000, backups: 3 }));
    let i = 0;
    const timer = setInterval(() => {
      for (let n = 0; n < 50; n++) log.write(line(i++));
    }, 1);
    await until(() => existsSync(`${path}.2`));
    await logs.clear(path, true);
    clearInterval(timer);
    await logs.flushAll(2000);
    const lines = textOf(path).split('\n').slice(0, -1).map(Number);
    for (const [n, value] of lines.entries()) expect(value).toBe(lines[0] + n);
    await logs.clear(path);
    expect(statSync(path).size).toBe(0);
    log.write(line(7));
    await logs.flushAll(2000);
    expect(readFileSync(path, 'latin1')).toBe('00000007\n');
  });

  it('keeps rotated files where only the log is to be emptied, as Supervisor does, also of a process that does not run', async () => {
    const logs = room.open();
    const path = join(room.dir, 'a.log');
    writeFileSync(path, 'x\n');
    writeFileSync(`${path}.1`, 'y\n');
    await logs.clear(path);
    expect(chainOf(path).map(({ bytes }) => bytes.toString())).toEqual(['y\n', '']);
    await logs.clear(path, true);
    expect(chainOf(path)).toHaveLength(1);
    await logs.clear(join(room.dir, 'none.log'));
    expect(existsSync(join(room.dir, 'none.log'))).toBe(false);
  });
});

describe('daily rotation', () => {
  const at = (day: number, hour: number): number => new Date(2026, 4, day, hour).getTime();

  it('rotates at local midnight, whether something is printed or not', async () => {
    let nowMs = at(1, 23);
    const logs = room.open({ nowMs: () => nowMs });
    const path = join(room.dir, 'a.log');
    const log = logs.open(owner('a'), 'stdout', fileplan(path, { daily: true, backups: 5 }));
    log.write(Buffer.from('first\nun'));
    await logs.flushAll(2000);
    nowMs = at(2, 0);
    logs.checkDay();
    await logs.flushAll(2000);
    // Not in the middle of a line.
    expect(chainOf(path)).toHaveLength(1);
    log.write(Buffer.from('finished\nsecond\n'));
    await logs.flushAll(2000);
    expect(chainOf(path).map(({ bytes }) => bytes.toString())).toEqual(['first\nunfinished\n', 'second\n']);
    nowMs = at(3, 1);
    logs.checkDay();
    await logs.flushAll(2000);
    nowMs = at(4, 1);
    logs.checkDay();
    log.write(Buffer.from('third\n'));
    await logs.flushAll(2000);
    expect(chainOf(path).map(({ bytes }) => bytes.toString())).toEqual([
      'first\nunfinished\n',
      'second\n',
      'third\n',
    ]);
  });

  it('rotates what an earlier run left of yesterday', async () => {
    const path = join(room.dir, 'a.log');
    writeFileSync(path, 'old\n');
    utimesSync(path, at(1, 12) / 1000, at(1, 12) / 1000);
    const logs = room.open({ nowMs: () => at(2, 12) });
    logs.open(owner('a'), 'stdout', fileplan(path, { daily: true, backups: 5 })).write(Buffer.from('new\n'));
    await logs.flushAll(2000);
    expect(chainOf(path).map(({ bytes }) => bytes.toString())).toEqual(['old\n', 'new\n']);
  });
});

describe('gzip and total', () => {
  it('gzips rotated files with the same contents, also while others are rotated', async () => {
    const logs = room.open();
    const path = join(room.dir, 'a.log');
    const log = logs.open(owner('a'), 'stdout', fileplan(path, { maxBytes: 2000, backups: 40, gzip: true }));
    for (let i = 0; i < 5000; i++) {
      log.write(line(i));
      if (i % 500 === 0) await wait(5);
    }
    await logs.flushAll(5000);
    const plain = (): string[] => readdirSync(room.dir).filter((name) => /\.\d+$|tmp$/.test(name));
    await until(() => plain().length === 0);
    expect(chainOf(path)).toHaveLength(23);
    expect(textOf(path)).toBe(Array.from({ length: 5000 }, (_, i) => line(i)).join(''));
    expect(statSync(`${path}.1.gz`).size).toBeLessThan(1000);
  });

  it('tidies up after a run that was killed', async () => {
    const path = join(room.dir, 'a.log');
    writeFileSync(`${path}.gz.tmp`, 'half');
    writeFileSync(`${path}.1`, 'not yet\n');
    writeFileSync(`${path}.2`, 'done\n');
    writeFileSync(`${path}.2.gz`, gzipSync('done\n'));
    const logs = room.open();
    logs.open(owner('a'), 'stdout', fileplan(path, { maxBytes: 100, backups: 5, gzip: true }));
    await until(() => readdirSync(room.dir).sort().join(' ') === 'a.log a.log.1.gz a.log.2.gz');
    expect(gunzipSync(readFileSync(`${path}.1.gz`)).toString()).toBe('not yet\n');
  });

  it('removes the oldest beyond the total', async () => {
    const logs = room.open();
    const path = join(room.dir, 'a.log');
    const plan = fileplan(path, { maxBytes: 18, backups: 50, totalBytes: 60 });
    const log = logs.open(owner('a'), 'stdout', plan);
    for (let i = 0; i < 21; i++) log.write(line(i));
    await logs.flushAll(2000);
    expect(chainOf(path).map(({ name }) => name)).toEqual(['a.log.3', 'a.log.2', 'a.log.1', 'a.log']);
    expect(textOf(path)).toBe([14, 15, 16, 17, 18, 19, 20].map(line).join(''));
  });
});

describe('a killed writer', () => {
  it('leaves a chain that can be read', async () => {
    const path = join(room.dir, 'a.log');
    for (let round = 0; round < 4; round++) {
      const script = join(import.meta.dirname, 'endless-writer.ts');
      const child = spawn(process.execPath, [script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
      await once(child.stdout, 'data');
      await until(() => existsSync(`${path}.1`));
      await wait(20 + 37 * round);
      child.kill('SIGKILL');
      await once(child, 'close');
      // Each run begins anew at 0, after what was torn by the kill.
      const files = chainOf(path).filter(({ name }) => name !== 'a.log');
      expect(files.length).toBeGreaterThan(0);
      for (const { bytes } of files) expect(bytes.at(-1)).toBe(0x0a);
      let after = -1;
      let breaks = 0;
      for (const text of textOf(path).split('\n').slice(0, -1)) {
        if (!/^\d{8}$/.test(text) || Number(text) !== after + 1) breaks++;
        after = Number(text.slice(-8));
      }
      // Where a run begins; and with it a kill between two renames.
      expect(breaks).toBeLessThanOrEqual(2 * (round + 1));
    }
  }, 30_000);
});
