// The error log: levels, JSON lines, pretty lines, rotation.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLog, type Log } from '../../src/observe/error-log.ts';
import { LogFiles } from '../../src/observe/log-files.ts';
import { LOG_LEVELS } from '../../src/observe/rows.ts';
import { repeatedKeys } from '../support/strict-json.ts';

let dir = '';
let path = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lbproxy-log-'));
  path = join(dir, 'error.log');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const METHODS = ['debug', 'info', 'notice', 'warn', 'error', 'crit'] as const;
const sayAll = (log: Log) => {
  for (const method of METHODS) log[method](`a ${method}`);
};
const records = () =>
  readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));

describe('createLog', () => {
  it.each(LOG_LEVELS)('from level %s on', async (level) => {
    const files = new LogFiles();
    sayAll(createLog({ path, level }, files));
    await files.flushAll(2000);
    const expected = METHODS.filter((method) => LOG_LEVELS.indexOf(method) >= LOG_LEVELS.indexOf(level));
    expect(records().map((r) => [r.level, r.msg])).toEqual(expected.map((method) => [method, `a ${method}`]));
  });

  it('writes JSON with fields, as UTF-8 without control bytes', async () => {
    const files = new LogFiles();
    const log = createLog({ path, level: 'info' }, files);
    log.warn('peer fällt aus %s \x1b[2J\x9b', { peer: '127.0.0.1:8002', ms: 3, note: '100 €\x7f' });
    await files.flushAll(2000);
    expect(readFileSync(path, 'utf8')).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
    const [record] = records();
    expect(Math.abs(Date.parse(record.time) - Date.now())).toBeLessThan(5000);
    expect(record).toEqual({
      level: 'warn',
      time: record.time,
      pid: process.pid,
      peer: '127.0.0.1:8002',
      ms: 3,
      note: '100 €\x7f',
      msg: 'peer fällt aus %s \x1b[2J\x9b',
    });
  });

  it('never has a key twice, whatever the fields are called', async () => {
    const files = new LogFiles();
    const log = createLog({ path, level: 'debug' }, files);
    const fields = {
      level: 9,
      time: 'noon',
      pid: 1,
      msg: 'm',
      hostname: 'h',
      err: new Error('e'),
      name: 'n',
    };
    for (const method of METHODS) log[method]('text', fields);
    log.info('as a key', { '': 0, 'a"b': 1, toJSON: 2, __proto__x: 3 });
    await files.flushAll(2000);
    const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
    expect(lines).toHaveLength(METHODS.length + 1);
    for (const line of lines) expect(repeatedKeys(line)).toEqual([]);
    for (const record of records().slice(0, METHODS.length)) {
      expect(record).toMatchObject({ pid: process.pid, msg: 'text', hostname: 'h', name: 'n' });
      expect(record).toMatchObject({ level_: 9, time_: 'noon', pid_: 1, msg_: 'm' });
      expect(Date.parse(record.time)).toBeGreaterThan(0);
    }
  });

  it('writes pretty lines without colours where there is no terminal', async () => {
    const files = new LogFiles();
    createLog({ path, level: 'info', form: 'pretty' }, files).error('größer', { a: 1 });
    await files.flushAll(2000);
    expect(readFileSync(path, 'utf8')).toMatch(/^\d\d:\d\d:\d\d error {2}größer a=1\n$/);
  });

  it('writes bytes of requests in nginx’s form as they came, but none that a terminal obeys', async () => {
    const files = new LogFiles();
    const log = createLog({ path, level: 'info', form: 'nginx' }, files);
    log.error('open() "/\xc3\xa9\xe9 ’\t\x1b[31m\r\x9b\xc2\x9b\x7f\n"', { connection: 7 });
    log.error('größer \x9b');
    await files.flushAll(2000);
    const [first, second] = readFileSync(path, 'latin1').split('\n');
    expect(first).toMatch(/ \[error\] \d+#\d+: \*7 /);
    const quote = '\xe2\x80\x99';
    expect(first.slice(first.indexOf('open'))).toBe(
      `open() "/\xc3\xa9\xe9 ${quote}\t\\x1B[31m\\x0D\x9b\\xC2\\x9B\\x7F "`,
    );
    expect(second.slice(second.indexOf('gr'))).toBe('gr\xc3\xb6\xc3\x9fer \\xC2\\x9B');
  });

  it('is reopened with the other logs', async () => {
    const files = new LogFiles();
    const log = createLog({ path, level: 'info' }, files);
    log.info('before');
    renameSync(path, `${path}.1`);
    files.reopenAll();
    log.info('after');
    await files.flushAll(2000);
    expect(records().map((r) => r.msg)).toEqual(['after']);
  });

  it('reaches the file without waiting for a buffer', async () => {
    createLog({ path, level: 'info' }, new LogFiles()).info('now');
    await expect.poll(() => readFileSync(path, 'utf8'), { timeout: 2000 }).toContain('now');
  });
});

describe.runIf(spawnSync('script', ['--version']).status === 0)('on a terminal', () => {
  const onTerminal = (env: Record<string, string>) => {
    const source = (name: string) => JSON.stringify(join(import.meta.dirname, '../../src/observe', name));
    const program = join(dir, 'program.ts');
    writeFileSync(
      program,
      `import { createLog } from ${source('error-log.ts')};
       import { LogFiles } from ${source('log-files.ts')};
       const files = new LogFiles();
       createLog({ path: 'stderr', level: 'notice' }, files).notice('started', { port: 80 });
       await files.flushAll(1000);`,
    );
    // util-linux script gives the command a terminal of its own.
    const run = spawnSync('script', ['-qec', `"${process.execPath}" "${program}"`, '/dev/null'], {
      env: { PATH: process.env.PATH, TERM: 'xterm', ...env },
      encoding: 'utf8',
      timeout: 30_000,
    });
    return run.stdout.trim();
  };

  it('is pretty and coloured', () => {
    expect(onTerminal({})).toMatch(
      /^\x1b\[90m\d\d:\d\d:\d\d\x1b\[39m \x1b\[32mnotice\x1b\[39m started \x1b\[90mport=\x1b\[39m80$/,
    );
  });

  it('honours NO_COLOR', () => {
    expect(onTerminal({ NO_COLOR: '1' })).toMatch(/^\d\d:\d\d:\d\d notice started port=80$/);
  });
});
