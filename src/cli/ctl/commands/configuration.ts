// reread, update, add, remove, avail: the configuration that was read, and what of it runs.
import { FAULTS } from '../../../supervise/control/rpc-faults.ts';
import { configLine } from '../format.ts';
import { makeNamespec, wordsOf } from '../namespec.ts';
import { EXIT, type Session } from '../session.ts';
import { Fault } from '../xmlrpc-client.ts';
import { askPool } from './own.ts';

/** Says a fault's words and sets the status to failed; other faults go on. */
function tellFault(session: Session, error: unknown, words: Readonly<Record<number, string>>): void {
  session.exitStatus = EXIT.failed;
  const text = error instanceof Fault ? words[error.code] : undefined;
  if (text === undefined) throw error;
  session.output(text);
}

export async function avail(session: Session, arg: string): Promise<void> {
  if (arg !== '') return session.refuse('Error: avail accepts no arguments', 'avail');
  try {
    const infos = await session.call('getAllConfigInfo');
    session.table(infos.map(configLine));
    session.document = {
      processes: infos.map((info) => ({
        name: makeNamespec(info.group, info.name),
        group: info.group,
        process: info.name,
        inUse: info.inuse,
        autostart: info.autostart,
        groupPriority: info.group_prio,
        processPriority: info.process_prio,
      })),
    };
  } catch (error) {
    tellFault(session, error, { [FAULTS.SHUTDOWN_STATE]: 'ERROR: supervisor shutting down' });
  }
}

export async function reread(session: Session, arg: string): Promise<void> {
  if (arg !== '') return session.refuse('Error: reread accepts no arguments', 'reread');
  try {
    const [[added, changed, removed]] = await session.call('reloadConfig');
    session.document = { added, changed, removed };
    const words = new Map([
      ...added.map((name) => [name, 'available'] as const),
      ...changed.map((name) => [name, 'changed'] as const),
      ...removed.map((name) => [name, 'disappeared'] as const),
    ]);
    for (const name of [...words.keys()].sort()) session.output(`${name}: ${words.get(name)}`);
    if (words.size === 0) session.output('No config updates to processes');
  } catch (error) {
    const text = error instanceof Fault ? error.text : '';
    tellFault(session, error, {
      [FAULTS.SHUTDOWN_STATE]: 'ERROR: supervisor shutting down',
      [FAULTS.CANT_REREAD]: `ERROR: ${text}`,
    });
  }
}

export async function add(session: Session, arg: string): Promise<void> {
  for (const name of wordsOf(arg)) {
    try {
      await session.call('addProcessGroup', name);
      session.output(`${name}: added process group`);
    } catch (error) {
      if (error instanceof Fault && error.code === FAULTS.ALREADY_ADDED) {
        // No failure: what was asked for is so.
        session.output('ERROR: process group already active');
        continue;
      }
      tellFault(session, error, {
        [FAULTS.SHUTDOWN_STATE]: 'ERROR: shutting down',
        [FAULTS.BAD_NAME]: `ERROR: no such process/group: ${name}`,
      });
    }
  }
}

export async function remove(session: Session, arg: string): Promise<void> {
  for (const name of wordsOf(arg)) {
    try {
      await session.call('removeProcessGroup', name);
      session.output(`${name}: removed process group`);
    } catch (error) {
      tellFault(session, error, {
        [FAULTS.STILL_RUNNING]: `ERROR: process/group still running: ${name}`,
        [FAULTS.BAD_NAME]: `ERROR: no such process/group: ${name}`,
      });
    }
  }
}

/** lbproxy leaves alone what did not change; a supervisord stops and starts whole groups. */
export async function update(session: Session, arg: string): Promise<void> {
  const given = new Set(wordsOf(arg));
  if (given.has('all')) given.clear();
  if ((await session.pool.info()) !== null)
    return askPool(session, { command: 'update', args: { names: [...given], wait: !session.flags.noWait } });
  const changes = await readChanges(session);
  if (changes === null) return;
  const [added, changed, removed] = changes;
  if (given.size > 0) await checkGroups(session, given, added);
  const wanted = (group: string): boolean => given.size === 0 || given.has(group);
  for (const group of removed.filter(wanted)) await takeOut(session, group);
  for (const group of changed.filter(wanted)) {
    await session.call('stopProcessGroup', group, true);
    session.output(`${group}: stopped`);
    await session.call('removeProcessGroup', group);
    await session.call('addProcessGroup', group);
    session.output(`${group}: updated process group`);
  }
  for (const group of added.filter(wanted)) {
    await session.call('addProcessGroup', group);
    session.output(`${group}: added process group`);
  }
}

async function readChanges(session: Session) {
  try {
    return (await session.call('reloadConfig'))[0];
  } catch (error) {
    tellFault(session, error, { [FAULTS.SHUTDOWN_STATE]: 'ERROR: already shutting down' });
    return null;
  }
}

async function checkGroups(
  session: Session,
  given: ReadonlySet<string>,
  added: readonly string[],
): Promise<void> {
  const infos = await session.call('getAllProcessInfo');
  const known = new Set([...infos.map(({ group }) => group), ...added]);
  for (const group of given) {
    if (known.has(group)) continue;
    session.output(`ERROR: no such group: ${group}`);
    session.exitStatus = EXIT.failed;
  }
}

async function takeOut(session: Session, group: string): Promise<void> {
  const results = await session.call('stopProcessGroup', group, true);
  session.output(`${group}: stopped`);
  if (results.some(({ status }) => status === FAULTS.FAILED)) {
    session.output(`${group}: has problems; not removing`);
    session.exitStatus = EXIT.failed;
    return;
  }
  await session.call('removeProcessGroup', group);
  session.output(`${group}: removed process group`);
}
