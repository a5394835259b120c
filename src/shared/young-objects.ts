// What a long work beside traffic makes and keeps, V8 copies twice before it leaves it alone, all of it at once when its room is full: tens
// of milliseconds in which nobody is served. Copied in portions it is the same work, and no client waits for more than one of them.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (how: { readonly type: 'minor' | 'major'; readonly execution: 'sync' | 'async' }) => unknown;

let collect: Collect | null = null;

/** Has V8 look through what was made since the last time. Takes about as long as the making took. */
export function settleYoungObjects(): void {
  collect ??= collectorOf();
  collect({ type: 'minor', execution: 'sync' });
}

/** Has V8 look through all, beside what else there is to do, a little at a time. Never rejects. */
export async function collectBeside(): Promise<void> {
  collect ??= collectorOf();
  await collect({ type: 'major', execution: 'async' });
}

/** Where there is none V8 does it by itself, later. */
function collectorOf(): Collect {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('gc');
  return typeof gc === 'function' ? (gc as Collect) : () => {};
}
