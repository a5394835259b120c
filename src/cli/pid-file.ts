// The pid file: how it is written, and whether the process that it names is the lbproxy that wrote it.
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { reasonOf } from '../observe/log-output.ts';
import { replaceFile } from '../shared/replace-file.ts';
import { OutcomeFile } from './outcome-file.ts';
import { commandOf, isAlive, isLbproxy, pidIn, startOf } from './process-alive.ts';

const { O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;

/** Writes our process id, for all to read whatever the umask, and never through a link that stands there. Throws a text with the reason. */
export function writePidFile(path: string): void {
  const text = `${process.pid}\n`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    const stat = lstatSync(path, { throwIfNoEntry: false });
    // `pid /dev/null` is a way to have none: what is no file stays what it is.
    if (stat !== undefined && !stat.isFile() && !stat.isSymbolicLink()) return writeInto(path, text);
    new OutcomeFile(path).begin();
    try {
      replaceFile(path, text, 0o644);
    } catch (error) {
      // A file that was made for us in a directory that is not ours (/run).
      if (stat === undefined || !MAY_BE_WRITABLE.has((error as NodeJS.ErrnoException).code ?? ''))
        throw error;
      writeInto(path, text);
    }
  } catch (error) {
    // A file stands where the directory should be.
    const cause = (error as NodeJS.ErrnoException).code === 'EEXIST' ? { code: 'ENOTDIR' } : error;
    throw new Error(`cannot write the pid file ${path}: ${reasonOf(path, cause)}`, { cause: error });
  }
}

const MAY_BE_WRITABLE: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS']);

function writeInto(path: string, text: string): void {
  const fd = openSync(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    // A second name of it may stand anywhere: nothing of it is lost before that is known.
    if (stat.isFile() && stat.nlink > 1) throw new Error('the file has another name too');
    if (stat.isFile()) ftruncateSync(fd);
    writeFileSync(fd, text);
  } finally {
    closeSync(fd);
  }
}

/** At the end: only what is still ours. */
export function removePidFile(path: string): void {
  if (pidIn(path) !== process.pid) return;
  try {
    rmSync(path, { force: true });
  } catch {
    // In a directory that is not ours it stays, as it was made for us, and is empty again.
    emptyOut(path);
  }
}

function emptyOut(path: string): void {
  try {
    writeInto(path, '');
  } catch {
    // A file system that has become read-only: the next start replaces it.
  }
}

/** The lbproxy that wrote a pid file, or why there is none to be signalled; undefined without such a file. */
export function primaryOf(
  pidFile: string,
): { readonly pid: number } | { readonly problem: string } | undefined {
  const pid = pidIn(pidFile);
  if (pid === undefined) return undefined;
  if (Number.isNaN(pid)) return { problem: `${pidFile} holds no process id` };
  const why = whyNotOurs(pid, pidFile);
  if (why === undefined) return { pid };
  return {
    problem: `cannot signal process ${pid} of ${pidFile}: ${why}; the file is left over from an lbproxy that has ended, and the next start replaces it`,
  };
}

/** After a crash the number may be anybody's, another lbproxy's too. */
function whyNotOurs(pid: number, pidFile: string): string | undefined {
  if (!isAlive(pid)) return 'there is no such process';
  if (isLbproxy(pid) === false) return `that is another program (${commandOf(pid)})`;
  const written = new OutcomeFile(pidFile).writer;
  const start = startOf(pid);
  if (written === undefined || start === undefined) return undefined;
  return written.pid === pid && written.start === start ? undefined : 'that is an lbproxy that started later';
}
