// Making and removing the files of a cache, whose directories may come and go.
import fs from 'node:fs';
import { dirname } from 'node:path';

export function openMaking(path: string, flags: string | number): number {
  try {
    return fs.openSync(path, flags, 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    fs.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    return fs.openSync(path, flags, 0o600);
  }
}

export function remove(path: string): void {
  try {
    fs.unlinkSync(path);
  } catch {
    // It is gone.
  }
}
