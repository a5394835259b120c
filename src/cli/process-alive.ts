// Whether a process runs, as `-s` and a second start ask it.
import { readFileSync } from 'node:fs';
import { shownCommand } from '../shared/command-line.ts';
import { readPlainFile } from '../shared/replace-file.ts';

/** A zombie has ended: where nobody reaps it (pid 1 of a container), it would count for ever. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return fieldsOf(stat)[0] !== 'Z';
  } catch {
    return process.platform !== 'linux';
  }
}

/** The fields of /proc/PID/stat behind the name, which may hold anything. */
function fieldsOf(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** When a process started, in a clock of the system's own; two processes of one number differ in it. Undefined where it is not told. */
export function startOf(pid: number): string | undefined {
  try {
    // proc(5): field 22, of which two stand before.
    return fieldsOf(readFileSync(`/proc/${pid}/stat`, 'latin1'))[19];
  } catch {
    return undefined;
  }
}

/** The process id that a pid file holds; undefined when there is no such file, NaN when it holds something else. */
export function pidIn(pidFile: string): number | undefined {
  try {
    const pid = Number(readPlainFile(pidFile).text.trim());
    return Number.isInteger(pid) && pid > 1 ? pid : Number.NaN;
  } catch {
    return undefined;
  }
}

/** Its command line, as far as a line of text has room for it. */
export function commandOf(pid: number): string {
  try {
    return shownCommand(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
  } catch {
    return '';
  }
}

/** Whether a process is an lbproxy, as its command line tells; undefined where that cannot be read. */
export function isLbproxy(pid: number): boolean | undefined {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return words.slice(0, 3).some((word) => /(?:^|\/)(?:lbproxy|main\.[jt]s)$/.test(word));
  } catch {
    return undefined;
  }
}
