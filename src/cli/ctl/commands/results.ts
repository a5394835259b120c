// What became of a process, in supervisorctl's words.
import { FAULTS } from '../../../supervise/control/rpc-faults.ts';
import { makeNamespec } from '../namespec.ts';
import { PythonError } from '../python-error.ts';
import type { Fault } from '../xmlrpc-client.ts';

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
    [FAULTS.BAD_NAME]: 'no such process',
    [FAULTS.NO_FILE]: 'no such file',
    [FAULTS.NOT_EXECUTABLE]: 'file is not executable',
    [FAULTS.ALREADY_STARTED]: 'already started',
    [FAULTS.SPAWN_ERROR]: 'spawn error',
    [FAULTS.ABNORMAL_TERMINATION]: 'abnormal termination',
  },
};

const SIGNAL_ERRORS = {
  [FAULTS.BAD_NAME]: 'no such process',
  [FAULTS.BAD_SIGNAL]: 'bad signal name',
  [FAULTS.NOT_RUNNING]: 'not running',
};

export const STOPPED: Words = { success: 'stopped', errors: SIGNAL_ERRORS, tellsFailure: true };
export const SIGNALLED: Words = { success: 'signalled', errors: SIGNAL_ERRORS, tellsFailure: true };
export const CLEARED: Words = {
  success: 'cleared',
  errors: { [FAULTS.BAD_NAME]: 'no such process', [FAULTS.FAILED]: 'failed' },
  tellsFailure: false,
};

/** Throws for a code that has no words, as supervisorctl does (a server that is about to end answers 6 to all). */
export function outcomeLine({ group, name, status, description }: Outcome, words: Words): string {
  const namespec = makeNamespec(group, name);
  if (status === FAULTS.SUCCESS) return `${namespec}: ${words.success}`;
  if (status === FAULTS.FAILED && words.tellsFailure) return description;
  const error = words.errors[status];
  if (error === undefined)
    throw new PythonError('ValueError', `Unknown result code ${status} for ${namespec}`);
  return `${namespec}: ERROR (${error})`;
}

export function outcomeOf(fault: Fault, group: string, name: string | null): Outcome {
  return { group, name, status: fault.code, description: fault.text };
}
