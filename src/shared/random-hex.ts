// Random digits for names that nobody can know before. The system has them as a file; node:crypto costs a start 8 ms.
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';

/** Two digits for each byte. */
export function randomHex(sizeBytes: number): string {
  return (fromSystem(sizeBytes) ?? randomBytes(sizeBytes)).toString('hex');
}

/** Null where there is no such file. */
function fromSystem(sizeBytes: number): Buffer | null {
  try {
    const fd = openSync('/dev/urandom', 'r');
    try {
      const bytes = Buffer.alloc(sizeBytes);
      return readSync(fd, bytes) === sizeBytes ? bytes : null;
    } finally {
      closeSync(fd);
    }
  } catch {
    return null;
  }
}
