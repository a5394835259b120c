// tail, maintail: the last bytes of a log, or all that comes.
import { FAULTS } from '../../../supervise/control/rpc-faults.ts';
import { wordsOf } from '../namespec.ts';
import { PythonError, quoted } from '../python-error.ts';
import { EXIT, type Session } from '../session.ts';
import { ask, Interrupted, type Limits } from '../transport.ts';
import { Fault } from '../xmlrpc-client.ts';

const DEFAULT_BYTES = 1600;
type Channel = 'stdout' | 'stderr';

export async function tail(session: Session, arg: string): Promise<void> {
  if (!(await session.upcheck())) return;
  const words = wordsOf(arg);
  if (words.length < 1) return session.refuse('Error: too few arguments', 'tail');
  if (words.length > 3) return session.refuse('Error: too many arguments', 'tail');
  const modifier = words[0].startsWith('-') ? words.shift() : undefined;
  if (words.length === 0) return fail(session, 'Error: tail requires process name');
  const name = words[0];
  const channel = words.length === 1 ? 'stdout' : (words.at(-1) ?? '').toLowerCase();
  if (channel !== 'stdout' && channel !== 'stderr')
    return fail(session, `Error: bad channel ${quoted(channel)}`);
  const bytes = modifier === undefined ? DEFAULT_BYTES : bytesOf(modifier);
  if (bytes === null) return fail(session, `Error: bad argument ${modifier}`);
  if (bytes === 'follow') return follow(session, `/logtail/${name}/${channel}`);
  await tailProcess(session, name, channel, bytes);
}

async function tailProcess(session: Session, name: string, channel: Channel, bytes: number): Promise<void> {
  const method = channel === 'stdout' ? 'readProcessStdoutLog' : 'readProcessStderrLog';
  try {
    const text = await session.call(method, name, 0 - bytes, 0);
    session.document = { name, channel, text };
    session.output(text);
  } catch (error) {
    tellFault(session, name, error, 'no such process name');
  }
}

export async function maintail(session: Session, arg: string): Promise<void> {
  if (!(await session.upcheck())) return;
  const words = wordsOf(arg);
  if (words.length > 1) return session.refuse('Error: too many arguments', 'maintail');
  const [word] = words;
  const bytes = word === undefined ? DEFAULT_BYTES : word.startsWith('-') ? bytesOf(word) : null;
  if (bytes === null) return fail(session, `Error: bad argument ${word}`);
  if (bytes === 'follow') return follow(session, '/mainlogtail');
  try {
    const text = await session.call('readLog', 0 - bytes, 0);
    session.document = { text };
    session.output(text);
  } catch (error) {
    tellFault(session, 'supervisord', error, null);
  }
}

function fail(session: Session, text: string): void {
  session.output(text);
  session.exitStatus = EXIT.failed;
}

/** `-f`, or a number as Python's int() takes it; null for neither. */
function bytesOf(modifier: string): number | 'follow' | null {
  const what = modifier.slice(1);
  if (what === 'f') return 'follow';
  return /^[+-]?\d+(?:_\d+)*$/.test(what) ? Number(what.replaceAll('_', '')) : null;
}

function tellFault(session: Session, name: string, error: unknown, noName: string | null): void {
  session.exitStatus = EXIT.failed;
  const code = error instanceof Fault ? error.code : null;
  if (code === FAULTS.NO_FILE) session.output(`${name}: ERROR (no log file)`);
  else if (code === FAULTS.FAILED) session.output(`${name}: ERROR (unknown error reading log)`);
  else if (code === FAULTS.BAD_NAME && noName !== null) session.output(`${name}: ERROR (${noName})`);
  else throw error;
}

/** Until the server ends it, or Ctrl-C. What goes wrong is told on stderr, and is no failure, as in supervisorctl. */
async function follow(session: Session, path: string): Promise<void> {
  session.output('==> Press Ctrl-C to exit <==');
  try {
    await copyLog(session, path, followLimits(session));
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    session.output('');
  }
}

/** A log may be followed for ever. */
export function followLimits({ flags, limits }: Session): Limits {
  return { ...limits, answerMs: flags.timeoutMs ?? Number.POSITIVE_INFINITY };
}

/** Prints a log as it grows. Resolves when the server ends it. */
export async function copyLog(session: Session, path: string, limits: Limits): Promise<void> {
  const url = `${session.server.url}${path}`;
  const { stdout, stderr } = session.io;
  try {
    // Of an exchange that is to close the connection Supervisor gathers the answer before it sends any.
    const headers = { connection: 'keep-alive' };
    const response = await ask(session.server, { method: 'GET', path, headers, limits });
    if (response.statusCode !== 200) {
      response.destroy();
      stderr.write(`${url} Cannot read, status code ${response.statusCode}\n`);
      return;
    }
    // Whoever reads slowly is waited for.
    for await (const piece of response as AsyncIterable<Buffer>) {
      if (stdout.destroyed) return;
      if (!stdout.write(piece)) await drained(stdout);
    }
    response.socket.destroy();
  } catch (error) {
    if (limits.signal.aborted) throw new Interrupted();
    if (!(error instanceof PythonError)) throw error;
    stderr.write(`${url} Cannot connect, error: <class '${error.className}'> (${error.message})\n`);
  }
}

function drained(stream: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done).off('close', done).off('error', done);
      resolve();
    };
    stream.on('drain', done).on('close', done).on('error', done);
  });
}
