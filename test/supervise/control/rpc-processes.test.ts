// Starting and stopping many: what waits for what, and the order of the results.
import { afterEach, describe, expect, it } from 'vitest';
import { fileLogReader } from '../../../src/supervise/control/log-reader.ts';
import { callMethod } from '../../../src/supervise/control/rpc-methods.ts';
import type { RpcContext } from '../../../src/supervise/control/rpc-names.ts';
import { StandInPool, type StandInProgram } from '../../support/stand-in-pool.ts';

const none = { command: '/bin/cat', startMs: 0, stdoutLog: null, stderrLog: null } as const;
let pool: StandInPool;
afterEach(() => pool.dispose());

function contextOf(programs: readonly StandInProgram[], gone = new AbortController()): RpcContext {
  pool = new StandInPool(programs, null);
  return { pool, logs: fileLogReader, gone: gone.signal };
}

const state = (name: string): string => pool.process(name).view.state;

describe('stopping all', () => {
  const programs: readonly StandInProgram[] = [
    { ...none, name: 'db', priority: 1, stopTakesMs: 150 },
    { ...none, name: 'slow', priority: 5, stopTakesMs: 400 },
    { ...none, name: 'web', priority: 5, stopTakesMs: 150 },
  ];

  it('waits for those that started last before it stops those before them', async () => {
    const answer = callMethod(contextOf(programs), 'supervisor.stopAllProcesses', []);
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect([state('db'), state('slow'), state('web')]).toEqual(['RUNNING', 'STOPPING', 'STOPPED']);
    const results = await answer;
    expect(results).toMatchObject([
      { name: 'db' },
      { name: 'web' },
      { name: 'slow', status: 80, description: 'OK' },
    ]);
  });

  it('without waiting stops all at once', async () => {
    const results = await callMethod(contextOf(programs), 'supervisor.stopAllProcesses', [false]);
    expect([state('db'), state('slow'), state('web')]).toEqual(Array(3).fill('STOPPING'));
    expect(results).toMatchObject([{ name: 'db' }, { name: 'slow' }, { name: 'web' }]);
  });

  it('ends its wait when nobody is there for the answer', async () => {
    const gone = new AbortController();
    const never = [{ ...none, name: 'deaf', stopTakesMs: 600_000 }];
    const cx = contextOf(never, gone);
    const waits = [
      callMethod(cx, 'supervisor.stopAllProcesses', []),
      callMethod(cx, 'supervisor.stopProcess', ['deaf']),
    ];
    setTimeout(() => gone.abort(), 100);
    const began = performance.now();
    await Promise.allSettled(waits);
    expect(performance.now() - began).toBeLessThan(3000);
  });
});

describe('a start that waits', () => {
  const starts = (program: Partial<StandInProgram>): Promise<unknown> =>
    callMethod(contextOf([{ ...none, name: 'p', autostart: false, ...program }]), 'supervisor.startProcess', [
      'p',
    ]);

  it('ends with RUNNING, or with why there is none', async () => {
    await expect(starts({ startMs: 100 })).resolves.toBe(true);
    await expect(starts({ startMs: 1000, ends: { afterMs: 20, status: 0 } })).rejects.toThrow(
      /^SPAWN_ERROR: p$/,
    );
    const stopped = starts({ startMs: 1000 });
    pool.process('p').stop();
    await expect(stopped).rejects.toThrow(/^ABNORMAL_TERMINATION: p$/);
  });
});
