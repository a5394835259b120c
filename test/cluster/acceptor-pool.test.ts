// The pool keeps as many acceptors as are wanted, whatever goes wrong with one of them or with what the primary does for it.
import cluster from 'node:cluster';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { AcceptorPool, type PoolHome } from '../../src/cluster/acceptor-pool.ts';
import { FACES } from '../../src/face/face.ts';
import type { Log } from '../../src/observe/error-log.ts';

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A pool of one whose acceptors say that they are ready and that they are alive, and nothing else. */
function pool(own: Partial<PoolHome> = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-pool-'));
  const exec = join(dir, 'ready.cjs');
  writeFileSync(
    exec,
    `process.send({ type: 'ready' }); setInterval(() => process.send({ type: 'alive' }), 200);`,
  );
  cluster.setupPrimary({ exec, args: [], serialization: 'json' });
  const lines: string[] = [];
  const note = (message: string): void => void lines.push(message);
  const log = { debug: note, info: note, notice: note, warn: note, error: note, crit: note } as Log;
  const home: PoolHome = {
    log,
    face: FACES.lbproxy,
    wanted: 1,
    bringUp: () => Promise.resolve(null),
    onProblem: (problem) => note(problem.message),
    onLog: () => {},
    findLeaf: () => Promise.resolve(null),
    onTraffic: () => {},
    onGone: () => {},
    ...own,
  };
  const acceptors = new AcceptorPool(home);
  cleanups.push(() => rmSync(dir, { recursive: true, force: true }));
  cleanups.push(() => {
    acceptors.stop();
    for (const slot of acceptors.all) slot.kill();
    return acceptors.gone(1);
  });
  return { acceptors, lines, pid: () => acceptors.all[0]?.worker.process.pid };
}

describe('AcceptorPool', () => {
  it('tries again when the system refuses a process', async () => {
    const { acceptors, lines, pid } = pool();
    await acceptors.start();
    const first = pid();
    vi.spyOn(cluster, 'fork').mockImplementationOnce(() => {
      throw Object.assign(new Error('spawn ENOMEM'), { code: 'ENOMEM' });
    });
    acceptors.all[0]?.kill();
    await expect.poll(pid, { timeout: 20_000 }).toSatisfy((now) => now !== undefined && now !== first);
    expect(
      lines.some((line) => /an acceptor could not be started \(spawn ENOMEM\); a new one/.test(line)),
    ).toBe(true);
  });

  it('fails to start when it does', async () => {
    const { acceptors } = pool();
    vi.spyOn(cluster, 'fork').mockImplementationOnce(() => {
      throw new Error('spawn ENOMEM');
    });
    await expect(acceptors.start()).rejects.toThrow('could not be started (spawn ENOMEM)');
  });

  it('replaces one that could not be given what it serves', async () => {
    let tries = 0;
    const { acceptors, lines, pid } = pool({
      bringUp: () => (++tries === 2 ? Promise.reject(new Error('no message for it')) : Promise.resolve(null)),
    });
    await acceptors.start();
    const first = pid();
    acceptors.all[0]?.kill();
    await expect.poll(() => tries, { timeout: 20_000 }).toBe(3);
    expect(pid()).not.toBe(first);
    expect(lines.some((line) => line.includes('no message for it'))).toBe(true);
  });

  it('lets an old one go when a new one serves, not when that died before', async () => {
    let tries = 0;
    let leavingAtThird: boolean | undefined;
    const { acceptors } = pool({
      bringUp: async (slot) => {
        tries++;
        if (tries === 2) {
          // As `AcceptorSlot.prepare` has it: whoever is gone has no objection.
          slot.kill();
          return null;
        }
        if (tries === 3) leavingAtThird = old.leaving;
        slot.serving = true;
        return null;
      },
    });
    await acceptors.start();
    const [old] = acceptors.all;
    acceptors.renew(0);
    await expect.poll(() => leavingAtThird, { timeout: 20_000 }).toBe(false);
    await expect.poll(() => old.leaving, { timeout: 20_000 }).toBe(true);
    expect(acceptors.serving).not.toContain(old);
    expect(acceptors.serving).toHaveLength(1);
  });
});
