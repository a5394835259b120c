// start, stop, signal, restart, clear: the same to one process after the other, or to groups.
import { FAULTS } from '../../../supervise/control/rpc-faults.ts';
import { makeNamespec, splitNamespec, wordsOf } from '../namespec.ts';
import { EXIT, type Session } from '../session.ts';
import { type CallResult, Fault } from '../xmlrpc-client.ts';
import { askPool } from './own.ts';
import { CLEARED, outcomeLine, outcomeOf, SIGNALLED, STARTED, STOPPED, type Words } from './results.ts';

/** A command that is given names. */
interface Verb {
  readonly words: Words;
  /** A fault that does not count as one. */
  readonly ignored?: number;
  all(): Promise<readonly CallResult[]>;
  /** null where the command does not know groups. */
  readonly group: ((group: string) => Promise<readonly CallResult[]>) | null;
  one(name: string): Promise<boolean>;
  /** Says why a process failed, for persons. */
  readonly explain?: (name: string) => Promise<void>;
  /** The exit status for a group that does not exist. */
  readonly noGroupStatus: number;
}

export async function start(session: Session, arg: string): Promise<void> {
  if (!(await session.upcheck())) return;
  const names = wordsOf(arg);
  if (names.length === 0)
    return session.refuse('Error: start requires a process name', 'start', EXIT.invalidArguments);
  await startNames(session, names);
}

async function startNames(session: Session, names: readonly string[]): Promise<void> {
  const wait = !session.flags.noWait;
  await forNames(session, names, {
    words: wait ? STARTED : { ...STARTED, success: 'starting' },
    ignored: FAULTS.ALREADY_STARTED,
    all: () => session.call('startAllProcesses', wait),
    group: (group) => session.call('startProcessGroup', group, wait),
    one: (name) => session.call('startProcess', name, wait),
    explain: (name) => whyNotStarted(session, name),
    noGroupStatus: EXIT.invalidArguments,
  });
}

async function whyNotStarted(session: Session, name: string): Promise<void> {
  const { spawnerr } = await session.call('getProcessInfo', name);
  session.hint(`${name}: ${spawnerr || 'it ended at once'}; see: lbproxy ctl tail ${name} stderr`);
}

export async function stop(session: Session, arg: string): Promise<void> {
  if (!(await session.upcheck())) return;
  const names = wordsOf(arg);
  if (names.length === 0) return session.refuse('Error: stop requires a process name', 'stop');
  await stopNames(session, names, !session.flags.noWait);
}

async function stopNames(session: Session, names: readonly string[], wait: boolean): Promise<void> {
  await forNames(session, names, {
    words: wait ? STOPPED : { ...STOPPED, success: 'stopping' },
    ignored: FAULTS.NOT_RUNNING,
    all: () => session.call('stopAllProcesses', wait),
    group: (group) => session.call('stopProcessGroup', group, wait),
    one: (name) => session.call('stopProcess', name, wait),
    noGroupStatus: EXIT.failed,
  });
}

export async function signal(session: Session, arg: string): Promise<void> {
  if (!(await session.upcheck())) return;
  const [name, ...names] = wordsOf(arg);
  if (names.length === 0)
    return session.refuse('Error: signal requires a signal name and a process name', 'signal');
  await forNames(session, names, {
    words: SIGNALLED,
    all: () => session.call('signalAllProcesses', name),
    group: (group) => session.call('signalProcessGroup', group, name),
    one: (process) => session.call('signalProcess', process, name),
    noGroupStatus: EXIT.failed,
  });
}

/** lbproxy rolls: the next process is restarted once the one before takes requests. A supervisord stops all, then starts all. */
export async function restart(session: Session, arg: string): Promise<void> {
  if (!(await session.upcheck())) return;
  const names = wordsOf(arg);
  if (names.length === 0) return session.refuse('Error: restart requires a process name', 'restart');
  if ((await session.pool.info()) !== null)
    return askPool(session, { command: 'restart', args: { names, wait: !session.flags.noWait } });
  // What has not ended yet could not be started.
  if (!(await session.upcheck())) return;
  await stopNames(session, names, true);
  await startNames(session, names);
}

export async function clear(session: Session, arg: string): Promise<void> {
  if (!(await session.upcheck())) return;
  const names = wordsOf(arg);
  if (names.length === 0) return session.refuse('Error: clear requires a process name', 'clear');
  await forNames(session, names, {
    words: CLEARED,
    all: () => session.call('clearAllProcessLogs'),
    group: null,
    one: (name) => session.call('clearProcessLogs', name),
    noGroupStatus: EXIT.failed,
  });
}

async function forNames(session: Session, names: readonly string[], verb: Verb): Promise<void> {
  if (names.includes('all')) return await tellAll(session, verb, await verb.all());
  for (const name of names) {
    const { group, process } = splitNamespec(name);
    if (process === null && verb.group !== null) await forGroup(session, group, verb, verb.group);
    else await forOne(session, name, verb);
  }
}

async function tellAll(session: Session, verb: Verb, results: readonly CallResult[]): Promise<void> {
  for (const result of results) {
    session.output(outcomeLine(result, verb.words));
    session.statusOf(result.status, verb.ignored);
    await explain(verb, makeNamespec(result.group, result.name), result.status);
  }
}

/** What was not even tried, or is known by its name, needs no more words. */
async function explain(verb: Verb, name: string, status: number): Promise<void> {
  if (status === FAULTS.SPAWN_ERROR || status === FAULTS.ABNORMAL_TERMINATION) await verb.explain?.(name);
}

async function forGroup(
  session: Session,
  group: string,
  verb: Verb,
  act: (group: string) => Promise<readonly CallResult[]>,
): Promise<void> {
  try {
    await tellAll(session, verb, await act(group));
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== FAULTS.BAD_NAME) throw error;
    session.output(`${group}: ERROR (no such group)`);
    session.exitStatus = verb.noGroupStatus;
  }
}

async function forOne(session: Session, name: string, verb: Verb): Promise<void> {
  const { words, ignored, one } = verb;
  const { group, process } = splitNamespec(name);
  try {
    await one(name);
    session.output(outcomeLine({ group, name: process, status: FAULTS.SUCCESS, description: '' }, words));
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    session.output(outcomeLine(outcomeOf(error, group, process), words));
    session.statusOf(error.code, ignored);
    await explain(verb, name, error.code);
  }
}
