// A program of each kind under Debian's Supervisor and under lbproxy: on both the states, in order, that its documentation lets one expect.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startInItsPlace, startSupervisor, supervisorVersion } from '../../support/supervisor.ts';
import { type RecordedStates, recordSupervisor } from '../../support/supervisor-states.ts';
import { eventually, isRunning } from '../programs.ts';
import { SCENARIO, STARTED, STATES, STOPPED } from './scenario.ts';

// The listener that writes the states down is made with Supervisor's library.
describe.skipIf(supervisorVersion === '')('a scenario', () => {
  it(
    'goes through the documented states under Supervisor',
    async () => expect(await record(startSupervisor)).toEqual(STATES),
    60_000,
  );

  it('goes through the same states under lbproxy', async () => {
    expect(await record(startInItsPlace)).toEqual(STATES);
  }, 60_000);
});

/** Each has gone through all of its steps but those of its stop and its new start. */
function isSettled(states: RecordedStates): boolean {
  const driven = (name: string): number =>
    2 * [...STOPPED, ...STARTED].filter((each) => each === name).length;
  return Object.entries(STATES).every(
    ([name, steps]) => (states[name]?.length ?? 0) >= steps.length - driven(name),
  );
}

function record(start: typeof startSupervisor): Promise<RecordedStates> {
  return recordSupervisor(
    SCENARIO,
    async (supervisor, states) => {
      await eventually(() => isSettled(states()), 25_000);
      // What is too much comes too.
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const file = join(supervisor.dir, 'children');
      await eventually(() => existsSync(file));
      const text = readFileSync(file, 'utf8');
      const children = text.trim().split('\n').map(Number);
      expect(children.map(isRunning)).toEqual([true, true]);
      for (const name of STOPPED) await supervisor.call('supervisor.stopProcess', name);
      await eventually(() => !children.some(isRunning));
      for (const name of STARTED) await supervisor.call('supervisor.startProcess', name);
    },
    start,
  );
}
