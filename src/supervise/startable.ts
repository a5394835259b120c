// Whether the system could start a process as it is now: its directory is there, its command is found and may be run.
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, resolve } from 'node:path';
import type { Launch, PoolPlan } from './plan.ts';
import { whyNoDirectory, whyNot } from './process.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Why processes could not be started: each reason once, with the place of its program. */
export function whyNotStartable(pool: PoolPlan, env: Environment): readonly { at: string; text: string }[] {
  const found = new Map<string, { at: string; text: string }>();
  for (const { processes } of pool.groups) {
    for (const { at, program, launch } of processes) {
      const why = launch.problem ?? whyNoDirectory(launch.directory) ?? whyNoCommand(launch, env)?.text;
      if (why !== undefined) found.set(`${at} ${why}`, { at, text: `program "${program}": ${why}` });
    }
  }
  return [...found.values()];
}

export interface NoCommand {
  readonly kind: 'missing' | 'not-executable';
  readonly text: string;
}

/** As execvp(3) looks for it; Windows has rules of its own and is left to the start. */
export function whyNoCommand(launch: Launch, env: Environment): NoCommand | null {
  const [command] = launch.argv;
  if (command === undefined || command === '' || process.platform === 'win32') return null;
  const path = launch.environment.PATH ?? env.PATH ?? '/usr/bin:/bin';
  const places = command.includes('/') ? [''] : path.split(delimiter);
  let found: 'EACCES' | 'ENOENT' = 'ENOENT';
  for (const place of places) {
    const code = runnable(resolve(launch.directory, place, command));
    if (code === undefined) return null;
    if (code === 'EACCES') found = code;
  }
  const text = whyNot(Object.assign(new Error(found), { code: found }), launch);
  return { kind: found === 'ENOENT' ? 'missing' : 'not-executable', text };
}

function runnable(file: string): 'EACCES' | 'ENOENT' | undefined {
  try {
    if (!statSync(file).isFile()) return 'EACCES';
  } catch {
    return 'ENOENT';
  }
  try {
    accessSync(file, constants.X_OK);
    return undefined;
  } catch {
    return 'EACCES';
  }
}
