// The directory that a URI names, for content that reads it: found to be in its root, as files are.

import { closeFile } from '../answer/file-transfer.ts';
import type { Exchange, Handler } from '../exchange/exchange.ts';
import { type FileBase, mappedFile } from './file-path.ts';
import { type RefusalOptions, refuse } from './file-refusal.ts';
import { FileOpener } from './open-file.ts';
import { openFor } from './open-for.ts';

export type WithDirectory = (x: Exchange, next: Handler, found: (path: string) => void) => void;

const unended = (path: string): string =>
  `"${path}" cannot be listed: the alias has no slash at its end; write ${path}/`;

/** Calls `found` with the path, a slash at its end; what cannot be mapped goes to `next`, what cannot be opened is refused. */
export function createWithDirectory(options: FileBase & RefusalOptions): WithDirectory {
  const opener = new FileOpener();
  return (x, next, found) => {
    const mapped = mappedFile(x, options);
    if (mapped === null) return next(x);
    // nginx cuts the last letter, whatever it is, and finds no directory of that name; where there is one it is not this location's.
    if (!mapped.path.endsWith('/')) return refuse(options, x, { status: 404, message: unended(mapped.path) });
    openFor(x, opener, mapped, (problem, file) => {
      if (problem !== null) return refuse(options, x, problem);
      if (file !== null) closeFile(file.fd);
      if (file?.kind === 'directory') return found(mapped.path);
      refuse(options, x, { status: 404, message: `open "${mapped.path}" failed (ENOTDIR)` });
    });
  };
}
