// fg: what is typed goes to the process, what it prints is shown.
import { FAULTS } from '../../../supervise/control/rpc-faults.ts';
import { wordsOf } from '../namespec.ts';
import { EXIT, type Session } from '../session.ts';
import { Fault } from '../xmlrpc-client.ts';
import { copyLog, followLimits } from './tail.ts';

const RUNNING = 20;

export async function fg(session: Session, arg: string): Promise<void> {
  if (!(await session.upcheck())) return;
  const [name, ...more] = wordsOf(arg);
  if (name === undefined) return session.refuse('ERROR: no process name supplied', 'fg');
  if (more.length > 0) return fail(session, 'ERROR: too many process names supplied');
  const running = await isRunning(session, name);
  if (running === null) return;
  if (!running) return fail(session, 'ERROR: process not running');
  session.output('==> Press Ctrl-C to exit <==');
  const reading = new AbortController();
  const always = followLimits(session);
  const limits = { ...always, signal: AbortSignal.any([reading.signal, always.signal]) };
  const logs = ['stdout', 'stderr'].map((channel) =>
    // The end of a log does not end the foreground, nor does one that is not there.
    copyLog(session, `/logtail/${name}/${channel}`, limits).catch(() => {}),
  );
  try {
    await sendLines(session, name);
    session.output('Exiting foreground');
  } finally {
    reading.abort();
    await Promise.all(logs);
  }
}

function fail(session: Session, text: string): void {
  session.output(text);
  session.exitStatus = EXIT.failed;
}

/** null when that could not be found out, and was said. */
async function isRunning(session: Session, name: string): Promise<boolean | null> {
  try {
    return (await session.call('getProcessInfo', name)).state === RUNNING;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    if (error.code === FAULTS.BAD_NAME) fail(session, 'ERROR: bad process name supplied');
    else session.output(`ERROR: ${error.message}`);
    return null;
  }
}

/** Until the input ends, or the process. */
async function sendLines(session: Session, name: string): Promise<void> {
  for (;;) {
    const line = await session.ask('', false);
    if (line === null || session.interrupted) return;
    try {
      await session.call('sendProcessStdin', name, `${line}\n`);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      session.output(error.code === FAULTS.NOT_RUNNING ? 'Process got killed' : `ERROR: ${error.message}`);
      return;
    }
    if ((await session.call('getProcessInfo', name)).state === RUNNING) continue;
    session.output('Process got killed');
    return;
  }
}
