// How many acceptors `auto` starts: by the cores that the process may use, not by those of the machine.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { usableCores } from '../../src/cluster/usable-cores.ts';
import { startLbproxy } from '../support/lbproxy-process.ts';
import { runNode } from '../support/run-node.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lbproxy-'));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

/** A machine of 8 cores whose /proc and /sys hold these files. */
function coresWith(files: Readonly<Record<string, string>>): number {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), `${text}\n`);
  }
  return usableCores(8, root);
}

describe('a limit of cgroup v2', () => {
  it.each([
    ['200000 100000', 2],
    ['150000 100000', 2],
    ['10000 100000', 1],
    ['1600000 100000', 8],
    ['max 100000', 8],
    ['', 8],
  ])('"%s" gives %i of 8 cores', (limit, cores) => {
    expect(coresWith({ 'proc/self/cgroup': '0::/', 'sys/fs/cgroup/cpu.max': limit })).toBe(cores);
  });

  it('of any group above holds, the smallest first', () => {
    const files = {
      'proc/self/cgroup': '0::/system.slice/lbproxy.service',
      'sys/fs/cgroup/system.slice/cpu.max': '300000 100000',
      'sys/fs/cgroup/system.slice/lbproxy.service/cpu.max': 'max 100000',
    };
    expect(coresWith(files)).toBe(3);
    expect(coresWith({ 'sys/fs/cgroup/system.slice/lbproxy.service/cpu.max': '100000 50000' })).toBe(2);
  });
});

describe('a limit of cgroup v1', () => {
  const quota = (group: string, us: number): Record<string, string> => ({
    [`${group}/cpu.cfs_quota_us`]: String(us),
    [`${group}/cpu.cfs_period_us`]: '50000',
  });

  it.each(['sys/fs/cgroup/cpu', 'sys/fs/cgroup/cpu,cpuacct'])('under %s holds', (mount) => {
    expect(
      coresWith({
        'proc/self/cgroup': '5:memory:/docker/1\n4:cpu,cpuacct:/docker/1\n0::/docker/1',
        ...quota(`${mount}/docker/1`, 150_000),
      }),
    ).toBe(3);
  });

  it('holds in a container, which sees its own group as the root', () => {
    expect(coresWith({ 'proc/self/cgroup': '4:cpu:/docker/1', ...quota('sys/fs/cgroup/cpu', 100_000) })).toBe(
      2,
    );
  });

  it('of -1 is none', () => {
    expect(coresWith({ 'proc/self/cgroup': '4:cpu:/', ...quota('sys/fs/cgroup/cpu', -1) })).toBe(8);
  });
});

it('without control groups all cores count', () => {
  expect(usableCores(8, root)).toBe(8);
  expect(usableCores()).toBeGreaterThanOrEqual(1);
  expect(usableCores()).toBeLessThanOrEqual(availableParallelism());
});

it('bound to one core there is one', async () => {
  const [, core] = /^Cpus_allowed_list:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  const code = "import { usableCores } from './src/cluster/usable-cores.ts'; console.log(usableCores());";
  expect(await runNode(code, `taskset -cp ${core} $$ >&2`)).toBe('1');
});

it('"acceptors": "auto" starts as many, and says so', async () => {
  const config = `{ "servers": [{ "listen": "127.0.0.1:PORT1", "return": 204 }] }`;
  const all = await startLbproxy(config);
  expect(all.stdout()).toContain(`is ready: ${usableCores()} acceptor`);
  expect(await all.acceptors(usableCores())).toHaveLength(usableCores());
});
