// Where output can go besides a file: the console, syslog, streams of our own, FIFOs, devices; and what happens where nothing is taken.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { pumpOutput } from '../../../src/supervise/logs/pump.ts';
import { fileplan, logRoom, owner, QUIET, until, wait } from './logs.ts';

const room = logRoom();
const text = (value: string): Buffer => Buffer.from(value);

/** Runs a script of this directory; all that it printed once it has ended. */
async function output(child: ChildProcess): Promise<{ stdout: string; stderr: string; code: number | null }> {
  const got = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk) => (got.stdout += chunk));
  child.stderr?.on('data', (chunk) => (got.stderr += chunk));
  await once(child, 'close');
  return { ...got, code: child.exitCode };
}

describe('targets', () => {
  it('prints lines on the console, each of its process and stream', async () => {
    const logs = room.open();
    const log = logs.open(owner('web1'), 'stderr', { ...QUIET, target: { kind: 'console' } });
    log.write(text('one\ntw'));
    log.write(text('o\nrest'));
    expect(room.printed).toEqual(['web1 stderr one', 'web1 stderr two']);
    log.end();
    log.write(text('late\n'));
    expect(room.printed.slice(2)).toEqual(['web1 stderr rest']);
    expect(log.path).toBeNull();
  });

  it('is held back by the console', async () => {
    const held = Promise.withResolvers<void>();
    const logs = room.open({ print: () => held.promise });
    const log = logs.open(owner('web1'), 'stdout', { ...QUIET, target: { kind: 'console' } });
    const answer = log.write(text('one\ntwo\n'));
    let done = false;
    void answer?.then(() => (done = true));
    await wait(20);
    expect(done).toBe(false);
    held.reject(new Error('a sink that breaks holds nobody back'));
    await answer;
  });

  it('takes nothing where there is no target', () => {
    const log = room.open().open(owner('web1'), 'stdout', QUIET);
    expect(log.write(text('x\n'))).toBeUndefined();
    expect(log.path).toBeNull();
  });

  it('writes raw bytes to its own stdout, stderr and other descriptors, whatever they are, and rotates none', async () => {
    const kept = join(room.dir, 'fd4');
    const fd = openSync(kept, 'w');
    const child = spawn(process.execPath, [join(import.meta.dirname, 'own-streams.ts')], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', fd],
    });
    closeSync(fd);
    let third = '';
    child.stdio[3]?.on('data', (chunk: Buffer) => (third += chunk.toString()));
    const { stdout, stderr, code } = await output(child);
    expect(stderr).toBe('\u001b[31mto stderr\n');
    expect(stdout).toBe('\u001b[31mto stdout\nprompt');
    expect(third).toBe('\u001b[31mto fd 3\n');
    expect(readFileSync(kept, 'latin1')).toBe('\u001b[31mto fd 4\n');
    expect(code).toBe(0);
  });

  it('writes to a FIFO, which no reader holds up for ever', async () => {
    const path = join(room.dir, 'fifo');
    execFileSync('mkfifo', [path]);
    const logs = room.open({ patienceMs: 100 });
    const log = logs.open(owner('a'), 'stdout', fileplan(path, { maxBytes: 10, backups: 2 }));
    expect(log.path).toBeNull();
    const block = text(`${'f'.repeat(65_535)}\n`);
    let held = 0;
    for (let i = 0; i < 100; i++) {
      const answer = log.write(block);
      if (answer !== undefined) held++;
      await answer;
    }
    expect(held).toBe(1);
    expect(room.problems).toHaveLength(1);
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const buffer = Buffer.alloc(1024 * 1024);
    let read = 0;
    await until(() => {
      try {
        read += readSync(reader, buffer);
      } catch {
        // Nothing there just now.
      }
      return room.problems.length > 1;
    });
    closeSync(reader);
    expect(read).toBeGreaterThan(0);
    expect(room.problems[1]).toMatch(/takes output again; \d+ lines \(\d+ bytes\) were lost/);
    expect(readdirSync(room.dir)).toEqual(['fifo']);
  });

  it('knows a device behind a link, and what the link leads to after reopening', async () => {
    const path = join(room.dir, 'full.log');
    symlinkSync('/dev/full', path);
    const logs = room.open({ patienceMs: 50 });
    const log = logs.open(owner('a'), 'stdout', fileplan(path));
    expect(log.path).toBeNull();
    log.write(text('kept\n'));
    await until(() => room.problems.length > 0);
    expect(room.problems[0]).toContain('ENOSPC');
    rmSync(path);
    symlinkSync(join(room.dir, 'new.log'), path);
    expect(logs.reopenAll()).toEqual([]);
    await until(() => room.problems.length > 1);
    expect(room.problems[1]).toContain('it takes output again; nothing was lost');
    await logs.flushAll(1000);
    expect(readFileSync(path, 'latin1')).toBe('kept\n');
  });

  it('tells at the end what a device did not take', async () => {
    const logs = room.open();
    const log = logs.open(owner('a'), 'stdout', fileplan('/dev/full'));
    log.write(text('lost\n'));
    await until(() => room.problems.length > 0);
    logs.closeAll();
    // It may be trying again just now: then that attempt tells.
    await until(() => room.problems.some((problem) => problem.includes('1 lines (5 bytes) were lost')));
  });
});

describe('a log that takes nothing', () => {
  it('holds the process back for a while, then drops, and says what was lost and when it works again', async () => {
    const dir = join(room.dir, 'later');
    const logs = room.open({ patienceMs: 200 });
    const log = logs.open(owner('a'), 'stdout', fileplan(join(dir, 'a.log')));
    expect(room.problems).toHaveLength(1);
    expect(room.problems[0]).toContain(`the directory "${dir}" does not exist: create it`);
    const block = text(`${'z'.repeat(65_535)}\n`);
    const start = performance.now();
    for (let i = 0; i < 100; i++) await log.write(block);
    expect(performance.now() - start).toBeGreaterThan(190);
    mkdirSync(dir);
    await until(() => room.problems.length > 1);
    await logs.flushAll(2000);
    const lost = Number(/; (\d+) lines \(\d+ bytes\) were lost/.exec(room.problems[1])?.[1]);
    expect(lost).toBeGreaterThan(0);
    expect(statSync(join(dir, 'a.log')).size).toBe((100 - lost) * 65_536);
    expect(room.problems).toHaveLength(2);
  });

  it('gets over a full disk, also by being emptied', async () => {
    const path = join(room.dir, 'a.log');
    const script = join(import.meta.dirname, 'full-disk.ts');
    // Files of at most 64 KiB: a write beyond fails as on a full disk.
    const command = `ulimit -f 64; trap '' XFSZ; exec "${process.execPath}" "${script}" "${path}"`;
    const { stdout, code } = await output(
      spawn('bash', ['-c', command], { stdio: ['ignore', 'pipe', 'inherit'] }),
    );
    expect(JSON.parse(stdout)).toEqual({
      problems: [expect.stringMatching(/EFBIG|too large/), expect.stringContaining('nothing was lost')],
      atFull: 65_536,
      text: 'after\n',
    });
    expect(code).toBe(0);
  }, 20_000);
});

describe('AUTO logs', () => {
  const AUTO = { ...QUIET, target: { kind: 'auto' } } as const;

  it('are made with Supervisor’s names, for their owner alone, and stay over restarts', async () => {
    const logs = room.open();
    const log = logs.open(owner('web1'), 'stdout', AUTO);
    expect(log.path).toMatch(/\/web1-stdout---supervisor-[a-z0-9_]{8}\.log$/);
    expect(statSync(log.path ?? '').mode & 0o777).toBe(0o600);
    log.write(text('x\n'));
    log.end();
    expect(logs.open(owner('web1'), 'stdout', AUTO).path).toBe(log.path);
    expect(logs.pathOf(owner('web1'), 'stdout', AUTO)).toBe(log.path);
    expect(logs.pathOf(owner('web1'), 'stderr', AUTO)).toMatch(/web1-stderr---supervisor-/);
    await logs.flushAll(1000);
    expect(readFileSync(log.path ?? '', 'latin1')).toBe('x\n');
  });

  it('of earlier runs are removed, those in use and of others stay', () => {
    const old = [
      'web1-stdout---supervisor-abc123.log',
      'web1-stdout---supervisor-abc123.log.1',
      'a---supervisor-x.log.2.gz',
    ];
    const others = ['web1-stdout---other-abc123.log', 'x-supervisor-y.log', 'a---supervisor-b.log.txt'];
    for (const name of [...old, ...others]) writeFileSync(join(room.dir, name), '');
    const logs = room.open();
    const log = logs.open(owner('web1'), 'stdout', AUTO);
    logs.cleanAutoLogs();
    const names = readdirSync(room.dir);
    for (const name of old) expect(names).not.toContain(name);
    for (const name of others) expect(names).toContain(name);
    expect(existsSync(log.path ?? '')).toBe(true);
  });

  it('cannot be made in a directory that is missing: said once', () => {
    const logs = room.open({ childLogDirectory: join(room.dir, 'none') });
    for (let i = 0; i < 3; i++) expect(logs.open(owner('a'), 'stdout', AUTO).path).toBeNull();
    expect(room.problems).toHaveLength(1);
    expect(room.problems[0]).toContain('does not exist');
  });
});

describe('syslog', () => {
  const plan = { ...QUIET, syslog: true };

  it('gets each line with the name of the process, by one `logger`', async () => {
    const path = join(room.dir, 'out');
    const fake = `echo started >>"${path}"; echo "$@" >>"${path}"; exec cat >>"${path}"`;
    const logs = room.open({ syslogCommand: ['sh', '-c', fake, 'logger'], syslogTag: 'tag' });
    const a = logs.open(owner('a'), 'stdout', plan);
    const b = logs.open(owner('b'), 'stderr', plan);
    a.write(text('one\ntw'));
    b.write(text('x\n\n'));
    a.write(text('o\nlast'));
    a.end();
    await logs.flushAll(1000);
    logs.closeAll();
    await until(() => existsSync(path) && readFileSync(path, 'latin1').endsWith('a last\n'));
    expect(readFileSync(path, 'latin1').split('\n')).toEqual([
      'started',
      '-t tag -p user.info --size 65536 --socket-errors=on',
      'a one',
      'b x',
      'b ',
      'a two',
      'a last',
      '',
    ]);
  });

  it('goes on with a `logger` that knows fewer options', async () => {
    const path = join(room.dir, 'out');
    const fake = `case "$*" in *--size*) echo "logger: unrecognized option '--size'" >&2; exit 1;; esac; exec cat >>"${path}"`;
    const logs = room.open({ syslogCommand: ['sh', '-c', fake, 'logger'] });
    const log = logs.open(owner('a'), 'stdout', plan);
    await until(() => {
      log.write(text('again\n'));
      return existsSync(path) && readFileSync(path, 'latin1').includes('a again\n');
    });
    expect(room.problems).toEqual([]);
  });

  it.each([
    [
      ['sh', '-c', 'echo "socket /dev/log: No such file or directory" >&2; exit 1'],
      'socket /dev/log: No such file',
    ],
    [['/nowhere/logger'], 'install bsdutils'],
  ])('says once where nothing takes it: %j', async (syslogCommand, reason) => {
    const logs = room.open({ syslogCommand });
    const log = logs.open(owner('a'), 'stdout', plan);
    await until(() => {
      expect(log.write(text('x\n'))).toBeUndefined();
      return room.problems.length > 0;
    });
    for (let i = 0; i < 5; i++) {
      expect(log.write(text('x\n'))).toBeUndefined();
      await wait(20);
    }
    expect(room.problems).toHaveLength(1);
    expect(room.problems[0]).toContain(reason);
  });
});

describe('pumpOutput', () => {
  it('ends the log once when the stream ends, or is destroyed', async () => {
    for (const finish of ['end', 'destroy'] as const) {
      const stream = new PassThrough();
      const seen: string[] = [];
      let ends = 0;
      const log = { write: (chunk: Buffer) => void seen.push(chunk.toString()), end: () => void ends++ };
      const pumped = pumpOutput(stream, log, (chunk) => void seen.push(`also ${chunk}`));
      stream.write('x');
      await wait(5);
      if (finish === 'end') stream.end('y');
      else stream.destroy(new Error('broken'));
      await pumped;
      expect(seen).toEqual(finish === 'end' ? ['also x', 'x', 'also y', 'y'] : ['also x', 'x']);
      expect(ends).toBe(1);
      await pumpOutput(stream, log);
    }
  });

  it('reads no more while the log holds it back', async () => {
    const stream = new PassThrough({ highWaterMark: 1024 });
    let go: () => void = () => undefined;
    let chunks = 0;
    const log = {
      write: () => {
        chunks++;
        return new Promise<void>((resolve) => (go = resolve));
      },
      end: () => undefined,
    };
    const pumped = pumpOutput(stream, log);
    for (let i = 0; i < 5; i++) stream.write(Buffer.alloc(1024));
    await wait(20);
    expect(chunks).toBe(1);
    stream.end();
    for (let i = 1; i <= 5; i++) {
      await until(() => chunks === i);
      go();
    }
    await pumped;
  });
});
