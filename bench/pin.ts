// Which core does what: contenders on the first, load and upstreams on the second, so that neither disturbs the other's figures.
import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

export type Part = 'contender' | 'load';

const CORE: Readonly<Record<Part, string>> = { contender: '0', load: '1' };

/** Why nothing is pinned on this machine; undefined when pinning works. */
export const unpinnedBecause: string | undefined = reason();

function reason(): string | undefined {
  if (process.platform !== 'linux') return `taskset is of Linux, this is ${process.platform}`;
  if (availableParallelism() < 2) return 'there is one core only';
  try {
    execFileSync('taskset', ['-c', '0,1', 'true'], { stdio: 'ignore' });
  } catch {
    return 'taskset (of util-linux) is not installed or may not use cores 0 and 1';
  }
}

/** The command line bound to the core of its part; unchanged without a part or where pinning does not work. */
export function pinned(part: Part | undefined, command: readonly string[]): readonly string[] {
  if (part === undefined || unpinnedBecause !== undefined) return command;
  return ['taskset', '-c', CORE[part], ...command];
}
