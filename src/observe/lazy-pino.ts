// pino, loaded when the first JSON line is due or the process has time: a start needs none, and loading it takes longer than loading all
// of the road.
import { createRequire } from 'node:module';
import type { pino } from 'pino';

let loaded: typeof pino | null = null;

/** Null when it cannot be loaded now: its files may be replaced under the running process, or no descriptor be left to read them. */
export function loadPino(): typeof pino | null {
  if (loaded !== null) return loaded;
  try {
    loaded = createRequire(import.meta.url)('pino') as typeof pino;
  } catch {
    // Tried again with the next line.
  }
  return loaded;
}

/** Loads it once the process serves: what it needs later it has by then, whatever becomes of its files. */
export function loadPinoLater(): void {
  if (loaded === null) setTimeout(loadPino, IDLE_MS).unref();
}

/** Loading takes some 20 ms; the first requests should not wait for it. */
const IDLE_MS = 200;
