import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  endLeftovers,
  findLeftovers,
  forgetRun,
  leftoverText,
  recordRun,
} from '../../src/supervise/leftovers.ts';
import { MARK_NAME, newMark } from '../../src/supervise/mark.ts';
import { eventually, isRunning } from './programs.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

function stateDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'leftovers-'));
  cleanups.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function startMarked(mark: string, script: string): Promise<number> {
  const child = spawn('sh', ['-c', `echo up; ${script}`], {
    detached: true,
    env: { ...process.env, [MARK_NAME]: mark },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const { pid = 0 } = child;
  cleanups.push(() => void child.kill('SIGKILL'));
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return pid;
}

/** As a run whose primary, a process that has ended, wrote it. */
async function deadRun(directory: string, name: string): Promise<string> {
  const mark = newMark();
  const room = new URL('../../src/supervise/leftovers.ts', import.meta.url).href;
  const script = `import { recordRun } from '${room}'; recordRun(${JSON.stringify(directory)}, ${JSON.stringify(name)}, '${mark}')`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
  expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(0);
  return mark;
}

const pidsOf = (directory: string, name = 'web'): number[] =>
  findLeftovers(directory, name).map(({ pid }) => pid);

describe('leftovers', () => {
  it('are what bears the mark of a dead run, named and ended', async () => {
    const directory = stateDirectory();
    const mark = await deadRun(directory, 'web');
    const other = await startMarked(newMark(), 'exec sleep 1001');
    const near = await startMarked(`${mark}0`, 'exec sleep 1004');
    expect(pidsOf(directory)).toEqual([]);
    const gentle = await startMarked(mark, 'exec sleep 1002');
    const stubborn = await startMarked(mark, 'trap "" TERM; while :; do sleep 0.1; done');
    await eventually(() => pidsOf(directory).includes(gentle) && pidsOf(directory).includes(stubborn));
    expect(pidsOf(directory, 'another')).toEqual([]);
    // It says that it is up before it becomes what it is.
    const found = await eventually(() =>
      findLeftovers(directory, 'web').find(({ pid, command }) => pid === gentle && !/^sh /.test(command)),
    );
    expect(found && leftoverText(found)).toMatch(
      new RegExp(`^pid ${gentle} \\(sleep 1002\\), started \\d s ago$`),
    );
    expect(await endLeftovers(findLeftovers(directory, 'web'))).toEqual([]);
    expect([gentle, stubborn, other, near].map(isRunning)).toEqual([false, false, true, true]);
    expect(pidsOf(directory)).toEqual([]);
  });

  it('are none while the primary that started them runs', async () => {
    const directory = stateDirectory();
    const mark = newMark();
    const primary = spawn('sleep', ['1000']);
    cleanups.push(() => void primary.kill('SIGKILL'));
    const startOf = (pid = 0): string =>
      readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ')[19];
    const start = startOf(primary.pid);
    writeFileSync(join(directory, 'web.run'), `${mark} ${primary.pid} ${start}\n`);
    const program = await startMarked(mark, 'exec sleep 1000');
    expect(pidsOf(directory)).toEqual([]);
    // Another process that was given its number.
    writeFileSync(join(directory, 'web.run'), `${mark} ${primary.pid} ${Number(start) - 1}\n`);
    await eventually(() => pidsOf(directory).includes(program));
  });

  it('are not touched when the number has become another’s', async () => {
    const directory = stateDirectory();
    const mark = await deadRun(directory, 'web');
    const pid = await startMarked(mark, 'exec sleep 1000');
    const [leftover] = await eventually(() => {
      const found = findLeftovers(directory, 'web');
      return found.length > 0 && found;
    });
    // Without the mark it is nobody's, whatever the list says.
    const innocent = spawn('sleep', ['1000']);
    cleanups.push(() => void innocent.kill('SIGKILL'));
    expect(await endLeftovers([{ ...leftover, pid: innocent.pid ?? 0, mark: newMark() }])).toEqual([]);
    expect([isRunning(pid), isRunning(innocent.pid ?? 0)]).toEqual([true, true]);
  });

  it('do not include who looks, and the processes that it descends from', async () => {
    const directory = stateDirectory();
    const mark = await deadRun(directory, 'web');
    const room = new URL('../../src/supervise/leftovers.ts', import.meta.url).href;
    writeFileSync(
      join(directory, 'look.mjs'),
      `import { findLeftovers } from '${room}'; console.log(findLeftovers(${JSON.stringify(directory)}, 'web').map((one) => one.command));`,
    );
    const child = spawn(
      'sh',
      ['-c', `sleep 1003 & "${process.execPath}" "${join(directory, 'look.mjs')}"; kill $!`],
      {
        env: { ...process.env, [MARK_NAME]: mark },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    let text = '';
    child.stdout.on('data', (chunk) => (text += chunk));
    await new Promise((resolve) => child.once('close', resolve));
    expect(text.trim()).toBe("[ 'sleep 1003' ]");
  });

  it('are remembered over several runs as long as they run; a clean end forgets', async () => {
    const directory = stateDirectory();
    const first = await deadRun(directory, 'web');
    const pid = await startMarked(first, 'exec sleep 1000');
    await eventually(() => pidsOf(directory).includes(pid));
    await deadRun(directory, 'web');
    expect(pidsOf(directory)).toEqual([pid]);
    const own = newMark();
    recordRun(directory, 'web', own);
    expect(pidsOf(directory)).toEqual([pid]);
    forgetRun(directory, 'web', own);
    expect(await endLeftovers(findLeftovers(directory, 'web'))).toEqual([]);
    recordRun(directory, 'web', own);
    const file = join(directory, 'web.run');
    expect(readFileSync(file, 'utf8')).toMatch(new RegExp(`^${own} ${process.pid} \\d+\\n$`));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    forgetRun(directory, 'web', newMark());
    expect(statSync(file).isFile()).toBe(true);
    forgetRun(directory, 'web', own);
    expect(() => statSync(file)).toThrow('ENOENT');
  });

  it('are none where the record is missing or nonsense', () => {
    const directory = stateDirectory();
    expect(pidsOf(directory)).toEqual([]);
    writeFileSync(join(directory, 'web.run'), '\0\xff nonsense\n 1 1 1\n- - -\n');
    expect(pidsOf(directory)).toEqual([]);
  });
});
