// CPU and memory of a process tree, read from /proc (Linux).
import { readdirSync, readFileSync } from 'node:fs';

export interface Usage {
  /** CPU microseconds since the processes began. */
  readonly userUs: number;
  readonly systemUs: number;
  /** Proportional set size in KB. */
  readonly pssKb: number;
}

/** Clock ticks of /proc/PID/stat are 100 a second on Linux, whatever the kernel's own. */
const US_PER_TICK = 10_000;

export function usageOf(pid: number): Usage {
  let userUs = 0;
  let systemUs = 0;
  let pssKb = 0;
  for (const member of treeOf(pid)) {
    try {
      const fields = readFileSync(`/proc/${member}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
      // Fields 14 to 17 of proc(5), counted from behind the command's name: own time and that of children that ended.
      userUs += (Number(fields[11]) + Number(fields[13])) * US_PER_TICK;
      systemUs += (Number(fields[12]) + Number(fields[14])) * US_PER_TICK;
      pssKb += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${member}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
    } catch {
      // It ended while we looked.
    }
  }
  return { userUs, systemUs, pssKb };
}

function treeOf(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const parent = Number(readFileSync(`/proc/${name}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // It ended while we looked.
    }
  }
  const tree = [root];
  for (let i = 0; i < tree.length; i++) tree.push(...(children.get(tree[i]) ?? []));
  return tree;
}
