// A program of each kind under Debian's Supervisor: the states, in order, that its documentation lets one expect.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { supervisorVersion } from '../../support/supervisor.ts';
import { recordSupervisor } from '../../support/supervisor-states.ts';
import { eventually, isRunning } from '../programs.ts';
import { SCENARIO, SETTLED_MS, STARTED, STATES, STOPPED } from './scenario.ts';

describe.skipIf(supervisorVersion === '')('a scenario', () => {
  it('goes through the documented states under Supervisor', async () => {
    let children: number[] = [];
    const states = await recordSupervisor(SCENARIO, SETTLED_MS, async (supervisor) => {
      await new Promise((resolve) => setTimeout(resolve, SETTLED_MS));
      children = readFileSync(join(supervisor.dir, 'children'), 'utf8').trim().split('\n').map(Number);
      expect(children.map(isRunning)).toEqual([true, true]);
      for (const name of STOPPED) await supervisor.call('supervisor.stopProcess', name);
      await eventually(() => !children.some(isRunning));
      for (const name of STARTED) await supervisor.call('supervisor.startProcess', name);
    });
    expect(states).toEqual(STATES);
  }, 40_000);
});
