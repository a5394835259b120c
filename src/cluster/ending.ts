// What the end of lbproxy waits for, told again and again while it waits. Pure but for the timer.
import type { DrainWaits } from './messages.ts';

const FIRST_MS = 300;
const EVERY_MS = 3000;

/** Calls `say` with what is waited for until the returned function is called; what gives null is not told. */
export function tellWhile(text: () => string | null, say: (text: string) => void): () => void {
  const tell = (): void => {
    const what = text();
    if (what !== null) say(what);
    timer = setTimeout(tell, EVERY_MS);
  };
  let timer = setTimeout(tell, FIRST_MS);
  return () => clearTimeout(timer);
}

/** `leftMs` is null where there is no limit. Null when nothing is under way. */
export function drainText(all: readonly (DrainWaits | null)[], leftMs: number | null): string | null {
  const exchanges = all.reduce((sum, waits) => sum + (waits?.exchanges ?? 0), 0);
  const tunnels = all.reduce((sum, waits) => sum + (waits?.tunnels ?? 0), 0);
  const parts = [counted(exchanges, 'exchange'), counted(tunnels, 'tunnel')].filter((part) => part !== '');
  if (parts.length === 0) return null;
  const limit =
    leftMs === null
      ? 'without a limit (worker_shutdown_timeout 0)'
      : `at most ${Math.max(1, Math.ceil(leftMs / 1000))} s`;
  return `quit waits for ${parts.join(' and ')}, ${limit}`;
}

/** Null when all processes are gone; pid 0 is a leader that is, with what is left of its group. */
export function programsText(
  processes: readonly { readonly name: string; readonly pid: number; readonly state: string }[],
): string | null {
  const names = processes
    .filter(({ pid, state }) => pid !== 0 || state === 'STOPPING')
    .map(({ name, pid }) => (pid === 0 ? `what ${name} has left` : `${name} (pid ${pid})`));
  if (names.length === 0) return null;
  const shown = names.length > 5 ? [...names.slice(0, 5), `${names.length - 5} more`] : names;
  return `the stop waits for ${shown.join(', ')}, as long as their stopwaitsecs`;
}

function counted(n: number, what: string): string {
  return n === 0 ? '' : `${n} ${what}${n === 1 ? '' : 's'}`;
}
