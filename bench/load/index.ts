// All loaders, by the kind of load.
import { handshakes } from './handshakes.ts';
import { httpLoader } from './http.ts';
import type { Engine } from './http-engines.ts';
import { idle } from './idle.ts';
import type { Loader } from './load.ts';
import { open } from './open.ts';
import { pool } from './pool.ts';
import { programsLoader } from './programs.ts';
import { reload } from './reload.ts';
import { reloads } from './reloads.ts';
import { start } from './start.ts';
import { websocket } from './websocket.ts';

/** `engine` is what sends the requests of http loads. */
export function loaders(engine: Engine): ReadonlyMap<string, Loader> {
  const http = httpLoader(engine);
  const programs = programsLoader(http);
  return new Map<string, Loader>(
    Object.entries({ http, handshakes, idle, open, pool, programs, reload, reloads, start, websocket }),
  );
}
