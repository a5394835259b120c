// When a process started, and whose child it is: with its pid that tells it from all others, as proc(5) has it.
import { readFileSync } from 'node:fs';

export interface ProcessStat {
  readonly parent: number;
  /** In clock ticks since the machine's start. */
  readonly start: string;
}

/** Undefined for a process that has ended, a zombie too, and where there is no /proc. */
export function statOf(pid: number): ProcessStat | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // After the parenthesised name come the state, the parent …, the start time (22nd of all).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ', 20);
  if (fields.length < 20 || fields[0] === 'Z' || fields[0] === 'X') return undefined;
  return { parent: Number(fields[1]), start: fields[19] };
}
