// CPU and memory of a process tree, read from /proc (Linux). Elsewhere every figure is NaN and reports show a dash.
import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Cpu {
  readonly userUs: number;
  readonly systemUs: number;
}

/** Clock ticks of /proc/PID/stat are 100 a second on Linux, whatever the kernel's own: 0.5 % of a busy round of two seconds. */
const US_PER_TICK = 10_000;

/**
 * CPU microseconds of the tree of `pid` from this call to the call of what it returns, children that ended included.
 * The kernel's sum of user and system time is exact, its split is by samples.
 */
export function measureCpu(pid: number): () => Cpu {
  return measured(() => cpuOf(treeOf(pid)));
}

/** The same of that process alone. */
export function measureOwnCpu(pid: number): () => Cpu {
  return measured(() => cpuOf([pid]));
}

function measured(look: () => Cpu): () => Cpu {
  const before = look();
  return () => {
    const after = look();
    return { userUs: after.userUs - before.userUs, systemUs: after.systemUs - before.systemUs };
  };
}

/** CPU µs per unit of work, as the standard figures name them. */
export function cpuFigures(cpu: Cpu, units: number): { cpuUs: number; userUs: number; systemUs: number } {
  return {
    cpuUs: (cpu.userUs + cpu.systemUs) / units,
    userUs: cpu.userUs / units,
    systemUs: cpu.systemUs / units,
  };
}

function cpuOf(pids: readonly number[]): Cpu {
  if (process.platform !== 'linux') return { userUs: Number.NaN, systemUs: Number.NaN };
  let user = 0;
  let system = 0;
  for (const member of pids) {
    const fields = statOf(member);
    // Fields 14 to 17 of proc(5), counted from behind the command's name: own time and that of children that ended.
    if (fields === undefined) continue;
    user += Number(fields[11]) + Number(fields[13]);
    system += Number(fields[12]) + Number(fields[14]);
  }
  return { userUs: user * US_PER_TICK, systemUs: system * US_PER_TICK };
}

/** Proportional set size of the tree of `pid` in bytes: pages that are shared count once in all. */
export function pssBytes(pid: number): number {
  if (process.platform !== 'linux') return Number.NaN;
  return treeOf(pid).reduce((sum, member) => sum + pssOf(member), 0);
}

/** 0 when it ended while we looked. */
function pssOf(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    return 1024 * Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** What a process holds. */
export interface Held {
  readonly pid: number;
  /** The name of its program. */
  readonly name: string;
  readonly pssBytes: number;
  readonly descriptors: number;
}

/** Each process of the tree of `pid`, itself first. */
export function heldBy(pid: number): readonly Held[] {
  if (process.platform !== 'linux') return [];
  return treeOf(pid).flatMap((member) => {
    try {
      const name = readFileSync(`/proc/${member}/comm`, 'utf8').trim();
      return [
        { pid: member, name, pssBytes: pssOf(member), descriptors: readdirSync(`/proc/${member}/fd`).length },
      ];
    } catch {
      return [];
    }
  });
}

/** Percent of all cores that are busy now, taken over half a second: what disturbs a run that has not begun. */
export async function busyPercent(): Promise<number> {
  const total = (): { busy: number; all: number } => {
    const times = cpus().map((core) => core.times);
    const idle = times.reduce((sum, one) => sum + one.idle, 0);
    const all = times.reduce((sum, one) => sum + one.user + one.nice + one.sys + one.irq + one.idle, 0);
    return { busy: all - idle, all };
  };
  const before = total();
  await sleep(500);
  const after = total();
  return Math.round((100 * (after.busy - before.busy)) / (after.all - before.all));
}

/** Fields of /proc/PID/stat behind the command's name, which may hold blanks; undefined when the process has ended. */
function statOf(pid: number): readonly string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ');
  } catch {
    return undefined;
  }
}

function treeOf(root: number): number[] {
  if (process.platform !== 'linux') return [root];
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = Number(statOf(Number(name))?.[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const tree = [root];
  for (let i = 0; i < tree.length; i++) tree.push(...(children.get(tree[i]) ?? []));
  return tree;
}
