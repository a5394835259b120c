// Serving, once the command line has said what: acceptors first, so that they load while this process does.
import type { CliOptions } from './cli-options.ts';
import { startAcceptorsEarly } from './early-start.ts';
import { makeWayForReaper } from './first-process.ts';

/** Resolves with the exit status, once all has ended. */
export async function startServing(options: CliOptions): Promise<number> {
  makeWayForReaper();
  const early = startAcceptorsEarly(options);
  return (await import('./serve.ts')).serve(options, early);
}
