// Runs one process as the leader of a group of its own, and says when it, and then the whole group, has ended.
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { Timer } from '../shared/timer.ts';
import { type ChildStreams, openStreams, type StreamPlaces } from './child-streams.ts';
import { MARK_NAME, withoutOwn } from './mark.ts';
import type { Launch } from './plan.ts';
import { groupIsAlive, HAS_GROUPS, signalGroup, signalOne } from './process-group.ts';
import type { PipeSource } from './stdio-pipes.ts';

/** Either `failed` is called, or `exited` and then `gone`. None of them is called before `runProcess` has returned. */
export interface ProcessEvents {
  /** There is no process; the reason is a whole clause with the next step. */
  failed(reason: string): void;
  exited(code: number | null, signal: string | null): void;
  /** Nothing of the group runs any more. */
  gone(): void;
}

/** What the process is given besides its launch. */
export interface Surroundings {
  readonly group: string;
  /** Of this run of lbproxy (mark.ts). */
  readonly mark: string;
  readonly pipes: PipeSource;
  /** A descriptor that becomes its stdin; null for a pipe. */
  readonly stdin: number | null;
  /** Where it may send READY=1; null without. */
  readonly notifySocket: string | null;
  /** What the environment has instead of lbproxy's own, where the program's does not say otherwise. */
  readonly variables: Readonly<Record<string, string>>;
  /** stderr goes into the same pipe as stdout. */
  readonly redirectStderr: boolean;
  /** Without killasgroup what is left of the group is not waited for. */
  readonly waitForGroup: boolean;
}

export interface RunningProcess {
  /** Also the id of its group. undefined when it could not be started. */
  readonly pid: number | undefined;
  readonly stdout: Readable | null;
  /** null where it goes with stdout. */
  readonly stderr: Readable | null;
  /** To the whole group or to its leader alone; nothing happens once it is gone. */
  signal(signal: NodeJS.Signals | number, group: boolean): void;
  /** To its stdin; false when that is closed. */
  write(data: Buffer): boolean;
}

const FIRST_GROUP_POLL_MS = 10;
const MAX_GROUP_POLL_MS = 100;
/** How long a descendant that left the group may hold the output open after the group is gone. */
const OUTPUT_LINGER_MS = 500;
/** Longer than a log that takes nothing holds anything back. */
const MOST_LINGER_LOOKS = 20;
/** What waits for a process that does not read its stdin. */
const MAX_STDIN_BYTES = 1024 * 1024;

const NOT_RUNNING: Omit<RunningProcess, 'signal' | 'write'> = { pid: undefined, stdout: null, stderr: null };

/** Starts the process: its environment is that of lbproxy, with what `environmentOf` says. */
export function runProcess(launch: Launch, around: Surroundings, events: ProcessEvents): RunningProcess {
  const started = spawnGroup(launch, around);
  if (typeof started === 'string') {
    queueMicrotask(() => events.failed(started));
    return { ...NOT_RUNNING, signal: () => undefined, write: () => false };
  }
  const { child, streams } = started;
  const { pid } = child;
  child.on('error', (error) => {
    if (pid === undefined) events.failed(whyNot(error, launch));
  });
  if (pid === undefined) {
    streams.destroy();
    return { ...NOT_RUNNING, signal: () => undefined, write: () => false };
  }
  let hasExited = false;
  let gone = false;
  child.once('exit', (code, signal) => {
    hasExited = true;
    events.exited(code, signal);
    const end = (): void => {
      gone = true;
      letGo(streams);
      events.gone();
    };
    if (around.waitForGroup) whenGroupEnds(pid, end);
    else end();
  });
  return {
    pid,
    stdout: streams.stdout,
    stderr: streams.stderr,
    signal(signal, group) {
      if (gone) return;
      if (group) signalGroup(pid, signal);
      // Once it has ended its number may be anybody's.
      else if (!hasExited) signalOne(pid, signal);
    },
    write: (data) => writeTo(streams.stdin, data),
  };
}

/**
 * Of a group that is gone, what is still in the pipes is read on: all of it, also where a log holds it back. What descendants outside the
 * group say then has little time.
 */
function letGo(streams: ChildStreams, looks = 0): void {
  const before = streams.progress;
  setTimeout(() => {
    // What came meanwhile is read before this is asked: timers go first.
    setImmediate(() => {
      const moves = streams.progress !== before || streams.isHeld;
      if (moves && looks < MOST_LINGER_LOOKS) letGo(streams, looks + 1);
      else streams.destroy();
    });
  }, OUTPUT_LINGER_MS).unref();
}

function writeTo(stdin: Writable | null, data: Buffer): boolean {
  if (stdin === null || stdin.destroyed || !stdin.writable) return false;
  if (stdin.writableLength + data.length > MAX_STDIN_BYTES) return false;
  stdin.write(data);
  return true;
}

interface Started {
  readonly child: ChildProcess;
  readonly streams: ChildStreams;
}

function spawnGroup(launch: Launch, around: Surroundings): Started | string {
  if (launch.problem !== null) return launch.problem;
  // spawn reports a missing directory as if the command were missing; that has misled many.
  const noDirectory = whyNoDirectory(launch.directory);
  if (noDirectory !== undefined) return noDirectory;
  const notHere = whyNotHere(launch);
  if (notHere !== undefined) return notHere;
  const runAs = runAsUser(launch);
  if (typeof runAs === 'string') return runAs;
  const [command, ...args] = runAs.argv;
  let streams: StreamPlaces | null = null;
  try {
    streams = openStreams(around, launch.user?.uid ?? null);
    const options: SpawnOptions = {
      cwd: launch.directory,
      env: environmentOf(launch, around),
      stdio: streams.stdio,
      ...runAs.ids,
      // setsid: a session and a group of its own, which a terminal's Ctrl-C does not reach either
      detached: HAS_GROUPS,
      windowsHide: true,
    };
    const child = withUmask(launch.umask, () => spawn(command, args, options));
    return { child, streams: streams.of(child) };
  } catch (error) {
    streams?.abandon();
    return whyNot(error as NodeJS.ErrnoException, launch);
  }
}

/** The mask is the process's own, threads and all: it holds for the fork, which takes it along, and for nothing else of this thread. */
function withUmask<T>(umask: number | null, make: () => T): T {
  if (umask === null) return make();
  const own = process.umask(umask);
  try {
    return make();
  } finally {
    process.umask(own);
  }
}

/**
 * What is added to lbproxy's own environment, of which LBPROXY_* stays behind: for a program block PORT, LBPROXY_PROCESS and
 * PYTHONUNBUFFERED (into a pipe Python writes by blocks: the last words of one that is killed would be lost); for a section of
 * supervisord.conf what Supervisor sets. Then what `user` means, then the program's own, then the mark.
 */
function environmentOf(launch: Launch, around: Surroundings): NodeJS.ProcessEnv {
  const supervisor = launch.dialect === 'supervisor';
  const { user } = launch;
  return {
    ...(supervisor ? {} : { PYTHONUNBUFFERED: '1' }),
    ...withoutOwn(process.env),
    ...around.variables,
    ...(supervisor ? supervisorVariables(launch, around) : ownVariables(launch)),
    ...(around.notifySocket === null ? {} : { NOTIFY_SOCKET: around.notifySocket }),
    ...(user === null ? {} : { HOME: user.home, USER: user.name, LOGNAME: user.name }),
    ...launch.environment,
    [MARK_NAME]: around.mark,
  };
}

function ownVariables({ name, port }: Launch): NodeJS.ProcessEnv {
  return { ...(port === null ? {} : { PORT: String(port) }), LBPROXY_PROCESS: name };
}

function supervisorVariables({ name, serverUrl }: Launch, { group }: Surroundings): NodeJS.ProcessEnv {
  return {
    SUPERVISOR_ENABLED: '1',
    ...(serverUrl === null ? {} : { SUPERVISOR_SERVER_URL: serverUrl }),
    SUPERVISOR_PROCESS_NAME: name,
    SUPERVISOR_GROUP_NAME: group,
  };
}

interface RunAs {
  readonly argv: readonly string[];
  readonly ids: { readonly uid?: number; readonly gid?: number };
}

/** setpriv(1) of util-linux gives the user all its groups and becomes the command; without it the user has its first group alone. */
const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'];

function runAsUser({ argv, user }: Launch): RunAs | string {
  const own = process.geteuid?.();
  if (user === null || own === undefined || user.uid === own) return { argv, ids: {} };
  if (own !== 0)
    return `it is to run as user ${user.name}, which only root may do, and lbproxy runs as user ${own}: leave out user, or start lbproxy as root`;
  const setpriv = SETPRIV.find((path) => existsSync(path));
  if (setpriv === undefined) return { argv, ids: { uid: user.uid, gid: user.gid } };
  const ids = [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--init-groups'];
  return { argv: [setpriv, ...ids, '--', ...argv], ids: {} };
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

/** Supervisor looks for `bin/app` in its own directory, and then runs it from that of the program: where both are, it starts. */
function whyNotHere({ dialect, argv: [command], directory }: Launch): string | undefined {
  if (dialect !== 'supervisor' || !command.includes('/') || isAbsolute(command) || existsSync(command))
    return undefined;
  return `"${command}" was not found from ${process.cwd()}, where a relative command is looked for before it is run from ${directory}: write its whole path`;
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
    case 'EMFILE':
    case 'ENFILE':
      return `"${command}" could not be run: no file descriptors are left (${error.code}): raise ulimit -n (LimitNOFILE=), or run fewer`;
    case 'EAGAIN':
      return `"${command}" could not be run: the system allows no more processes (EAGAIN): raise ulimit -u or TasksMax=, or run fewer`;
    default:
      return `"${command}" could not be run: ${error.message}`;
  }
}

/** Asks again and again, ever less often: the system has no event for the end of a group. */
function whenGroupEnds(leader: number, ended: () => void, pollMs = FIRST_GROUP_POLL_MS): void {
  if (groupIsAlive(leader)) {
    new Timer(() => whenGroupEnds(leader, ended, Math.min(pollMs * 2, MAX_GROUP_POLL_MS)), pollMs);
  } else {
    ended();
  }
}
