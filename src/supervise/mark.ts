// What a program leaves behind outside its process group (setsid, a daemon) is known by a variable in its environment, which every
// descendant inherits. Where there is no /proc, and of processes that cleared or overwrote their environment and have no marked parent
// any more, nothing is known.

import { readdirSync, readFileSync } from 'node:fs';
import { randomHex } from '../shared/random-hex.ts';

/** In the environment of every program; its value is one run of lbproxy. */
export const MARK_NAME = 'LBPROXY_RUN';

export function newMark(): string {
  return randomHex(8);
}

/** Node's channel to a parent, node:cluster's number, and all that is lbproxy's own: none of a program's business. */
const OWN = /^(NODE_CHANNEL_FD|NODE_CHANNEL_SERIALIZATION_MODE|NODE_UNIQUE_ID|LBPROXY_.*)$/;

export function withoutOwn(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !OWN.test(name)));
}

interface Entry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
}

/** It is a program of some lbproxy, as far as that can be seen. */
export function isMarked(pid: number): boolean {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, 'latin1')}`.includes(`\0${MARK_NAME}=`);
  } catch {
    return false;
  }
}

/** Those that run with this mark, those of these groups, and all their descendants. Without /proc: none. */
export function markedProcesses(mark: string, groups: ReadonlySet<number>): readonly number[] {
  const entries = runningProcesses();
  const found = new Set<number>();
  for (const { pid, group } of entries) if (groups.has(group) || hasMark(pid, mark)) found.add(pid);
  let before: number;
  do {
    before = found.size;
    for (const { pid, parent } of entries) if (found.has(parent)) found.add(pid);
  } while (found.size > before);
  found.delete(process.pid);
  return [...found];
}

function runningProcesses(): Entry[] {
  let names: string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      // proc(5): after the parenthesised name come the state, the parent and the group.
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      const [state, parent, group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (state === 'Z' || state === 'X') return [];
      return [{ pid: Number(name), parent: Number(parent), group: Number(group) }];
    } catch {
      return [];
    }
  });
}

/** proc(5): the environment that it was started with. Readable for the same user only, who alone may signal it, too. */
function hasMark(pid: number, mark: string): boolean {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, 'latin1')}\0`.includes(`\0${MARK_NAME}=${mark}\0`);
  } catch {
    return false;
  }
}
