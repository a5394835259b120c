// Signals to a process and all its descendants that stayed in its group. Windows has no groups: there, the process alone.
import { readdirSync, readFileSync } from 'node:fs';

export const HAS_GROUPS = process.platform !== 'win32';

/** Sends a signal to the group that `leader` leads; one that is gone already is no error. */
export function signalGroup(leader: number, signal: NodeJS.Signals | number): void {
  try {
    process.kill(HAS_GROUPS ? -leader : leader, signal);
  } catch {
    // ESRCH: gone. EPERM: what is left of it changed its user, and nobody here may signal it.
  }
}

/** To one process; one that is gone already is no error. */
export function signalOne(pid: number, signal: NodeJS.Signals | number): void {
  try {
    process.kill(pid, signal);
  } catch {
    // As above.
  }
}

/**
 * Whether anything of the group still runs. A group of which only zombies are left counts as gone: where lbproxy is pid 1
 * of a container nobody reaps orphans, and they hold neither ports nor memory.
 */
export function groupIsAlive(leader: number): boolean {
  if (!HAS_GROUPS) return false;
  try {
    process.kill(-leader, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' && hasRunningMember(leader);
  }
  return hasRunningMember(leader);
}

/** proc(5): after the parenthesised name come the state, the parent and the group. True where /proc cannot tell. */
function hasRunningMember(group: number): boolean {
  let pids: string[];
  try {
    pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return true;
  }
  if (pids.length === 0) return true;
  return pids.some((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
      const [state, , pgrp] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return Number(pgrp) === group && state !== 'Z' && state !== 'X';
    } catch {
      return false;
    }
  });
}
