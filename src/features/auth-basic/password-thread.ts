// What runs in the thread of password-checks.ts: one comparison after the other.
import { parentPort } from 'node:worker_threads';
import { matchesEntry } from './password.ts';

export interface PasswordQuestion {
  readonly password: string;
  readonly entry: string;
}

parentPort?.on('message', ({ password, entry }: PasswordQuestion) => {
  let isRight = false;
  try {
    isRight = matchesEntry(password, entry);
  } catch {
    // An entry that no form fits is nobody's password.
  }
  parentPort?.postMessage(isRight);
});
