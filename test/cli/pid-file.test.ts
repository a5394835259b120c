// The pid file and what lies beside it: who may read it, what stands in its place, and that a signal reaches lbproxy or nobody.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writePidFile } from '../../src/cli/pid-file.ts';
import { isAlive, spawnLbproxy, startLbproxy } from '../support/lbproxy-process.ts';
import { isRoot, STRANGER } from '../support/root.ts';

const CONFIG = 'worker_processes 1; PID http { server { listen 127.0.0.1:PORT1; return 204; } }';
const withPid = CONFIG.replace('PID', 'pid DIR/run/lbproxy.pid;');
const modeOf = (path: string): number => lstatSync(path).mode & 0o7777;

let dir = '';
let umask = 0;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lbproxy-'));
  umask = process.umask();
});
afterEach(() => {
  process.umask(umask);
  rmSync(dir, { recursive: true, force: true });
});

describe('at a start', () => {
  it.each([0o000, 0o022, 0o077])('files have their modes under umask %o', async (mask) => {
    process.umask(mask);
    const lbproxy = await startLbproxy(CONFIG.replace('PID', ''));
    process.umask(umask);
    const state = join(lbproxy.dir, 'state', 'lbproxy');
    expect(modeOf(state)).toBe(0o700);
    const [pidFile] = readdirSync(state).filter((name) => name.endsWith('.pid'));
    expect(modeOf(join(state, pidFile))).toBe(0o644);
    expect((await lbproxy.command('-s', 'reload')).code).toBe(0);
    expect(modeOf(join(state, `${pidFile}.outcome`))).toBe(0o600);
    const socket = pidFile.replace(/pid$/, 'sock');
    expect(modeOf(join(state, socket))).toBe(0o600);
    expect(readdirSync(state).sort()).toEqual([pidFile, `${pidFile}.outcome`, socket]);
    expect((await lbproxy.command('-s', 'stop')).code).toBe(0);
    expect(readdirSync(state)).toEqual([]);
  });

  it('a directory that is made for the pid file is no directory for all to write in', async () => {
    process.umask(0);
    const lbproxy = await startLbproxy(withPid);
    expect(modeOf(join(lbproxy.dir, 'run'))).toBe(0o755);
    expect(modeOf(join(lbproxy.dir, 'run', 'lbproxy.pid'))).toBe(0o644);
  });

  it('a pid file that cannot be written is told, and nothing goes on', async () => {
    const lbproxy = await spawnLbproxy(withPid, { files: { run: 'a file' } });
    expect((await lbproxy.exited).code).toBe(1);
    expect(lbproxy.stderr()).toContain(`pid ${lbproxy.dir}/run/lbproxy.pid cannot be written: `);
    expect(lbproxy.stderr()).toContain('is no directory');
    expect(lbproxy.stderr()).not.toMatch(/\bat .*\.ts:/);
  });
});

describe('in the place of the pid file', () => {
  it('a link is replaced, and what it leads to is left alone', () => {
    writeFileSync(join(dir, 'victim'), 'untouched');
    const pidFile = join(dir, 'lbproxy.pid');
    for (const name of [pidFile, `${pidFile}.outcome`, `${pidFile}.outcome.${process.pid}`])
      symlinkSync(join(dir, 'victim'), name);
    writePidFile(pidFile);
    expect(readFileSync(join(dir, 'victim'), 'utf8')).toBe('untouched');
    expect(lstatSync(pidFile).isFile()).toBe(true);
    expect(readFileSync(pidFile, 'utf8')).toBe(`${process.pid}\n`);
  });

  it('a second name of another file is not written through', () => {
    writeFileSync(join(dir, 'victim'), 'untouched');
    linkSync(join(dir, 'victim'), join(dir, 'lbproxy.pid'));
    writePidFile(join(dir, 'lbproxy.pid'));
    expect(readFileSync(join(dir, 'victim'), 'utf8')).toBe('untouched');
  });

  it('what is no file stays: pid /dev/null', async () => {
    const lbproxy = await startLbproxy(CONFIG.replace('PID', 'pid /dev/null;'));
    lbproxy.signal('SIGTERM');
    expect((await lbproxy.exited).code).toBe(0);
    expect(lstatSync('/dev/null').isCharacterDevice()).toBe(true);
    expect(existsSync('/dev/null.outcome')).toBe(false);
  });

  /** What a user without rights in `dir`, which is root's, makes of a pid file there that is theirs: its content while it runs. */
  function asStranger(name: string): string {
    chmodSync(dir, 0o755);
    const pidFile = join(dir, name);
    writeFileSync(pidFile, 'theirs');
    chownSync(pidFile, STRANGER, STRANGER);
    if (name === 'twice.pid') linkSync(pidFile, join(dir, 'second'));
    const room = new URL('../../src/', import.meta.url).href;
    const script = `
      const { removePidFile, writePidFile } = await import('${room}cli/pid-file.ts');
      const { whyNotMade } = await import('${room}cluster/writable-place.ts');
      const { readFileSync } = await import('node:fs');
      process.setgroups([]);
      process.setgid(${STRANGER});
      process.setuid(${STRANGER});
      const file = '${pidFile}';
      try {
        console.log(whyNotMade(file), whyNotMade(file + '.other'));
        writePidFile(file);
        console.log(readFileSync(file, 'utf8') === process.pid + '\\n');
        removePidFile(file);
      } catch (error) {
        console.log(error.message);
      }`;
    return execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  }

  it.runIf(isRoot)('a file that was made for us in a directory that is not ours is used, and emptied', () => {
    expect(asStranger('lbproxy.pid')).toBe(`undefined ${dir} may not be written\ntrue\n`);
    expect(readFileSync(join(dir, 'lbproxy.pid'), 'utf8')).toBe('');
  });

  it.runIf(isRoot)('such a file with a second name loses nothing', () => {
    expect(asStranger('twice.pid')).toContain('the file has another name too');
    expect(readFileSync(join(dir, 'second'), 'utf8')).toBe('theirs');
  });

  it('the file of another lbproxy is not removed at the end', async () => {
    const lbproxy = await startLbproxy(withPid);
    const pidFile = join(lbproxy.dir, 'run', 'lbproxy.pid');
    writeFileSync(pidFile, `${process.pid}\n`);
    lbproxy.signal('SIGTERM');
    expect((await lbproxy.exited).code).toBe(0);
    expect(readFileSync(pidFile, 'utf8')).toBe(`${process.pid}\n`);
  });
});

describe('-s signals nobody', () => {
  /** A process that ends at a signal, and its answer to `-s stop` with its number in the pid file. */
  async function stopOf(words: readonly string[]): Promise<{ pid: number; text: string; lived: boolean }> {
    const child = spawn(words[0], words.slice(1), { stdio: 'ignore', cwd: dir });
    await once(child, 'spawn');
    const pid = child.pid as number;
    try {
      const lbproxy = await startLbproxy(withPid);
      const pidFile = join(lbproxy.dir, 'run', 'lbproxy.pid');
      writeFileSync(pidFile, `${pid}\n`);
      const { code, text } = await lbproxy.command('-s', 'stop');
      expect(code).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 100));
      return { pid, text, lived: isAlive(pid) };
    } finally {
      child.kill('SIGKILL');
    }
  }

  it('that is another program', async () => {
    const { pid, text, lived } = await stopOf(['sleep', '60']);
    expect(lived).toBe(true);
    expect(text).toMatch(
      new RegExp(
        `^lbproxy: cannot signal process ${pid} of .*/run/lbproxy\\.pid: that is another program \\(sleep 60\\); the file is left over`,
      ),
    );
  });

  it('that merely looks like lbproxy and started later', async () => {
    writeFileSync(join(dir, 'main.js'), 'setInterval(() => {}, 1000)');
    const { text, lived } = await stopOf([process.execPath, join(dir, 'main.js')]);
    expect(lived).toBe(true);
    expect(text).toContain(': that is an lbproxy that started later; the file is left over');
  });

  it('where the process is gone', async () => {
    const child = spawn('true');
    await once(child, 'exit');
    const lbproxy = await startLbproxy(withPid);
    writeFileSync(join(lbproxy.dir, 'run', 'lbproxy.pid'), `${child.pid}\n`);
    expect((await lbproxy.command('-s', 'stop')).text).toContain(
      ': there is no such process; the file is left',
    );
    expect(lbproxy.hasExited).toBe(false);
  });

  it('for a pid file that is a link', async () => {
    const lbproxy = await startLbproxy(withPid);
    const pidFile = join(lbproxy.dir, 'run', 'lbproxy.pid');
    writeFileSync(join(dir, 'other'), `${lbproxy.pid}\n`);
    rmSync(pidFile);
    symlinkSync(join(dir, 'other'), pidFile);
    expect((await lbproxy.command('-s', 'stop')).text).toContain('no lbproxy runs with');
    expect(lbproxy.hasExited).toBe(false);
  });
});

it('a second start is told of the first one, past what others have in the directory', async () => {
  mkdirSync(join(dir, 'run'));
  chmodSync(join(dir, 'run'), 0o1777);
  const lbproxy = await startLbproxy(withPid.replace('DIR/run', join(dir, 'run')));
  const second = await lbproxy.command();
  expect(second.text).toContain(`lbproxy already runs ${lbproxy.configFile} as pid ${lbproxy.pid}`);
  expect((await lbproxy.command('-s', 'quit')).text).toBe(`lbproxy: stopped, pid ${lbproxy.pid}\n`);
});
