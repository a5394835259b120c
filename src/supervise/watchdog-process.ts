// The watchdog's own program: ends the process groups it was told about when its stdin closes, because then the primary
// is dead and could not do it. Protocol, one line each: `+pid` a group began, `-pid` it is gone.
import { groupIsAlive, signalGroup } from './process-group.ts';

/** How long the groups have between SIGTERM and SIGKILL. */
const GRACE_MS = 2000;
const POLL_MS = 50;

const groups = new Set<number>();

// The primary's stop is what ends the watchdog: a signal to everybody must not end it first.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const) process.on(signal, () => undefined);

function onData(text: string): void {
  const m = /^([+-])(\d+)$/.exec(text);
  const pid = Number(m?.[2]);
  // -1 and -0 would be everybody and oneself
  if (m === null || pid <= 1) return;
  if (m[1] === '+') groups.add(pid);
  else groups.delete(pid);
}

let rest = '';
process.stdin.setEncoding('latin1');
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
  for (const pid of groups) signalGroup(pid, 'SIGTERM');
  const deadline = performance.now() + GRACE_MS;
  const poll = (): void => {
    const alive = [...groups].filter(groupIsAlive);
    if (alive.length === 0) process.exit(0);
    if (performance.now() < deadline) return void setTimeout(poll, POLL_MS);
    for (const pid of alive) signalGroup(pid, 'SIGKILL');
    process.exit(0);
  };
  poll();
}
