// The registry of logs: sharing by path, rotation, the end of the process, a change of configuration.
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LogFiles } from '../../src/observe/log-files.ts';
import { onStoppedTerminal } from '../support/stopped-terminal.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lbproxy-log-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const text = (name: string) => readFileSync(join(dir, name), 'latin1');

describe('LogFiles', () => {
  it('shares a writer by path, with the shorter wait of its users', () => {
    const files = new LogFiles();
    const path = join(dir, 'a');
    const writer = files.open(path, { bufferBytes: 1000, flushMs: 0 });
    expect(files.open(path, { bufferBytes: 2000, flushMs: 500 })).toBe(writer);
    expect(writer.buffering).toEqual({ bufferBytes: 1000, flushMs: 500 });
    files.open(path, { bufferBytes: 2000, flushMs: 100 });
    expect(writer.buffering).toEqual({ bufferBytes: 1000, flushMs: 100 });
  });

  it('lets a new configuration lengthen the wait', () => {
    const files = new LogFiles();
    const path = join(dir, 'a');
    const writer = files.open(path, { bufferBytes: 1000, flushMs: 10 });
    files.retire();
    files.open(path, { bufferBytes: 2000, flushMs: 20 });
    expect(writer.buffering).toEqual({ bufferBytes: 1000, flushMs: 10 });
    files.retire();
    expect(writer.buffering).toEqual({ bufferBytes: 2000, flushMs: 20 });
  });

  it('leaves everything as it was when a new configuration is refused', async () => {
    const files = new LogFiles();
    const running = files.open(join(dir, 'runs'), { bufferBytes: 1000, flushMs: 10 });
    files.retire();
    files.open(join(dir, 'runs'), { bufferBytes: 1, flushMs: 1 });
    const refused = files.open(join(dir, 'refused'));
    files.discard();
    expect(running.buffering).toEqual({ bufferBytes: 1000, flushMs: 10 });
    expect(refused.path).toBe(join(dir, 'refused'));
    files.open(join(dir, 'runs'), { bufferBytes: 3000, flushMs: 30 });
    files.retire();
    expect(running.buffering).toEqual({ bufferBytes: 3000, flushMs: 30 });
  });

  it('opens a log that an earlier configuration had as if it were new', async () => {
    const files = new LogFiles();
    const sub = mkdtempSync(join(dir, 'sub-'));
    const names = [join(dir, 'stays'), join(sub, 'gone')];
    for (const name of names) files.open(name);
    files.retire();
    files.open(join(dir, 'other'));
    files.retire();
    await files.flushAll(2000);
    rmSync(sub, { recursive: true });
    expect(() => files.open(names[1])).toThrow('cannot open log file');
    files.open(names[0]);
    files.retire();
    rmSync(names[0]);
    files.reopenAll();
    await files.flushAll(2000);
    expect(readdirSync(dir)).toContain('stays');
  });

  it('reopens all', async () => {
    const files = new LogFiles();
    const names = ['a', 'b'];
    for (const name of names) files.open(join(dir, name)).write('before\n');
    for (const name of names) renameSync(join(dir, name), join(dir, `${name}.1`));
    files.reopenAll();
    for (const name of names) files.open(join(dir, name)).write('after\n');
    await files.flushAll(2000);
    for (const name of names) expect([text(`${name}.1`), text(name)]).toEqual(['before\n', 'after\n']);
  });

  it('writes everything at the end, of retired logs too', async () => {
    const files = new LogFiles();
    const old = files.open(join(dir, 'old'));
    files.retire();
    files.open(join(dir, 'new')).write('new\n');
    files.retire();
    files.flushAllSync();
    expect(text('new')).toBe('new\n');
    old.write('late\n');
    await files.flushAll(2000);
    expect(text('old')).toBe('late\n');
  });

  it('closes what a new configuration does not open, and keeps the rest open', async () => {
    const files = new LogFiles();
    for (const name of ['stays', 'goes']) files.open(join(dir, name)).write('1\n');
    files.retire();
    files.open(join(dir, 'stays'));
    files.retire();
    await files.flushAll(2000);
    for (const name of ['stays', 'goes']) renameSync(join(dir, name), join(dir, `${name}.1`));
    files.open(join(dir, 'stays')).write('2\n');
    await files.flushAll(2000);
    expect(text('stays.1')).toBe('1\n2\n');
    expect(text('goes.1')).toBe('1\n');
    expect(readdirSync(dir).sort()).toEqual(['goes.1', 'stays.1']);
  });

  it('compresses as the newest configuration says', async () => {
    const files = new LogFiles();
    const path = join(dir, 'a');
    files.gzipped(path, { bufferBytes: 1000, flushMs: 0 }, 1).write('0\n');
    files.retire();
    await files.flushAll(2000);
    const log = files.gzipped(path, { bufferBytes: 2, flushMs: 0 }, 9);
    files.retire();
    for (const line of ['1\n', '2\n']) log.write(line);
    await files.flushAll(2000);
    // One stream a buffer; its ninth byte says how hard it was tried.
    const streams = text('a').split('\x1f\x8b\x08').slice(1);
    expect(streams.map((stream) => stream.charCodeAt(5))).toEqual([4, 2, 2]);
    expect(gunzipSync(readFileSync(path)).toString()).toBe('0\n1\n2\n');
  });

  it('reports through one place', () => {
    const files = new LogFiles();
    const messages: string[] = [];
    const sub = mkdtempSync(join(dir, 'sub-'));
    files.open(join(sub, 'a'));
    files.report = (message) => messages.push(message);
    rmSync(sub, { recursive: true });
    files.reopenAll();
    expect(messages).toHaveLength(1);
    expect(messages[0]).toContain(`cannot open log file "${join(sub, 'a')}"`);
  });
});

describe('a terminal after Ctrl-S that may not be opened again', () => {
  it('holds up neither the last words of a process nor its end', async () => {
    const script = join(dir, 'stuck.mjs');
    // Out of descriptors it can only write to the terminal as it was given.
    writeFileSync(
      script,
      `import { closeSync, openSync, writeFileSync } from 'node:fs';
       import { LogFiles } from ${JSON.stringify(new URL('../../src/observe/log-files.ts', import.meta.url).href)};
       const taken = [];
       try { for (;;) taken.push(openSync('/dev/null')); } catch {}
       const files = new LogFiles();
       files.print('stdout', 'x'.repeat(100_000));
       for (const fd of taken) closeSync(fd);
       await files.flushAll(500);
       files.print('stdout', 'last words');
       files.flushAllSync();
       writeFileSync(${JSON.stringify(join(dir, 'mark'))}, 'at its end');
       files.exit(0);`,
    );
    const { status } = await onStoppedTerminal([script]);
    expect(await status(10_000)).toBe(9);
    expect(text('mark')).toBe('at its end');
  });
});
