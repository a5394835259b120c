// pino, loaded when the first JSON line is due: a start needs none, and loading it takes longer than loading all of the road.
import { createRequire } from 'node:module';
import type { pino } from 'pino';

let loaded: typeof pino | null = null;

export function loadPino(): typeof pino {
  loaded ??= createRequire(import.meta.url)('pino') as typeof pino;
  return loaded;
}
