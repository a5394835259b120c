// The watchdog's own program: ends the process groups it was told about, and whatever bears the mark of its first argument, when its
// stdin closes, because then the primary is dead or done. Protocol, one line each: `+pid` a group began, `-pid` it is gone; `/path` a
// directory of the primary's temporary files, which goes too.
import { rmSync } from 'node:fs';
import { markedProcesses } from './mark.ts';
import { groupIsAlive, signalGroup } from './process-group.ts';

/** How long the groups have between SIGTERM and SIGKILL: nothing outlives the primary by 2 s, on a busy machine either. */
const GRACE_MS = 1200;
const POLL_MS = 50;
/** What does not go within this time of SIGKILL the system does not let go. */
const KILL_MS = 500;

const groups = new Set<number>();
const directories = new Set<string>();
const mark = process.argv[2] ?? '';

// The primary's stop is what ends the watchdog: a signal to everybody must not end it first.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const) process.on(signal, () => undefined);

function onData(text: string): void {
  if (text.startsWith('/')) return void directories.add(text.slice(1));
  const m = /^([+-])(\d+)$/.exec(text);
  const pid = Number(m?.[2]);
  // -1 and -0 would be everybody and oneself
  if (m === null || pid <= 1) return;
  if (m[1] === '+') groups.add(pid);
  else groups.delete(pid);
}

let rest = '';
process.stdin.setEncoding('utf8');
process.stdin.on('data', (chunk: string) => {
  // A line that was cut off by the primary's death would name another group, so only whole lines count.
  const lines = (rest + chunk).split('\n');
  rest = lines.pop() ?? '';
  lines.forEach(onData);
});
process.stdin.once('end', endGroups);
process.stdin.once('error', endGroups);

let ending = false;
function endGroups(): void {
  if (ending) return;
  ending = true;
  signalAll('SIGTERM');
  for (const directory of directories) remove(directory);
  const deadline = performance.now() + GRACE_MS;
  const poll = (): void => {
    if (!anyAlive()) process.exit(0);
    const late = performance.now() - deadline;
    if (late > KILL_MS) process.exit(1);
    // Again and again: one that forks meanwhile leaves a child that the last look did not see.
    if (late > 0) signalAll('SIGKILL');
    setTimeout(poll, POLL_MS);
  };
  poll();
}

const marked = (): readonly number[] => markedProcesses(mark, groups);
const anyAlive = (): boolean => [...groups].some(groupIsAlive) || marked().length > 0;

function signalAll(signal: 'SIGTERM' | 'SIGKILL'): void {
  const others = marked();
  for (const pid of groups) signalGroup(pid, signal);
  for (const pid of others) signalOne(pid, signal);
}

function signalOne(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone, or another user's.
  }
}

function remove(directory: string): void {
  try {
    rmSync(directory, { recursive: true, force: true });
  } catch {
    // Nothing depends on it.
  }
}
