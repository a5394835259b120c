// Files in memory that all acceptors have open: inherited by descriptor, without a name, gone with the last process.
import { randomBytes } from 'node:crypto';
import { openSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Opens a new file without a name; undefined when none can be made. `flags` as of `fs.openSync`, with `x` for "new". */
export function openMemoryFile(flags: 'wx+' | 'ax+'): number | undefined {
  // A file in memory is never written back to a disk.
  for (const dir of ['/dev/shm', tmpdir()]) {
    const path = join(dir, `lbproxy-${process.pid}-${randomBytes(6).toString('hex')}`);
    let fd: number;
    try {
      fd = openSync(path, flags, 0o600);
    } catch {
      continue;
    }
    try {
      unlinkSync(path);
    } catch {
      // A system that keeps the name of an open file has a small one too many until it tidies up.
    }
    return fd;
  }
  return undefined;
}
