// One case of the messages between primary and acceptor.
import { fail } from './target.ts';

/** All conversations are about this generation, so that what is spoilt may still be meant for somebody who waits. */
export const GENERATION = 7;

export interface IpcCase {
  readonly to: 'primary' | 'acceptor';
  /** What the primary waits for, or what the acceptor is in the middle of. */
  readonly during: 'prepare' | 'commit' | 'reopen';
  readonly messages: readonly unknown[];
}

/** What a party gave must be what its type says. */
export function checkShape(what: string, value: unknown, isRight: boolean): void {
  if (!isRight) fail(`${what} gave ${JSON.stringify(value)}`);
}
