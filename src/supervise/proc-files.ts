// What /proc tells of processes; where there is no /proc, nothing.
import { readdirSync, readFileSync } from 'node:fs';

export function pids(): readonly number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

/** Bytes, one a character; empty where there is none, or it may not be read. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
