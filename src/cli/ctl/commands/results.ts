// What became of a process, in supervisorctl's words.
import { makeNamespec } from '../namespec.ts';
import { PythonError } from '../python-error.ts';
import { FAULT, type Fault } from '../xmlrpc-client.ts';

export interface Outcome {
  readonly group: string;
  /** null for a group. */
  readonly name: string | null;
  readonly status: number;
  readonly description: string;
}

/** The words for a kind of command, by fault code. */
export interface Words {
  readonly success: string;
  readonly errors: Readonly<Record<number, string>>;
  /** FAILED is told in the server's words. */
  readonly tellsFailure: boolean;
}

export const STARTED: Words = {
  success: 'started',
  tellsFailure: false,
  errors: {
    [FAULT.badName]: 'no such process',
    [FAULT.noFile]: 'no such file',
    [FAULT.notExecutable]: 'file is not executable',
    [FAULT.alreadyStarted]: 'already started',
    [FAULT.spawnError]: 'spawn error',
    [FAULT.abnormalTermination]: 'abnormal termination',
  },
};

const SIGNAL_ERRORS = {
  [FAULT.badName]: 'no such process',
  [FAULT.badSignal]: 'bad signal name',
  [FAULT.notRunning]: 'not running',
};

export const STOPPED: Words = { success: 'stopped', errors: SIGNAL_ERRORS, tellsFailure: true };
export const SIGNALLED: Words = { success: 'signalled', errors: SIGNAL_ERRORS, tellsFailure: true };
export const CLEARED: Words = {
  success: 'cleared',
  errors: { [FAULT.badName]: 'no such process', [FAULT.failed]: 'failed' },
  tellsFailure: false,
};

/** Throws for a code that has no words, as supervisorctl does (a server that is about to end answers 6 to all). */
export function outcomeLine({ group, name, status, description }: Outcome, words: Words): string {
  const namespec = makeNamespec(group, name);
  if (status === FAULT.success) return `${namespec}: ${words.success}`;
  if (status === FAULT.failed && words.tellsFailure) return description;
  const error = words.errors[status];
  if (error === undefined)
    throw new PythonError('ValueError', `Unknown result code ${status} for ${namespec}`);
  return `${namespec}: ERROR (${error})`;
}

export function outcomeOf(fault: Fault, group: string, name: string | null): Outcome {
  return { group, name, status: fault.code, description: fault.text };
}
