// An exchange waits while a directory is read.
import type { Exchange } from '../../exchange/exchange.ts';
import type { Source } from '../../exchange/flow.ts';
import type { ContentPlace } from '../feature.ts';
import { type Entry, readDirectory } from './directory.ts';

class DirectoryWait implements Source {
  readonly survivesHalfClose = true;
  readonly isPrompt = true;
  onDrain(): void {}
  onGone(): void {}
}

/** `done` is not called for a client that left, nor where the directory cannot be read, which is answered. */
export function entriesOf(
  x: Exchange,
  path: string,
  place: ContentPlace,
  done: (entries: readonly Entry[]) => void,
): void {
  const waiting = new DirectoryWait();
  let ticket = x.wait(waiting);
  const isWanted = (): boolean => x.isCurrent(ticket);
  readDirectory(path, isWanted, (problem, entries) => {
    if (!isWanted()) return;
    ticket = Number.NaN;
    x.setMaker(null);
    if (problem !== null) place.fileFailed(x, problem);
    else done(entries);
  });
}
