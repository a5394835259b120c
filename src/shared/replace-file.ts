// Files that are ours alone to write: put in place whole, under a name that nobody can have prepared; read without being led or held.
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import { randomHex } from './random-hex.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

/**
 * Puts a file with this text and exactly this mode, whatever the umask, where `path` is: in the place of what stands there, a symbolic
 * link included, and never half of it. Throws the system's error.
 */
export function replaceFile(path: string, text: string, mode: number): void {
  const part = `${path}.${randomHex(12)}.part`;
  const fd = openSync(part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    try {
      fchmodSync(fd, mode);
      writeFileSync(fd, text);
    } finally {
      closeSync(fd);
    }
    renameSync(part, path);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
}

export interface PlainFile {
  readonly stat: Stats;
  readonly text: string;
}

/** Reads a regular file and what the system knows of that very file; throws where it is a link, a FIFO or anything else. */
export function readPlainFile(path: string): PlainFile {
  const fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw Object.assign(new Error(`${path} is no regular file`), { code: 'EINVAL' });
    return { stat, text: readFileSync(fd, 'utf8') };
  } finally {
    closeSync(fd);
  }
}

const FOR_OTHERS = 0o077;

/** Why a secret that is there must not be used, as it may be known to others or theirs; null where there is none as well. */
export function whyNotOurs(path: string): string | null {
  let file: PlainFile;
  try {
    file = readPlainFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ELOOP' ? 'it is a symbolic link' : null;
  }
  const { uid, mode } = file.stat;
  const own = process.geteuid?.() ?? uid;
  if (uid !== own) return `it belongs to user ${uid}, and lbproxy runs as user ${own}`;
  // Windows has no such modes.
  if (process.platform === 'win32' || (mode & FOR_OTHERS) === 0) return null;
  return `its mode ${modeText(file.stat)} lets others use it`;
}

/** The permissions as `chmod` takes them: 0644. */
export function modeText({ mode }: Pick<Stats, 'mode'>): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}
