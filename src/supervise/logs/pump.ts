// From a process's pipe into its log, no faster than the log takes it.
import type { Readable } from 'node:stream';
import type { ProcessLog } from './process-log.ts';

/** Reads the stream to its end or destruction and ends the log. `also` sees every chunk first. Never rejects. */
export function pumpOutput(
  readable: Readable,
  log: Pick<ProcessLog, 'write' | 'end'>,
  also?: (chunk: Buffer) => void,
): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      readable.off('end', end).off('close', end);
      log.end();
      resolve();
    };
    readable.on('data', (chunk: Buffer) => {
      also?.(chunk);
      const held = log.write(chunk);
      if (held === undefined) return;
      readable.pause();
      void held.then(() => void readable.resume());
    });
    // Its close follows.
    readable.on('error', () => undefined);
    readable.on('end', end);
    readable.on('close', end);
    if (readable.closed) end();
  });
}
