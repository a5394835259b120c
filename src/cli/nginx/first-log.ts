// The log of the time before the configuration was read, and of commands that end at once: opened for each line.
import { appendFileSync } from 'node:fs';

/** False where the line could not be written: it stands on stderr, too. */
export function appendToLog(path: string, line: string): boolean {
  try {
    appendFileSync(path, line, { mode: 0o644 });
    return true;
  } catch {
    return false;
  }
}
