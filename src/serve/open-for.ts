// Opens files on behalf of exchanges, which wait for that.
import { closeFile } from '../answer/file-transfer.ts';
import { FileWait } from '../answer/file-wait.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { MappedPath } from './file-path.ts';
import type { FileOpener, OpenCallback } from './open-file.ts';

/** Opens a file for an exchange; `done` is not called where the client left or another answer took over meanwhile. */
export function openFor(
  exchange: Exchange,
  opener: FileOpener,
  mapped: MappedPath,
  done: OpenCallback,
): void {
  const waiting = new FileWait(exchange);
  opener.open(mapped, (problem, file) => {
    if (waiting.end()) done(problem, file);
    else if (file !== null) closeFile(file.fd);
  });
}
