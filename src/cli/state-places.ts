// Where what belongs to a configuration is kept: with config-file.ts all that `lbproxy ctl`, which is to answer at once, has to load.
import { realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { sha256 } from '../shared/sha256.ts';

/** Of a configuration that names none. */
export function usualStateDir(): string {
  return join(process.env.XDG_STATE_HOME ?? join(homedir(), '.local', 'state'), 'lbproxy');
}

/** A name for files that belong to a configuration, by its path. */
export function nameOf(path: string): string {
  return sha256(path).toString('hex').slice(0, 12);
}

/** What the runs of a configuration are called in the state directory. */
export function runNameOf(file: string): string {
  return nameOf(realpathSync(file));
}

/** The most that a path of a Unix socket may have (unix(7)), less what it is called until its rights are set. */
const MOST_SOCKET_BYTES = 97;

/** lbproxy's own control socket for a configuration; null where the state directory's path is too long for one. */
export function controlSocketOf(directory: string, file: string): string | null {
  const path = join(directory, `${runNameOf(file)}.sock`);
  return Buffer.byteLength(path) > MOST_SOCKET_BYTES ? null : path;
}
