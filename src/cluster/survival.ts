// The primary outlives its own errors: one that nobody expected costs the duty that met it (a log, a program, a look-up, a reload) and no
// other. What the channel of an acceptor makes Node itself throw (a line that is no JSON, an order without meaning) costs that acceptor.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Log } from '../observe/error-log.ts';

/** Whoever is to blame for an error that Node met while it dealt with them. */
export interface Culprit {
  onOffence(error: unknown): void;
}

/** Follows a channel into the callbacks that Node calls for it: no other trace leads from such an error to the process that sent it. */
const culprits = new AsyncLocalStorage<Culprit | undefined>();

/** Whatever is thrown in callbacks of what `make` makes is this one's doing. */
export function onAccountOf<T>(culprit: Culprit, make: () => T): T {
  return culprits.run(culprit, make);
}

/** Our own part of such a callback: its errors are ours. */
export function onOwnAccount(task: () => void): void {
  culprits.run(undefined, task);
}

/** To be called once. `log` gives the log of the present configuration. */
export function surviveErrors(log: () => Log): void {
  process.on('uncaughtException', (error) => {
    const culprit = culprits.getStore();
    if (culprit !== undefined) return onOwnAccount(() => culprit.onOffence(error));
    log().crit(`unexpected error: ${textOf(error)}`);
  });
  process.on('unhandledRejection', (reason) => log().crit(`unexpected error: ${textOf(reason)}`));
  logWarnings((message) => log().warn(message));
}

/** What Node warns of goes to the log: by itself it writes it to stderr, and waits there for whoever reads that. */
export function logWarnings(warn: (message: string) => void): void {
  process.removeAllListeners('warning');
  process.on('warning', ({ name, message }) => warn(`Node warns: ${name}: ${message}`));
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
