// What V8 makes of lbproxy's code is kept from one start to the next (Node's compile cache): compiling it is a third of a start. Whoever
// can write there decides what the next process runs, so the directory is only used where nobody but this user and root can.
import { chmodSync, mkdirSync, realpathSync, statSync } from 'node:fs';
import { enableCompileCache, flushCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';

const WRITABLE_BY_OTHERS = 0o022;
/** In such a directory (mode 1777) others cannot replace what is not theirs. */
const STICKY = 0o1000;

/**
 * To be called before anything large is loaded. Without a home, on a file system for reading only, or where others may write, all is
 * compiled anew, as without it. What is damaged or of another version Node finds out, and compiles anew.
 */
export function useCodeCache(env: NodeJS.ProcessEnv = process.env): void {
  // Somebody has chosen already.
  if (env.NODE_COMPILE_CACHE || env.NODE_DISABLE_COMPILE_CACHE) return;
  const directory = codeDirectory(env);
  if (directory !== null) enableCompileCache(directory);
}

/** Writes what is not there yet; nothing on every start but the first. */
export function keepCode(): void {
  flushCompileCache();
}

/** Made where it is missing; null where it cannot be, or others could put their code there. */
export function codeDirectory(env: NodeJS.ProcessEnv): string | null {
  try {
    const { XDG_CACHE_HOME: named = '' } = env;
    const wanted = join(isAbsolute(named) ? named : join(homedir(), '.cache'), 'lbproxy', 'code');
    const made = mkdirSync(wanted, { recursive: true, mode: 0o700 });
    if (made !== undefined) chmodSync(wanted, 0o700);
    // Links on the way there may lead elsewhere later: not those that were looked at.
    const directory = realpathSync(wanted);
    return isOurs(directory) ? directory : null;
  } catch {
    return null;
  }
}

/** Neither it nor what it is in belongs to others, or may be changed by them. */
function isOurs(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    const { uid, mode } = statSync(at);
    const safe = (mode & WRITABLE_BY_OTHERS) === 0 || ((mode & STICKY) !== 0 && at !== path);
    if (!safe || (uid !== 0 && uid !== process.geteuid?.())) return false;
    if (at === dirname(at)) return true;
  }
}
