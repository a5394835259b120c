// Files in memory that all acceptors have open: inherited by descriptor, without a name, gone with the last process.
import { openSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Opens a new file without a name; undefined when none can be made. `flags` as of `fs.openSync`, with `x` for "new". */
export function openMemoryFile(flags: 'wx+' | 'ax+'): number | undefined {
  // A file in memory is never written back to a disk.
  for (const dir of ['/dev/shm', tmpdir()]) {
    // `x` refuses what is there already, a link too: no name can be laid in wait for us.
    const path = join(dir, `lbproxy-${process.pid}-${Math.random().toString(36).slice(2)}`);
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
