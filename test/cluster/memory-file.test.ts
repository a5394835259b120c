// Files in memory are nobody's to find: new, for their owner alone, and without a name once they are open.
import { closeSync, fstatSync, readdirSync, readSync, writeSync } from 'node:fs';
import { expect, it } from 'vitest';
import { openMemoryFile } from '../../src/cluster/memory-file.ts';

it.each(['wx+', 'ax+'] as const)(
  'a file opened with %s has no name, no mode for others, and holds what is written',
  (flags) => {
    const before = process.umask(0);
    const fd = openMemoryFile(flags);
    process.umask(before);
    if (fd === undefined) throw new Error('no memory file could be made');
    const stat = fstatSync(fd);
    expect(stat.isFile()).toBe(true);
    expect(stat.nlink).toBe(0);
    expect(stat.mode & 0o777).toBe(0o600);
    expect(readdirSync('/dev/shm').filter((name) => name.startsWith(`lbproxy-${process.pid}-`))).toEqual([]);
    const read = Buffer.alloc(4);
    writeSync(fd, 'text');
    readSync(fd, read, 0, 4, 0);
    expect(read.toString()).toBe('text');
    closeSync(fd);
  },
);
