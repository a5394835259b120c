// Whether a process runs, as `-s` and a second start ask it.
import { readFileSync } from 'node:fs';

/** A zombie has ended: where nobody reaps it (pid 1 of a container), it would count for ever. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat[stat.lastIndexOf(')') + 2] !== 'Z';
  } catch {
    return process.platform !== 'linux';
  }
}

/** The process id that a pid file holds; undefined when there is no such file, NaN when it holds something else. */
export function pidIn(pidFile: string): number | undefined {
  try {
    const pid = Number(readFileSync(pidFile, 'utf8').trim());
    return Number.isInteger(pid) && pid > 1 ? pid : Number.NaN;
  } catch {
    return undefined;
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
