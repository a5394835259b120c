import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';

import { signalGroup } from '../../src/supervise/process-group.ts';
import { Watchdog } from '../../src/supervise/watchdog.ts';
import { eventually, isRunning, scriptDir } from './programs.ts';

const cleanups: (() => unknown)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

/** Its own handlers are there: SIGQUIT is the last that it asks for. */
function catchesQuit(pid: number): boolean {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const caught = BigInt(`0x${/^SigCgt:\s+([0-9a-f]+)/m.exec(status)?.[1] ?? 0}`);
  // Before its exec it still is a copy of ours.
  return (caught & 4n) !== 0n && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('watchdog-process');
}

/** A primary in a process of its own, which runs one program given as words and prints every line of it. */
async function startPrimary(command: string[]) {
  const { dir, remove } = scriptDir();
  cleanups.push(remove);
  const room = new URL('../../src/supervise/', import.meta.url).href;
  writeFileSync(
    join(dir, 'primary.mjs'),
    `import { Supervisor } from '${room}supervisor.ts';
     import { programDefaults } from '${room}rows.ts';
     import { poolOf, printed, SURROUNDINGS } from '${new URL('programs.ts', import.meta.url).href}';
     const settings = { ...programDefaults, programCommand: ${JSON.stringify(command.map((w) => (w.includes("'") ? `"${w.replaceAll(/[\\"]/g, '\\$&')}"` : `'${w}'`)).join(' '))} };
     new Supervisor({
       ...SURROUNDINGS, pool: poolOf(${JSON.stringify(dir)}, [{ name: 'a', at: 'x:1:1', settings }]), onPeers() {},
       log: (level, message) => console.log(level, message),
       output: (slot) => printed(slot, (line) => console.log('out', line.text)),
     }).start();`,
  );
  const primary = spawn(process.execPath, [join(dir, 'primary.mjs')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  cleanups.push(() => void primary.kill('SIGKILL'));
  let text = '';
  primary.stdout.on('data', (chunk) => (text += chunk));
  return {
    primary,
    text: () => text,
    pidAfter: (mark: RegExp) => eventually(() => Number(mark.exec(text)?.[1]) || undefined),
  };
}

describe.skipIf(process.platform === 'win32')('Watchdog', () => {
  it('ends the groups of a primary that was killed', async () => {
    const { primary, pidAfter } = await startPrimary(['sh', '-c', 'sleep 1000 & echo $!; wait']);
    const leader = await pidAfter(/pid (\d+)/);
    const grandchild = await pidAfter(/out (\d+)/);
    cleanups.push(() => signalGroup(leader, 'SIGKILL'));
    primary.kill('SIGKILL');
    await eventually(() => !isRunning(leader) && !isRunning(grandchild));
  });

  it('removes the temporary files of a primary that was killed', async () => {
    const before = process.env.TMPDIR;
    const { dir, remove } = scriptDir();
    cleanups.push(remove);
    process.env.TMPDIR = dir;
    const { primary, pidAfter } = await startPrimary(['sh', '-c', 'sleep 1000']).finally(() => {
      if (before === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = before;
    });
    const pipes = (): string[] => readdirSync(dir).filter((name) => name.startsWith('lbproxy-pipes-'));
    const leader = await pidAfter(/pid (\d+)/);
    cleanups.push(() => signalGroup(leader, 'SIGKILL'));
    expect(pipes()).toHaveLength(1);
    primary.kill('SIGKILL');
    await eventually(() => pipes().length === 0);
  });

  it('kills what ignores SIGTERM', async () => {
    const { primary, pidAfter } = await startPrimary([
      'sh',
      '-c',
      'trap "" TERM; echo $$; sleep 1000; sleep 1000',
    ]);
    const leader = await pidAfter(/out (\d+)/);
    cleanups.push(() => signalGroup(leader, 'SIGKILL'));
    primary.kill('SIGKILL');
    await eventually(() => !isRunning(leader));
  });

  it('ends what left the group: by setsid, as an orphan, without an environment', async () => {
    const { primary, text } = await startPrimary([
      'sh',
      '-c',
      // An orphan in a session of its own, a child there, and one whose environment is empty.
      'setsid sh -c "sleep 1001 & echo orphan \\$! ." ; setsid sleep 1002 & echo session $! . ; setsid env -i sleep 1003 & echo bare $! . ; wait',
    ]);
    const pidOf = (name: string): Promise<number> =>
      eventually(() => Number(new RegExp(`out ${name} (\\d+) `).exec(text())?.[1]) || undefined);
    const pids = [await pidOf('orphan'), await pidOf('session'), await pidOf('bare')];
    for (const pid of pids) cleanups.push(() => isRunning(pid) && process.kill(pid, 'SIGKILL'));
    await eventually(() => pids.every((pid) => /sleep/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))));
    primary.kill('SIGKILL');
    await eventually(() => !pids.some(isRunning));
  });

  it('kills an orphan that ignores SIGTERM and starts others', async () => {
    const { primary, pidAfter } = await startPrimary([
      'sh',
      '-c',
      `setsid sh -c 'trap "" TERM; echo $$ .; while :; do sleep 0.05 & wait; done' & wait`,
    ]);
    const orphan = await pidAfter(/out (\d+) /);
    cleanups.push(() => isRunning(orphan) && process.kill(orphan, 'SIGKILL'));
    primary.kill('SIGKILL');
    await eventually(() => !isRunning(orphan));
  });

  it('leaves alone what it was told is gone, survives signals, and ends when closed', async () => {
    const watchdog = new Watchdog(() => undefined);
    const kept = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
    const ended = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
    cleanups.push(
      () => kept.kill('SIGKILL'),
      () => ended.kill('SIGKILL'),
    );
    watchdog.add(kept.pid ?? 0);
    watchdog.add(ended.pid ?? 0);
    watchdog.remove(kept.pid ?? 0);
    const pid = watchdog.pid ?? 0;
    await eventually(() => catchesQuit(pid));
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pid, signal);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(isRunning(pid)).toBe(true);
    watchdog.close();
    await eventually(() => ended.signalCode === 'SIGTERM');
    await eventually(() => watchdog.pid === undefined);
    expect(isRunning(kept.pid ?? 0)).toBe(true);
  });

  it('comes back when it dies, and knows the groups again', async () => {
    const warnings: string[] = [];
    const watchdog = new Watchdog((message) => warnings.push(message));
    const program = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
    cleanups.push(() => program.kill('SIGKILL'));
    watchdog.add(program.pid ?? 0);
    const first = watchdog.pid ?? 0;
    process.kill(first, 'SIGKILL');
    await eventually(() => watchdog.pid !== undefined && watchdog.pid !== first);
    expect(warnings).toEqual([expect.stringMatching(/^the watchdog ended/)]);
    watchdog.close();
    await eventually(() => program.signalCode === 'SIGTERM');
    await eventually(() => watchdog.pid === undefined);
  });
});
