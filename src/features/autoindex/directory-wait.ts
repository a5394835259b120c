// An exchange waits while a directory is read.
import { FileWait } from '../../answer/file-wait.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import type { ContentPlace } from '../feature.ts';
import { type Entry, readDirectory } from './directory.ts';

/** `done` is not called for a client that left, nor where the directory cannot be read, which is answered. */
export function entriesOf(
  x: Exchange,
  path: string,
  place: ContentPlace,
  done: (entries: readonly Entry[]) => void,
): void {
  const waiting = new FileWait(x);
  const isWanted = (): boolean => waiting.isWanted;
  readDirectory(path, isWanted, (problem, entries) => {
    if (!waiting.end()) return;
    if (problem !== null) place.fileFailed(x, problem);
    else done(entries);
  });
}
