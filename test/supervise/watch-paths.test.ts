import { EventEmitter } from 'node:events';
import {
  appendFileSync,
  type FSWatcher,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type WatchOptions, watchPaths } from '../../src/supervise/watch-paths.ts';
import { eventually } from './programs.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

function tree(files: Record<string, string> = {}): string {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'watch-')));
  cleanups.push(() => rmSync(dir, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  return dir;
}

function start(paths: readonly string[], options: Partial<WatchOptions> = {}) {
  const changes: (readonly string[])[] = [];
  const warnings: string[] = [];
  const close = watchPaths(paths, (changed) => changes.push(changed), {
    warn: (text) => warnings.push(text),
    ...options,
  });
  cleanups.push(close);
  return {
    warnings,
    changes,
    close,
    next: (...expected: string[]) =>
      eventually(() => changes.length > 0).then(() => expect(changes.splice(0)).toEqual([expected])),
    /** Longer than a burst is waited for. */
    async none() {
      await new Promise((resolve) => setTimeout(resolve, 450));
      expect(changes).toEqual([]);
    },
  };
}

describe('watchPaths', () => {
  it('tells of files that are written, touched, made and removed, in new directories too', async () => {
    const dir = tree({ 'app.py': '1', 'sub/mod.py': '1' });
    const { next, none } = start([dir]);
    await none();
    writeFileSync(join(dir, 'sub/mod.py'), '2');
    await next(join(dir, 'sub/mod.py'));
    utimesSync(join(dir, 'app.py'), 1, 1);
    await next(join(dir, 'app.py'));
    mkdirSync(join(dir, 'new/deep'), { recursive: true });
    writeFileSync(join(dir, 'new/deep/a.py'), '1');
    await next(join(dir, 'new/deep/a.py'));
    appendFileSync(join(dir, 'new/deep/a.py'), '2');
    await next(join(dir, 'new/deep/a.py'));
    rmSync(join(dir, 'new'), { recursive: true });
    await next(join(dir, 'new/deep/a.py'));
  });

  it('takes a burst for one change', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    cleanups.push(() => void vi.useRealTimers());
    const dir = tree();
    let tell: (name: string) => void = () => undefined;
    const { changes } = start([dir], {
      watchDirectory: (_, onEvent) => {
        tell = onEvent;
        return Object.assign(new EventEmitter(), { close: () => undefined }) as unknown as FSWatcher;
      },
    });
    const names = Array.from({ length: 12 }, (_, i) => join(dir, `${String(i).padStart(2, '0')}.py`));
    for (const name of names) {
      writeFileSync(name, 'x');
      tell(basename(name));
      vi.advanceTimersByTime(150);
    }
    expect(changes).toEqual([]);
    vi.advanceTimersByTime(50);
    expect(changes).toEqual([names]);
    vi.advanceTimersByTime(5000);
    expect(changes).toEqual([names]);
  });

  it('follows a file through atomic replacement, removal and return', async () => {
    const dir = tree({ 'app.py': '1', 'other.py': '1' });
    const path = join(dir, 'app.py');
    const { next, none } = start([path]);
    for (const text of ['2', '3']) {
      writeFileSync(`${path}.new`, text);
      renameSync(`${path}.new`, path);
      await next(path);
    }
    writeFileSync(join(dir, 'other.py'), '2');
    await none();
    unlinkSync(path);
    await next(path);
    writeFileSync(path, '4');
    await next(path);
    appendFileSync(path, '5');
    await next(path);
  });

  it('waits for what does not exist yet, and follows a directory that is made anew', async () => {
    const dir = tree();
    const path = join(dir, 'a/b/code');
    const { next } = start([path]);
    for (let round = 0; round < 2; round++) {
      mkdirSync(path, { recursive: true });
      await new Promise((resolve) => setTimeout(resolve, 50));
      writeFileSync(join(path, 'x.py'), `${round}`);
      await next(join(path, 'x.py'));
      appendFileSync(join(path, 'x.py'), 'more');
      await next(join(path, 'x.py'));
      rmSync(join(dir, 'a'), { recursive: true });
      await next(join(path, 'x.py'));
    }
  });

  it('follows links: into directories, in circles, and when they are led elsewhere', async () => {
    const dir = tree({ 'r1/app.py': '1', 'r2/app.py': '1', 'lib/l.py': '1' });
    symlinkSync(join(dir, 'lib'), join(dir, 'r1/lib'));
    symlinkSync(join(dir, 'r1'), join(dir, 'lib/back'));
    symlinkSync(join(dir, 'r1'), join(dir, 'current'));
    const { next, none } = start([join(dir, 'current')]);
    const file = start([join(dir, 'current/app.py')]);
    writeFileSync(join(dir, 'lib/l.py'), '2');
    await next(join(dir, 'current/lib/l.py'));
    symlinkSync(join(dir, 'r2'), join(dir, 'current.new'));
    renameSync(join(dir, 'current.new'), join(dir, 'current'));
    await next(join(dir, 'current/app.py'), join(dir, 'current/lib/l.py'));
    await file.next(join(dir, 'current/app.py'));
    writeFileSync(join(dir, 'r2/app.py'), '2');
    await next(join(dir, 'current/app.py'));
    await file.next(join(dir, 'current/app.py'));
    writeFileSync(join(dir, 'r1/app.py'), '2');
    await none();
    await file.none();
  });

  it('passes over what tools, editors and the app write', async () => {
    const dir = tree({ 'app.py': '1', 'out.txt': '' });
    const named = join(dir, 'named.log');
    writeFileSync(named, '');
    const { none, next } = start([dir, named], { ignore: [join(dir, 'out.txt')] });
    for (const name of ['node_modules/a/b.js', '.git/index', '__pycache__/app.cpython-311.pyc', 'old.pyc'])
      mkdirSync(dirname(join(dir, name)), { recursive: true });
    for (const name of [
      ...['node_modules/a/b.js', '.git/index', '__pycache__/app.cpython-311.pyc', 'old.pyc', '.app.py.swp'],
      ...[
        'app.py~',
        '#app.py#',
        '4913',
        'app.log',
        'app.log.1',
        'out.txt',
        'db.sqlite3',
        'db.sqlite3-journal',
      ],
    ])
      writeFileSync(join(dir, name), 'x');
    await none();
    // A file that is named is meant, whatever its name.
    appendFileSync(named, 'x');
    await next(named);
  });

  it('looks for itself where the system has no more watches, and says so once', {
    timeout: 20_000,
  }, async () => {
    const dir = tree({ 'app.py': '1', 'sub/a.py': '1' });
    const { next, warnings } = start([dir], {
      watchDirectory: () => {
        throw Object.assign(new Error('ENOSPC: System limit for number of file watchers reached'), {
          code: 'ENOSPC',
        });
      },
    });
    for (const text of ['22', '333']) {
      writeFileSync(join(dir, 'sub/a.py'), text);
      await next(join(dir, 'sub/a.py'));
    }
    expect(warnings).toEqual([
      expect.stringMatching(/no more watches .* every 2 s instead; raise fs\.inotify/),
    ]);
  });

  it('is bounded, and says what is left out', async () => {
    const dir = tree();
    for (let i = 0; i < 2010; i++) mkdirSync(join(dir, `d${i}`));
    const { warnings } = start([dir]);
    expect(warnings).toEqual([
      expect.stringMatching(/^watch covers too much: .*\/d\d+ and what comes after/),
    ]);
  });

  it('says nothing once closed', async () => {
    const dir = tree({ 'app.py': '1' });
    const { close, none } = start([dir]);
    writeFileSync(join(dir, 'app.py'), '2');
    close();
    await none();
  });
});
