// What goes wrong around a process costs that process at most a moment, and no other one anything.
import { afterEach, describe, expect, it } from 'vitest';
import type { ProgramModel } from '../../src/config/model.ts';
import type { OutputSink } from '../../src/supervise/output.ts';
import { Supervisor, type SupervisorOptions } from '../../src/supervise/supervisor.ts';
import { eventually, poolOf, printed, program, SURROUNDINGS, scriptDir } from './programs.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function supervise(
  dir: string,
  programs: ProgramModel[],
  print: OutputSink = () => undefined,
  own: Partial<SupervisorOptions> = {},
): Supervisor {
  const supervisor = new Supervisor({
    ...SURROUNDINGS,
    pool: poolOf(dir, programs),
    log: () => {},
    output: (slot) => printed(slot, print),
    onPeers: () => {},
    ...own,
  });
  cleanups.push(() => supervisor.stop());
  supervisor.start();
  return supervisor;
}

function directory(): string {
  const { dir, remove } = scriptDir();
  cleanups.push(remove);
  return dir;
}

describe.skipIf(process.platform === 'win32')('Supervisor, when something goes wrong', () => {
  it('loses nothing of what a process said last while its output was held back', async () => {
    const dir = directory();
    let count = 0;
    let holds = 0;
    supervise(
      dir,
      [
        program('last', {
          programCommand: `sh -c 'yes 123456789 | head -n 12000'`,
          programStartMs: 0,
          programAutorestart: false,
        }),
      ],
      () => {
        // The first piece is held for longer than the process lives.
        return count++ === 0 && holds++ === 0
          ? new Promise((resolve) => setTimeout(resolve, 1500))
          : undefined;
      },
    );
    await eventually(() => count === 12_000);
  });

  it('goes on with a process whose output meets an error, and with all others', async () => {
    const unexpected: unknown[] = [];
    const note = (error: unknown): void => void unexpected.push(error);
    const before = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', note);
    cleanups.push(() => {
      process.removeListener('uncaughtException', note);
      for (const listener of before) process.on('uncaughtException', listener);
    });
    const dir = directory();
    const crashes = program('crashes', { programCommand: `sh -c 'echo out; exit 3'`, programStartMs: 0 });
    const supervisor = supervise(dir, [crashes], () => {
      throw new Error('the disk of the log is on fire');
    });
    const [slot] = supervisor.slots;
    await eventually(() => slot.launches >= 4);
    expect(unexpected.length).toBeGreaterThan(0);
  });

  it('starts nothing of what an update takes away, whoever asks for it meanwhile or behind it', async () => {
    const dir = directory();
    const started: string[] = [];
    let up = 0;
    const web = (numprocs: number): ProgramModel =>
      program('web', {
        programCommand: `sh -c "trap 'sleep 0.5; exit' TERM; echo up; while :; do sleep 0.1; done"`,
        programProcessName: 'web%(process_num)d',
        programStartMs: 0,
        programNumprocs: numprocs,
        programStopAsGroup: false,
      });
    const supervisor = supervise(dir, [web(3)], () => void up++, {
      onState: ({ slot, to }) => void (to === 'STARTING' && started.push(slot.spec.launch.name)),
    });
    await eventually(() => up === 3);
    const before = supervisor.slots;
    started.length = 0;
    const update = supervisor.update(poolOf(dir, [web(1)]));
    const restart = supervisor.restart(before, () => {});
    await eventually(() => before[2].state === 'STOPPING');
    before[2].dispatch({ type: 'start' });
    await update;
    before[1].dispatch({ type: 'start' });
    expect(await restart).toEqual({ ok: true, text: '' });
    expect(started).toEqual(['web0']);
    expect(before.map(({ state }) => state)).toEqual(['RUNNING', 'STOPPED', 'STOPPED']);
  });

  it('stops what somebody else starts again while it stops', async () => {
    const dir = directory();
    let up = 0;
    const slow = program('slow', {
      programCommand: `sh -c "trap 'sleep 0.5; exit' TERM; echo up; while :; do sleep 0.1; done"`,
      programStartMs: 0,
      programStopAsGroup: false,
    });
    const supervisor = supervise(dir, [slow], () => void up++);
    await eventually(() => up === 1);
    const [slot] = supervisor.slots;
    const startedAt = performance.now();
    const stopped = supervisor.stopAll([slot]);
    await eventually(() => slot.state === 'STOPPING');
    slot.dispatch({ type: 'start' });
    await stopped;
    expect(slot.state).toBe('STOPPED');
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });
});
