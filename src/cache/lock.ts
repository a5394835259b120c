// Who fetches an answer: a file beside it that names the process, by its pid and when that started. A pid alone may be another's by now:
// in containers the same ones come back at every start.
import fs from 'node:fs';
import { statOf } from '../shared/process-stat.ts';
import { openMaking, remove } from './files.ts';

/** Whose it is gives it back only while it is still its own. */
export interface HeldLock {
  readonly path: string;
  /** What is in it: of no other lock. */
  readonly text: string;
}

let made = 0;
let ownStart = '';

/** null: somebody else has it, and has had it for less than `ageMs`. */
export function takeLock(path: string, ageMs: number): HeldLock | null {
  for (let again = false; ; again = true) {
    try {
      return makeLock(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if (again || !isOver(path, ageMs)) return null;
      remove(path);
    }
  }
}

export function isLocked(path: string, ageMs: number): boolean {
  return fs.existsSync(path) && !isOver(path, ageMs);
}

export function giveBack({ path, text }: HeldLock): void {
  try {
    if (fs.readFileSync(path, 'latin1') === text) fs.unlinkSync(path);
  } catch {
    // It was taken over, or removed.
  }
}

/** A full disk has room for the name, but not for what is in it: then there is no lock. */
function makeLock(path: string): HeldLock {
  const fd = openMaking(path, 'wx');
  try {
    ownStart ||= startOf(process.pid);
    const text = `${process.pid} ${ownStart} ${++made}`;
    fs.writeSync(fd, text);
    return { path, text };
  } catch (error) {
    remove(path);
    throw error;
  } finally {
    fs.closeSync(fd);
  }
}

/** Whoever had the lock has had it for too long, or is no more. */
function isOver(path: string, ageMs: number): boolean {
  try {
    const stats = fs.statSync(path);
    // To read a pipe that somebody put there would hold up the process.
    if (!stats.isFile() || Date.now() - Math.floor(stats.mtimeMs) >= ageMs) return true;
    const [pid, start] = fs.readFileSync(path, 'latin1').split(' ');
    return !isAlive(Number(pid), start);
  } catch {
    return true;
  }
}

function isAlive(pid: number, start: string | undefined): boolean {
  // It was made and is not written yet.
  if (!(pid > 0)) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const present = startOf(pid);
  return present === UNKNOWN || start === UNKNOWN || present === start;
}

/** Where there is no /proc, or it does not show others' processes. */
const UNKNOWN = '-';

function startOf(pid: number): string {
  return statOf(pid)?.start ?? UNKNOWN;
}
