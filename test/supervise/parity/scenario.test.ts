// A program of each kind under Debian's Supervisor and under lbproxy: on both the states, in order, that its documentation lets one expect.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startInItsPlace, startSupervisor, supervisorVersion } from '../../support/supervisor.ts';
import { type RecordedStates, recordSupervisor } from '../../support/supervisor-states.ts';
import { eventually, isRunning } from '../programs.ts';
import { SCENARIO, SETTLED_MS, STARTED, STATES, STOPPED } from './scenario.ts';

// The listener that writes the states down is made with Supervisor's library.
describe.skipIf(supervisorVersion === '')('a scenario', () => {
  it(
    'goes through the documented states under Supervisor',
    async () => expect(await record(startSupervisor)).toEqual(STATES),
    40_000,
  );

  it('goes through the same states under lbproxy', async () => {
    expect(await record(startInItsPlace)).toEqual(STATES);
  }, 40_000);
});

function record(start: typeof startSupervisor): Promise<RecordedStates> {
  return recordSupervisor(
    SCENARIO,
    SETTLED_MS,
    async (supervisor) => {
      await new Promise((resolve) => setTimeout(resolve, SETTLED_MS));
      const text = readFileSync(join(supervisor.dir, 'children'), 'utf8');
      const children = text.trim().split('\n').map(Number);
      expect(children.map(isRunning)).toEqual([true, true]);
      for (const name of STOPPED) await supervisor.call('supervisor.stopProcess', name);
      await eventually(() => !children.some(isRunning));
      for (const name of STARTED) await supervisor.call('supervisor.startProcess', name);
    },
    start,
  );
}
