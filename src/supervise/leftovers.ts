// What an earlier lbproxy of the same configuration left running although it and its watchdog are gone: a start finds it by the mark
// (mark.ts) that the runs before wrote down, names it and ends it. Only what bears that very mark is touched. Without /proc: nothing.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { shownCommand } from '../shared/command-line.ts';
import { statOf } from '../shared/process-stat.ts';
import { readPlainFile, replaceFile } from '../shared/replace-file.ts';
import { MARK_NAME } from './mark.ts';
import { pids, readText } from './proc-files.ts';

const POLL_MS = 50;
/** Between SIGTERM and SIGKILL. */
const GRACE_MS = 2000;
/** What does not go within this time of SIGKILL the system does not let go. */
const KILL_MS = 1000;
/** Runs that are remembered: earlier ones only as long as something of them runs. */
const MOST_RUNS = 8;
/** proc(5): of start times. It is 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

export interface Leftover {
  readonly pid: number;
  /** As far as a line has room for it. */
  readonly command: string;
  readonly ageMs: number;
  readonly mark: string;
  /** Tells it from another process that gets its number. */
  readonly start: string;
}

interface Run {
  readonly mark: string;
  readonly pid: number;
  readonly start: string;
}

/**
 * To be called before the first program starts, and after `findLeftovers`: from then on what bears this mark is known to be this
 * run's. Throws the system's error when the file cannot be written.
 */
export function recordRun(stateDirectory: string, name: string, mark: string): void {
  const start = statOf(process.pid)?.start ?? '0';
  const marks = new Set(markedNow().map((one) => one.mark));
  const earlier = runsOf(stateDirectory, name).filter((run) => marks.has(run.mark) && run.mark !== mark);
  const runs = [...earlier, { mark, pid: process.pid, start }].slice(-MOST_RUNS);
  const text = runs.map((run) => `${run.mark} ${run.pid} ${run.start}\n`).join('');
  replaceFile(fileOf(stateDirectory, name), text, 0o600);
}

/** At the end of a run that left nothing. Another run's record stays. */
export function forgetRun(stateDirectory: string, name: string, mark: string): void {
  const runs = runsOf(stateDirectory, name);
  if (runs.length !== 1 || runs[0].mark !== mark) return;
  try {
    rmSync(fileOf(stateDirectory, name), { force: true });
  } catch {
    // It names a mark that nobody bears: no harm.
  }
}

/** What bears the mark of an earlier run whose primary is dead. This process and those that it descends from are none. */
export function findLeftovers(stateDirectory: string, name: string): readonly Leftover[] {
  const marks = new Set(
    runsOf(stateDirectory, name)
      .filter(({ pid, start }) => pid === process.pid || statOf(pid)?.start !== start)
      .map(({ mark }) => mark),
  );
  if (marks.size === 0) return [];
  return markedNow().filter(({ mark }) => marks.has(mark));
}

/** What one line says of one: `pid 123 (python3 app.py), started 5 min ago`. */
export function leftoverText({ pid, command, ageMs }: Leftover): string {
  return `pid ${pid} (${command === '' ? 'without a command line' : command}), started ${ageText(ageMs)} ago`;
}

/**
 * Ends them, and whatever else bears their marks by then: SIGTERM, and SIGKILL after two seconds. Resolves, after three seconds at the
 * latest, with those that are still there.
 */
export async function endLeftovers(leftovers: readonly Leftover[]): Promise<readonly Leftover[]> {
  if (leftovers.length === 0) return [];
  const marks = new Set(leftovers.map(({ mark }) => mark));
  const left = (): readonly Leftover[] => markedNow().filter(({ mark }) => marks.has(mark));
  const startedAt = performance.now();
  const asked = new Set<string>();
  for (;;) {
    const present = left();
    const ms = performance.now() - startedAt;
    if (present.length === 0 || ms > GRACE_MS + KILL_MS) return present;
    for (const one of present) {
      const key = `${one.pid} ${one.start}`;
      if (ms > GRACE_MS) signal(one, 'SIGKILL');
      else if (!asked.has(key)) signal(one, 'SIGTERM');
      asked.add(key);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** The number may have become another's since: it is looked at once more. */
function signal({ pid, start, mark }: Leftover, name: NodeJS.Signals): void {
  if (statOf(pid)?.start !== start || markOf(pid) !== mark) return;
  try {
    process.kill(pid, name);
  } catch {
    // Gone, or of a user that we may not signal: then it is among those that stay.
  }
}

function fileOf(stateDirectory: string, name: string): string {
  return join(stateDirectory, `${name}.run`);
}

function runsOf(stateDirectory: string, name: string): readonly Run[] {
  let text: string;
  try {
    ({ text } = readPlainFile(fileOf(stateDirectory, name)));
  } catch {
    return [];
  }
  // A line that is none of ours names nobody.
  return [...text.matchAll(/^([0-9a-f]{16}) (\d{1,10}) (\d{1,20})$/gm)].map(([, mark, pid, start]) => ({
    mark,
    pid: Number(pid),
    start,
  }));
}

/** All processes that bear a mark, but for this one and those that it descends from: who restarts lbproxy may be a program of it. */
function markedNow(): readonly Leftover[] {
  const own = ancestry();
  const uptimeMs = Number(readText('/proc/uptime').split(' ')[0]) * 1000;
  return pids().flatMap((pid) => {
    if (own.has(pid)) return [];
    const mark = markOf(pid);
    const stat = mark === undefined ? undefined : statOf(pid);
    if (mark === undefined || stat === undefined) return [];
    const ageMs = Math.max(0, uptimeMs - (Number(stat.start) / TICKS_PER_SECOND) * 1000);
    return [{ pid, mark, start: stat.start, command: commandOf(pid), ageMs }];
  });
}

function ancestry(): ReadonlySet<number> {
  const found = new Set<number>();
  for (let pid: number | undefined = process.pid; pid !== undefined && pid > 0 && !found.has(pid); ) {
    found.add(pid);
    pid = statOf(pid)?.parent;
  }
  return found;
}

const MARK = new RegExp(`\\0${MARK_NAME}=([0-9a-f]{16})\\0`);

function markOf(pid: number): string | undefined {
  const environment = readText(`/proc/${pid}/environ`);
  return environment.includes(MARK_NAME) ? MARK.exec(`\0${environment}\0`)?.[1] : undefined;
}

function commandOf(pid: number): string {
  return shownCommand(Buffer.from(readText(`/proc/${pid}/cmdline`), 'latin1').toString('utf8'));
}

function ageText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}
