import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { groupIsAlive, signalGroup } from '../../src/supervise/process-group.ts';
import { eventually } from './programs.ts';

// Starts a process in a group of its own and never reaps it.
const CARELESS = `
const child = require('node:child_process').spawn('sleep', ['0.2'], { detached: true, stdio: 'ignore' });
require('node:fs').writeSync(1, String(child.pid));
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
`;

describe.skipIf(process.platform === 'win32')('groupIsAlive', () => {
  it('follows a group to its end', async () => {
    const child = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
    const pid = child.pid ?? 0;
    expect(groupIsAlive(pid)).toBe(true);
    signalGroup(pid, 'SIGKILL');
    await once(child, 'exit');
    expect(groupIsAlive(pid)).toBe(false);
    signalGroup(pid, 'SIGKILL');
  });

  it.skipIf(process.platform !== 'linux')('does not count zombies', async () => {
    const careless = spawn(process.execPath, ['-e', CARELESS], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const [chunk] = await once(careless.stdout, 'data');
      const pid = Number(chunk);
      await eventually(() => !groupIsAlive(pid), 3000);
      // It is still there, as a zombie: a signal finds it.
      expect(() => process.kill(-pid, 0)).not.toThrow();
    } finally {
      careless.kill('SIGKILL');
    }
  });
});
