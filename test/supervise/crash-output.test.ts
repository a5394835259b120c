// A crash loop prints its output once, then counts.
import { afterEach, describe, expect, it } from 'vitest';
import { CrashOutput } from '../../src/supervise/crash-output.ts';
import { Supervisor, type SupervisorOptions } from '../../src/supervise/supervisor.ts';
import { eventually, node, poolOf, printed, program, SURROUNDINGS, scriptDir } from './programs.ts';

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function kit() {
  const said: string[] = [];
  const output = new CrashOutput((line) => void said.push(`${line.stream} ${line.text}`));
  const run = (...lines: string[]) => {
    const one = output.begin('app');
    for (const line of lines) {
      const stream = line.startsWith('!') ? 'stderr' : 'stdout';
      one.take({ process: 'app', stream, text: line.replace('!', '') });
    }
    return one;
  };
  const crash = (...lines: string[]): void => {
    const one = run(...lines);
    one.exited('exited with status 1');
    one.outputEnded();
  };
  return { said, run, crash, taken: () => said.splice(0) };
}

describe('CrashOutput', () => {
  it('gives the first crash in full, and one line for each that repeats it', () => {
    const { crash, taken } = kit();
    crash('start', '!Trace at 0x7f3a, pid 12');
    expect(taken()).toEqual(['stdout start', 'stderr Trace at 0x7f3a, pid 12']);
    crash('start', '!Trace at 0x8000, pid 9');
    expect(taken()).toEqual(['stderr exited with status 1 for the 2nd time, same output']);
    // The order between the streams is chance.
    crash('!Trace at 0x1, pid 1', 'start');
    expect(taken()).toEqual(['stderr exited with status 1 for the 3rd time, same output']);
    for (let n = 4; n <= 12; n++) crash('start', '!Trace at 0x8000, pid 9');
    expect(taken().at(-1)).toBe('stderr exited with status 1 for the 12th time, same output');
  });

  it('gives all of what differs, in its order, and counts anew', () => {
    const { crash, taken } = kit();
    crash('a', 'b', 'c');
    taken();
    crash('a', 'b', 'x');
    expect(taken()).toEqual(['stdout a', 'stdout b', 'stdout x']);
    crash('a', 'b');
    expect(taken()).toEqual(['stdout a', 'stdout b']);
    crash('a', 'b', 'c');
    expect(taken()).toEqual(['stdout a', 'stdout b', 'stdout c']);
    crash('a', 'b', 'c');
    expect(taken()).toEqual(['stderr exited with status 1 for the 2nd time, same output']);
  });

  it('gives what it holds once the process does its work, or is told to end', () => {
    const { crash, run, taken } = kit();
    crash('a');
    taken();
    const healthy = run('a');
    expect(taken()).toEqual([]);
    healthy.settle();
    expect(taken()).toEqual(['stdout a']);
    crash('a');
    expect(taken()).toEqual(['stdout a']);
    const stopped = run('a');
    stopped.exited(null);
    expect(taken()).toEqual(['stdout a']);
  });

  it('has nothing to say of silent crashes, nor compares what is long', () => {
    const { crash, taken } = kit();
    crash();
    crash();
    expect(taken()).toEqual([]);
    const long = Array.from({ length: 600 }, (_, i) => `line ${i}`);
    crash(...long);
    crash(...long);
    expect(taken()).toHaveLength(1200);
  });
});

describe('a supervised crash loop', () => {
  it('prints its trace once', async () => {
    const { dir, remove } = scriptDir({
      'crash.mjs': `console.log(process.pid); throw new Error('gone wrong');`,
    });
    cleanups.push(remove);
    const lines: string[] = [];
    const options: SupervisorOptions = {
      ...SURROUNDINGS,
      pool: poolOf(dir, [program('a', { programCommand: node(dir, 'crash.mjs'), programStartMs: 0 })]),
      log: () => {},
      output: (slot) => printed(slot, ({ text }) => void lines.push(text)),
      onPeers: () => {},
    };
    const supervisor = new Supervisor(options);
    cleanups.push(() => supervisor.stop());
    supervisor.start();
    await eventually(() => lines.at(-1) === 'exited with status 1 for the 3rd time, same output');
    expect(lines.filter((line) => line.includes('gone wrong')).length).toBeLessThanOrEqual(2);
    expect(lines.filter((line) => line.includes('Error: gone wrong'))).toHaveLength(1);
    expect(lines.filter((line) => line.includes('for the'))).toHaveLength(2);
  });
});
