// Why Supervisor would not start a process, in its own words, which scripts and people know: it looks for the command before it forks, in
// the directory where it was started itself.
import { accessSync, constants, type Stats, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { quoted } from './control/rpc-values.ts';
import { splitWords } from './ini/shlex.ts';
import type { Launch } from './plan.ts';
import { whyNoCommand } from './startable.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface Refusal {
  readonly kind: 'missing' | 'not-executable';
  readonly text: string;
}

/** Where it looks when there is no PATH at all. */
const DEFAULT_PATH = ['/bin', '/usr/bin', '/usr/local/bin'];

/** null where it would find nothing wrong; what goes wrong after its fork it does not know either. */
export function refusalOf(launch: Launch, env: Environment): Refusal | null {
  if (process.platform === 'win32') return null;
  if (launch.dialect === 'supervisor') {
    const words = splitWords(launch.command);
    if ('problem' in words) {
      const text = `can't parse command ${quoted(launch.command)}: ${words.python}`;
      return { kind: 'not-executable', text };
    }
    if (words.length === 0) return { kind: 'not-executable', text: 'command is empty' };
  }
  // A program block's relative command is one of its own directory, and execvp(3) goes on past what it may not run.
  if (launch.dialect === 'lbproxy' && whyNoCommand(launch, env) === null) return null;
  const from = launch.dialect === 'supervisor' ? process.cwd() : launch.directory;
  const { file, stat } = found(launch.argv[0] ?? '', launch.environment.PATH ?? env.PATH, from);
  return refusalOfFile(file, stat, resolve(from, file));
}

interface Found {
  readonly file: string;
  readonly stat: Stats | undefined;
}

function found(program: string, path: string | undefined, from: string): Found {
  const statOf = (file: string): Stats | undefined => statOrNothing(resolve(from, file));
  if (program.includes('/')) return { file: program, stat: statOf(program) };
  for (const folder of path?.split(delimiter) ?? DEFAULT_PATH) {
    // What join() makes of an empty name has no slash at its end.
    const file = program === '' ? `${folder}/` : folder === '' ? program : join(folder, program);
    const stat = statOf(file);
    if (stat !== undefined) return { file, stat };
  }
  return { file: program, stat: undefined };
}

function statOrNothing(file: string): Stats | undefined {
  try {
    return statSync(file, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function refusalOfFile(file: string, stat: Stats | undefined, path: string): Refusal | null {
  if (stat === undefined) return { kind: 'missing', text: `can't find command ${quoted(file)}` };
  if (stat.isDirectory())
    return { kind: 'not-executable', text: `command at ${quoted(file)} is a directory` };
  if ((stat.mode & 0o111) === 0)
    return { kind: 'not-executable', text: `command at ${quoted(file)} is not executable` };
  try {
    accessSync(path, constants.X_OK);
    return null;
  } catch {
    return { kind: 'not-executable', text: `no permission to run command ${quoted(file)}` };
  }
}
