// Every command by its name, what its arguments complete to, and how a line becomes one.
import { BadConfiguration } from '../bad-configuration.ts';
import { columnize } from '../format.ts';
import { HELP, OWN_COMMANDS } from '../help-text.ts';
import { takeFlags } from '../options.ts';
import { EXIT, type Session } from '../session.ts';
import { add, avail, remove, reread, update } from './configuration.ts';
import { fg } from './fg.ts';
import { drain, reopen, scale, undrain } from './own.ts';
import { open, pid, reload, shutdown, version } from './server.ts';
import { clear, restart, signal, start, stop } from './start-stop.ts';
import { status } from './status.ts';
import { maintail, tail } from './tail.ts';

export interface Command {
  readonly run: (session: Session, arg: string) => Promise<void> | void;
  readonly completes: 'actions' | 'groups' | 'processes' | 'nothing';
}

const processes = (run: Command['run']): Command => ({ run, completes: 'processes' });
const groups = (run: Command['run']): Command => ({ run, completes: 'groups' });
const bare = (run: Command['run']): Command => ({ run, completes: 'nothing' });

export const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ['add', groups(add)],
  ['avail', bare(avail)],
  ['clear', processes(clear)],
  ['drain', processes(drain)],
  ['exit', bare(leave)],
  ['fg', processes(fg)],
  ['help', { run: help, completes: 'actions' }],
  ['maintail', bare(maintail)],
  ['open', bare(open)],
  ['pid', processes(pid)],
  ['quit', bare(leave)],
  ['reload', bare(reload)],
  ['remove', groups(remove)],
  ['reopen', bare(reopen)],
  ['reread', bare(reread)],
  ['restart', processes(restart)],
  ['scale', groups(scale)],
  ['shutdown', bare(shutdown)],
  ['signal', processes(signal)],
  ['start', processes(start)],
  ['status', processes(status)],
  ['stop', processes(stop)],
  ['tail', processes(tail)],
  ['undrain', processes(undrain)],
  ['update', groups(update)],
  ['version', bare(version)],
]);

/** Runs one line as Python's cmd module reads it: `?` is help, and a name ends at the first character that is none of a name. */
export async function runLine(session: Session, typed: string): Promise<void> {
  const line = typed.trim().replace(/^\?/, 'help ');
  if (line === '') return;
  const name = /^[A-Za-z0-9_]*/.exec(line)?.[0] ?? '';
  const command = name === 'EOF' ? bare(leave) : COMMANDS.get(name);
  const before = session.flags;
  await session.run(async () => {
    if (command === undefined) return unknown(session, line);
    try {
      const { arg, flags } = takeFlags(line.slice(name.length).trim(), before);
      session.flags = flags;
      await command.run(session, arg);
    } catch (error) {
      if (!(error instanceof BadConfiguration)) throw error;
      session.hint(error.message);
      session.exitStatus = EXIT.invalidArguments;
    }
  });
  session.flags = before;
}

function unknown(session: Session, line: string): void {
  session.output(`*** Unknown syntax: ${line}`);
  session.exitStatus = EXIT.failed;
}

function leave(session: Session): void {
  session.output('');
  session.left = true;
}

function help(session: Session, arg: string): void {
  if (arg !== '') return session.output(Object.hasOwn(HELP, arg) ? HELP[arg] : `*** No help on ${arg}`);
  const known = Object.keys(HELP).filter((name) => name !== 'help' && !OWN_COMMANDS.includes(name));
  session.output('');
  for (const [head, names] of [
    ['default commands', known.sort()],
    ['lbproxy commands', OWN_COMMANDS],
  ] as const) {
    const title = `${head} (type help <topic>):`;
    session.output([title, '='.repeat(title.length), ...columnize(names, 79), ''].join('\n'));
  }
}
