// Runs one process as the leader of a group of its own, and says when it, and then the whole group, has ended.
import { type ChildProcess, spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { Timer } from '../shared/timer.ts';
import { MARK_NAME, withoutOwn } from './mark.ts';
import { forwardLines, type OutputSink } from './output.ts';
import type { Launch } from './plan.ts';
import { groupIsAlive, HAS_GROUPS, signalGroup } from './process-group.ts';

/** Either `failed` is called, or `exited` and then `gone`. None of them is called before `runProcess` has returned. */
export interface ProcessEvents {
  /** There is no process; the reason is a whole clause with the next step. */
  failed(reason: string): void;
  exited(code: number | null, signal: string | null): void;
  /** Nothing of the group runs any more. */
  gone(): void;
  readonly output: OutputSink;
  /** No line comes after this; it may be before `exited` or after `gone`. */
  outputEnded(): void;
}

export interface RunningProcess {
  /** Also the id of its group. undefined when it could not be started. */
  readonly pid: number | undefined;
  /** To the whole group; nothing happens once it is gone. */
  signal(signal: NodeJS.Signals): void;
}

const FIRST_GROUP_POLL_MS = 10;
const MAX_GROUP_POLL_MS = 100;
/** How long a descendant that left the group may hold the output open after the group is gone. */
const OUTPUT_LINGER_MS = 500;

/**
 * Starts the process: stdin empty, output line by line to `events.output`; PORT, LBPROXY_PROCESS, PYTHONUNBUFFERED and the mark
 * (`mark.ts`) in its environment.
 */
export function runProcess(launch: Launch, mark: string, events: ProcessEvents): RunningProcess {
  const child = spawnGroup(launch, mark);
  if (typeof child === 'string') {
    queueMicrotask(() => events.failed(child));
    return { pid: undefined, signal: () => undefined };
  }
  const { pid } = child;
  child.on('error', (error) => {
    if (pid === undefined) events.failed(whyNot(error, launch));
  });
  if (pid === undefined) return { pid, signal: () => undefined };
  void forwardOutput(child, launch.name, events.output).then(() => events.outputEnded());
  let gone = false;
  child.once('exit', (code, signal) => {
    events.exited(code, signal);
    whenGroupEnds(pid, () => {
      gone = true;
      setTimeout(() => closeOutput(child), OUTPUT_LINGER_MS).unref();
      events.gone();
    });
  });
  return {
    pid,
    signal(signal) {
      if (!gone) signalGroup(pid, signal);
    },
  };
}

function spawnGroup(launch: Launch, mark: string): ChildProcess | string {
  // spawn reports a missing directory as if the command were missing; that has misled many.
  const noDirectory = whyNoDirectory(launch.directory);
  if (noDirectory !== undefined) return noDirectory;
  const [command, ...args] = launch.argv;
  const own = launch.port === null ? {} : { PORT: String(launch.port) };
  try {
    return spawn(command, args, {
      cwd: launch.directory,
      // Into a pipe Python writes by blocks: the last words of one that is killed would be lost.
      env: {
        PYTHONUNBUFFERED: '1',
        ...withoutOwn(process.env),
        ...own,
        LBPROXY_PROCESS: launch.name,
        ...launch.environment,
        [MARK_NAME]: mark,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      // setsid: a session and a group of its own, which a terminal's Ctrl-C does not reach either
      detached: HAS_GROUPS,
      windowsHide: true,
    });
  } catch (error) {
    return whyNot(error as NodeJS.ErrnoException, launch);
  }
}

export function whyNoDirectory(directory: string): string | undefined {
  try {
    if (statSync(directory).isDirectory()) return undefined;
    return `its directory ${directory} is not a directory: correct directory`;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return `its directory ${directory} does not exist: create it or correct directory`;
    return `its directory ${directory} cannot be entered (${code}): check who may read it`;
  }
}

export function whyNot(error: NodeJS.ErrnoException, launch: Launch): string {
  const command = launch.argv[0];
  switch (error.code) {
    case 'ENOENT': {
      // A script whose #! line names a missing interpreter gives the same error.
      const place = command.includes('/') ? `from ${launch.directory}` : 'in PATH';
      return `"${command}" was not found ${place}, or the interpreter of its #! line was not: correct command`;
    }
    case 'EACCES':
      return `"${command}" may not be run (permission denied): chmod +x it, or put its interpreter in front`;
    case 'ENOEXEC':
      return `"${command}" is neither a program nor a script with a #! line: put its interpreter in front`;
    default:
      return `"${command}" could not be run: ${error.message}`;
  }
}

async function forwardOutput(child: ChildProcess, process: string, sink: OutputSink): Promise<void> {
  const { stdout, stderr } = child;
  await Promise.all([
    stdout === null ? undefined : forwardLines(stdout, { process, stream: 'stdout' }, sink),
    stderr === null ? undefined : forwardLines(stderr, { process, stream: 'stderr' }, sink),
  ]);
}

function closeOutput(child: ChildProcess): void {
  child.stdout?.destroy();
  child.stderr?.destroy();
}

/** Asks again and again, ever less often: the system has no event for the end of a group. */
function whenGroupEnds(leader: number, ended: () => void, pollMs = FIRST_GROUP_POLL_MS): void {
  if (groupIsAlive(leader)) {
    new Timer(() => whenGroupEnds(leader, ended, Math.min(pollMs * 2, MAX_GROUP_POLL_MS)), pollMs);
  } else {
    ended();
  }
}
