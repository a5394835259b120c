// How many cores this process may use: those that it is bound to (affinity), or fewer where a control group limits its time. A
// container with `--cpus 2` on a machine of 64 cores gets two acceptors, not 64 that are paused most of the time.
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';

/** At least one. `root` is where /proc and /sys are. */
export function usableCores(cores: number = availableParallelism(), root = '/'): number {
  return Math.max(1, Math.min(cores, Math.ceil(cpuLimit(root))));
}

/** The share of cores that control groups allow, such as 1.5; Infinity without a limit, and where there are no control groups. */
function cpuLimit(root: string): number {
  let limit = Number.POSITIVE_INFINITY;
  // `0::/path` is version 2, `4:cpu,cpuacct:/path` version 1; both may be there.
  for (const line of read(root, 'proc/self/cgroup').split('\n')) {
    const [id, controllers, ...rest] = line.split(':');
    const path = rest.join(':');
    if (id === '0' && controllers === '') {
      for (const mount of ['sys/fs/cgroup', 'sys/fs/cgroup/unified'])
        limit = Math.min(
          limit,
          smallest(path, (group) => limitOf2(read(root, mount, group, 'cpu.max'))),
        );
    } else if (controllers?.split(',').includes('cpu') === true) {
      for (const mount of ['sys/fs/cgroup/cpu', `sys/fs/cgroup/${controllers}`])
        limit = Math.min(
          limit,
          smallest(path, (group) => limitOf1(join(mount, group), root)),
        );
    }
  }
  return limit;
}

/** Each group is limited by those above it. Inside of a container only the last of them may be visible. */
function smallest(path: string, limitOf: (group: string) => number): number {
  let limit = limitOf(path);
  for (let group = path; group !== dirname(group); ) {
    group = dirname(group);
    limit = Math.min(limit, limitOf(group));
  }
  return limit;
}

/** `150000 100000`: microseconds of each period; `max` is no limit. */
function limitOf2(text: string): number {
  const [quota, period] = text.trim().split(' ').map(Number);
  return share(quota, period);
}

/** A quota of -1 is no limit. */
function limitOf1(group: string, root: string): number {
  return share(Number(read(root, group, 'cpu.cfs_quota_us')), Number(read(root, group, 'cpu.cfs_period_us')));
}

function share(quota: number, period: number): number {
  return quota > 0 && period > 0 ? quota / period : Number.POSITIVE_INFINITY;
}

function read(...path: string[]): string {
  try {
    return readFileSync(join(...path), 'utf8');
  } catch {
    return '';
  }
}
