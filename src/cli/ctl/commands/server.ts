// pid, version, open, shutdown, reload: of the server itself.
import { FAULTS } from '../../../supervise/control/rpc-faults.ts';
import { makeNamespec, wordsOf } from '../namespec.ts';
import { PythonError } from '../python-error.ts';
import { EXIT, type Session } from '../session.ts';
import { Fault } from '../xmlrpc-client.ts';
import { status } from './status.ts';

export async function pid(session: Session, arg: string): Promise<void> {
  if (!(await session.upcheck())) return;
  const names = wordsOf(arg);
  if (names.length === 0) {
    const number = await session.call('getPID');
    session.document = { pid: number };
    session.output(String(number));
  } else if (names.includes('all')) {
    const infos = await session.call('getAllProcessInfo');
    session.document = {
      pids: infos.map(({ group, name, pid }) => ({ name: makeNamespec(group, name), pid })),
    };
    for (const info of infos) session.output(String(info.pid));
  } else await pidsOf(session, names);
}

async function pidsOf(session: Session, names: readonly string[]): Promise<void> {
  const pids: { readonly name: string; readonly pid: number | null }[] = [];
  for (const name of names) {
    try {
      const { pid } = await session.call('getProcessInfo', name);
      pids.push({ name, pid });
      session.output(String(pid));
      if (pid === 0) session.exitStatus = EXIT.notRunning;
    } catch (error) {
      session.exitStatus = EXIT.failed;
      if (!(error instanceof Fault) || error.code !== FAULTS.BAD_NAME) throw error;
      pids.push({ name, pid: null });
      session.output(`No such process ${name}`);
    }
  }
  session.document = { pids };
}

export async function version(session: Session, arg: string): Promise<void> {
  if (arg !== '') return session.refuse('Error: version accepts no arguments', 'version');
  if (!(await session.upcheck())) return;
  const text = await session.call('getSupervisorVersion');
  session.document = { version: text };
  session.output(text);
}

export async function open(session: Session, arg: string): Promise<void> {
  if (!/^(?:unix|http):/i.test(arg)) {
    session.output('ERROR: url must be http:// or unix://');
    session.exitStatus = EXIT.failed;
    return;
  }
  const { username, password } = session.login;
  session.server = { url: arg, username, password, advice: `see whether something listens at ${arg}` };
  const before = session.exitStatus;
  await status(session, '');
  session.exitStatus = before;
}

/** In the shell somebody sits there who can be asked. */
async function isMeant(session: Session, question: string): Promise<boolean> {
  if (!session.interactive) return true;
  const answer = await session.ask(question, false);
  return answer?.toLowerCase().startsWith('y') ?? false;
}

export async function shutdown(session: Session, arg: string): Promise<void> {
  if (arg !== '') return session.refuse('Error: shutdown accepts no arguments', 'shutdown');
  if (!(await isMeant(session, 'Really shut the remote supervisord process down y/N? '))) return;
  try {
    await session.call('shutdown');
    session.output('Shut down');
  } catch (error) {
    if (error instanceof Fault && error.code === FAULTS.SHUTDOWN_STATE)
      return session.output('ERROR: already shutting down');
    session.exitStatus = EXIT.failed;
    const code = error instanceof PythonError ? error.code : null;
    if (code !== 'ECONNREFUSED' && code !== 'ENOENT') throw error;
    const what = code === 'ECONNREFUSED' ? 'refused connection' : 'no such file';
    session.output(`ERROR: ${session.server.url} ${what} (already shut down?)`);
    session.hint(session.server.advice);
  }
}

export async function reload(session: Session, arg: string): Promise<void> {
  if (arg !== '') return session.refuse('Error: reload accepts no arguments', 'reload');
  if (!(await isMeant(session, 'Really restart the remote supervisord process y/N? '))) return;
  try {
    await session.call('restart');
    session.output('Restarted supervisord');
  } catch (error) {
    session.exitStatus = EXIT.failed;
    if (!(error instanceof Fault) || error.code !== FAULTS.SHUTDOWN_STATE) throw error;
    session.output('ERROR: already shutting down');
  }
}
