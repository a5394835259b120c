// Whether the system could start a program as it is now: its directory is there, its command is found and may be run.
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, resolve } from 'node:path';
import type { ProgramModel } from '../config/model.ts';
import type { Launch } from './plan.ts';
import { whyNoDirectory, whyNot } from './process.ts';
import { type PlanContext, planProcesses } from './process-spec.ts';

/** Why processes of the program could not be started, each reason once. What cannot be expanded was reported before. */
export function whyNotStartable(program: ProgramModel, cx: PlanContext): string[] {
  const reasons = planProcesses(program, cx, () => {}).flatMap(
    ({ launch }) => whyNoDirectory(launch.directory) ?? whyNoCommand(launch, cx) ?? [],
  );
  return [...new Set(reasons)];
}

/** As execvp(3) looks for it; Windows has rules of its own and is left to the start. */
function whyNoCommand(launch: Launch, cx: PlanContext): string | undefined {
  const [command] = launch.argv;
  if (command === undefined || command === '' || process.platform === 'win32') return undefined;
  const path = launch.environment.PATH ?? cx.env.PATH ?? '/usr/bin:/bin';
  const places = command.includes('/') ? [''] : path.split(delimiter);
  let found: 'EACCES' | 'ENOENT' = 'ENOENT';
  for (const place of places) {
    const code = runnable(resolve(launch.directory, place, command));
    if (code === undefined) return undefined;
    if (code === 'EACCES') found = code;
  }
  return whyNot(Object.assign(new Error(found), { code: found }), launch);
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
