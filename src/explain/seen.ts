// Looks whether files are there, for those who read an explanation: the road looks for itself.
import { statSync } from 'node:fs';
import type { Exchange, Step } from '../exchange/exchange.ts';
import type { TryFilesStep } from '../serve/try-files.ts';
import { type SeenPath, shown } from './trail.ts';

export const isTryFiles = (step: Step): step is TryFilesStep => 'paths' in step;

export function seenUntilFound(step: TryFilesStep, x: Exchange): SeenPath[] {
  const all: SeenPath[] = [];
  for (const { path, isDirectory } of step.paths(x)) {
    const one = seen(path);
    all.push(isDirectory ? { ...one, path: `${one.path}/` } : one);
    if (one.found !== 'nothing' && (one.found === 'directory') === isDirectory) break;
  }
  return all;
}

/** `path`: bytes as latin1. */
export function seen(path: string): SeenPath {
  return { path: shown(path), found: foundAt(path) };
}

function foundAt(path: string): SeenPath['found'] {
  try {
    const stats = statSync(Buffer.from(path, 'latin1'), { throwIfNoEntry: false });
    if (stats === undefined) return 'nothing';
    if (stats.isDirectory()) return 'directory';
    return stats.isFile() ? 'file' : 'other';
  } catch {
    return 'nothing';
  }
}
