// Starts acceptors before the configuration is read: what is guessed of it here decides nothing but how long the start takes.
import { readFileSync, statSync } from 'node:fs';
import { type EarlyAcceptors, startEarly } from '../cluster/early-acceptors.ts';
import { usableCores } from '../cluster/usable-cores.ts';
import type { CliOptions } from './cli-options.ts';
import { configFile } from './config-file.ts';
import { SERVICE_VARIABLES } from './sd-notify.ts';

/** A larger one is read once only. */
const LOOK_BYTES = 1 << 20;

export function startAcceptorsEarly(options: CliOptions): EarlyAcceptors | null {
  const file = configFile(options);
  return file === undefined || options.directives !== undefined
    ? null
    : startEarly(guessAcceptors(textOf(file)), SERVICE_VARIABLES);
}

/** What the configuration seems to want, but no more than there are cores; 0 where nobody is served. */
export function guessAcceptors(text: string | null, cores: () => number = usableCores): number {
  if (text === null || !/\bservers?\b/.test(text)) return 0;
  const said = /\b(?:worker_processes|acceptors)"?[\s:]+(\d+)/.exec(text);
  if (said !== null) return Math.min(Number(said[1]) || cores(), cores());
  // It may stand elsewhere.
  return /\binclude\b/.test(text) ? 1 : cores();
}

/** Null where it is no file that can be read twice. */
function textOf(file: string): string | null {
  try {
    const stat = statSync(file);
    return stat.isFile() && stat.size <= LOOK_BYTES ? readFileSync(file, 'latin1') : null;
  } catch {
    return null;
  }
}
