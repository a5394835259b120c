// The directory of what is made once and kept: keys, the pid file. For its owner alone, where it is made here.
import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { modeText } from '../shared/replace-file.ts';

const WRITABLE_BY_OTHERS = 0o022;
/** In such a directory (mode 1777) others cannot replace what is not theirs. */
const STICKY = 0o1000;

/** Makes it where it is missing, whatever the umask. One that is there may have other uses: its mode is its owner's wish. */
export function openStateDirectory(path: string): void {
  try {
    const made = mkdirSync(path, { recursive: true, mode: 0o700 });
    if (made !== undefined) chmodSync(path, 0o700);
  } catch (error) {
    throw new Error(
      `cannot make the state directory ${path}: ${(error as Error).message}; set state_path to a directory that lbproxy may write`,
    );
  }
}

/** Whether others can put their files in the place of those in a directory. */
export function othersMayReplaceIn(path: string): boolean {
  try {
    const { mode } = statSync(path);
    return (mode & WRITABLE_BY_OTHERS) !== 0 && (mode & STICKY) === 0;
  } catch {
    // What is not there, or cannot be looked at, is told by whoever needs it.
    return false;
  }
}

/** Why a state directory is not ours alone; null where it is, or is not there yet. */
export function problemOfStateDirectory(path: string): string | null {
  if (!othersMayReplaceIn(path)) return null;
  return (
    `others can write in the state directory ${path} (mode ${modeText(statSync(path))}), and put their files in the place ` +
    `of lbproxy's: chmod go-w ${path}`
  );
}
