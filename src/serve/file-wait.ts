// Stands in for the answer's maker while the file system is asked.

import { closeFile } from '../answer/file-transfer.ts';
import type { Exchange, Source } from '../exchange.ts';
import type { MappedPath } from './file-path.ts';
import type { FileOpener, OpenCallback } from './open-file.ts';

export class FileWait implements Source {
  readonly survivesHalfClose = true;
  readonly isPrompt = true;
  gone = false;
  onDrain(): void {}
  onGone(): void {
    this.gone = true;
  }
}

export function waitForFile(exchange: Exchange): FileWait {
  const waiting = new FileWait();
  exchange.setMaker(waiting);
  return waiting;
}

/** Opens a file for an exchange; `done` is not called for a client that left meanwhile. */
export function openFor(
  exchange: Exchange,
  opener: FileOpener,
  mapped: MappedPath,
  done: OpenCallback,
): void {
  const waiting = waitForFile(exchange);
  opener.open(mapped, (problem, file) => {
    if (waiting.gone) {
      if (file !== null) closeFile(file.fd);
      return;
    }
    exchange.setMaker(null);
    done(problem, file);
  });
}
