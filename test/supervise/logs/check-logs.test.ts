// What is said of log paths before anything starts.
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkLogs, type LogFinding } from '../../../src/supervise/logs/check-logs.ts';
import type { ProcessSpec, StreamPlan } from '../../../src/supervise/plan.ts';
import { fileplan, logRoom, QUIET } from './logs.ts';

const room = logRoom();

/** As far as the check looks at it. */
function spec(
  name: string,
  stdout: StreamPlan,
  stderr: StreamPlan = QUIET,
  redirectStderr = false,
): ProcessSpec {
  const launch = { name } as ProcessSpec['launch'];
  const output = { redirectStderr, stdout, stderr };
  return { group: 'web', program: 'web', index: 0, at: `${name}.conf:1:1`, launch, output } as ProcessSpec;
}

const check = (...specs: ProcessSpec[]): LogFinding[] => checkLogs(specs, room.dir);

describe('checkLogs', () => {
  it('has nothing to say of what can be opened', () => {
    writeFileSync(join(room.dir, 'there.log'), '');
    const shared = fileplan(join(room.dir, 'new.log'), { maxBytes: 100, backups: 2 });
    symlinkSync('/dev/stdout', join(room.dir, 'link.log'));
    execFileSync('mkfifo', [join(room.dir, 'fifo')]);
    const paths = ['there.log', 'link.log', 'fifo'].map((name) =>
      fileplan(join(room.dir, name), { maxBytes: 5 }),
    );
    const streams = ['/dev/stdout', '/dev/fd/7', '/dev/null'].map((path) => fileplan(path, { maxBytes: 1 }));
    const other = fileplan('/dev/stdout', { maxBytes: 2 });
    const specs = [...paths, ...streams, other, shared, shared].map((plan, i) => spec(`p${i}`, plan));
    expect(check(...specs, spec('auto', { ...QUIET, target: { kind: 'auto' } }))).toEqual([]);
  });

  it('names a directory that is missing, or is none, and a path that is a directory', () => {
    mkdirSync(join(room.dir, 'folder'));
    writeFileSync(join(room.dir, 'file'), '');
    const path = (name: string): string => join(room.dir, name);
    const found = check(
      spec('a', fileplan(path('none/a.log')), fileplan(path('folder'))),
      spec('b', fileplan(path('file/b.log'))),
      spec('c', fileplan(path('none/a.log'))),
    );
    expect(found).toEqual([
      {
        kind: 'cannot-open',
        path: path('none/a.log'),
        at: 'a.conf:1:1',
        processes: ['web:a', 'web:c'],
        text: `log "${path('none/a.log')}" cannot be opened: the directory "${path('none')}" does not exist: create it or change the path`,
      },
      expect.objectContaining({ path: path('folder'), text: expect.stringContaining('it is a directory') }),
      expect.objectContaining({
        path: path('file/b.log'),
        text: expect.stringContaining('is not a directory'),
      }),
    ]);
  });

  it('looks at the directory of AUTO logs, and not at what redirect_stderr makes void', () => {
    const auto = { ...QUIET, target: { kind: 'auto' } } as const;
    const gone = join(room.dir, 'gone');
    const found = checkLogs([spec('a', auto), spec('b', QUIET, auto, true)], gone);
    expect(found).toEqual([
      expect.objectContaining({ kind: 'cannot-open', path: gone, processes: ['web:a'] }),
    ]);
  });

  it('warns of one path that is to be rotated in several ways, under whatever name', () => {
    const path = join(room.dir, 'a.log');
    const same = join(room.dir, '..', room.dir.split('/').at(-1) ?? '', 'a.log');
    const [found, ...more] = check(
      spec('a', fileplan(path, { maxBytes: 1000, backups: 2 })),
      spec('b', fileplan(same, { maxBytes: 500, backups: 9 })),
    );
    expect(more).toEqual([]);
    expect(found).toMatchObject({ kind: 'different-rotations', processes: ['web:a', 'web:b'] });
    expect(found.text).toContain('500 bytes and 9 rotated files');
  });

  it('warns of a log that has the name of a rotated one', () => {
    const path = join(room.dir, 'a.log');
    const plan = fileplan(path, { maxBytes: 1000, backups: 2 });
    const [found, ...more] = check(
      spec('a', plan),
      spec('b', fileplan(`${path}.2`)),
      spec('c', fileplan(`${path}.3`)),
    );
    expect(more).toEqual([]);
    expect(found).toMatchObject({ kind: 'collision', path: `${path}.2`, processes: ['web:b'] });
    expect(check(spec('a', fileplan(path, { backups: 9 })), spec('b', fileplan(`${path}.2`)))).toEqual([]);
  });
});
