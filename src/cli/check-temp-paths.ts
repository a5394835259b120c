// Whether directories for bodies can be made and written: told by -t, before a large upload finds it out.
import { accessSync, constants, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Directive, Position } from '../config/tree.ts';

/** `directives` are all of them, those in blocks too. */
export function checkTempPaths(
  directives: readonly Directive[],
  prefix: string,
  warn: (at: Position, message: string) => void,
): void {
  for (const { name, args, at } of directives) {
    if (name !== 'client_body_temp_path' || args[0] === undefined) continue;
    const path = resolve(prefix, args[0].text);
    const problem = whyNotWritten(path);
    if (problem === undefined) continue;
    warn(
      at,
      `${name} ${path}: ${problem}; bodies that do not fit client_body_buffer_size get a 500: name a directory that lbproxy may write`,
    );
  }
}

/** What is missing can be made in the nearest directory that is there. */
function whyNotWritten(path: string): string | undefined {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return whyNotWritten(dirname(path));
    if (!stat.isDirectory()) return `${path} is no directory`;
    accessSync(path, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    return code === 'ENOTDIR' ? whyNotWritten(dirname(path)) : `${path} cannot be written (${code})`;
  }
}
