// Files as a process reads them that must not wait: of a FIFO, a terminal or a device whoever opens or reads it waits for somebody else.
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';

/** As readFileSync; throws also for what is no regular file. */
export function readRegularFile(path: string): Buffer {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const stat = fstatSync(fd);
    // A directory says so itself.
    if (!stat.isFile() && !stat.isDirectory())
      throw new Error('it is no regular file, and reading it might never end: write it into one');
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}
