// AUTO logs: files with a random name in a directory for them, as Supervisor names them, gone with the next start.
import { randomInt } from 'node:crypto';
import { closeSync, constants, openSync, readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { reasonOf } from '../../observe/log-output.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789_';
const RANDOM_LETTERS = 8;
const MAX_TRIES = 100;

export interface AutoName {
  readonly directory: string;
  readonly identifier: string;
  readonly process: string;
  readonly stream: 'stdout' | 'stderr';
}

/** Makes the file, which only our user may read; throws with the reason. */
export function makeAutoLog({ directory, identifier, process, stream }: AutoName): string {
  const prefix = `${process}-${stream}---${identifier}-`.replaceAll('/', '-');
  for (let tries = 1; ; tries++) {
    const path = join(directory, `${prefix}${randomName()}.log`);
    try {
      closeSync(openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600));
      return path;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST' && tries < MAX_TRIES) continue;
      throw new Error(`cannot make the log "${path}": ${reasonOf(path, error)}`, { cause: error });
    }
  }
}

function randomName(): string {
  return Array.from({ length: RANDOM_LETTERS }, () => LETTERS[randomInt(LETTERS.length)]).join('');
}

/** Removes the AUTO logs of earlier runs with the same identifier, but for those `inUse`. Gives what could not be removed. */
export function removeAutoLogs(directory: string, identifier: string, inUse: ReadonlySet<string>): string[] {
  let names: string[];
  try {
    names = readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => entry.name);
  } catch (error) {
    return [`cannot look for old logs in "${directory}": ${reasonOf(directory, error)}`];
  }
  const wanted = autoPattern(identifier);
  return names.flatMap((name) => {
    const found = wanted.exec(name);
    const path = join(directory, name);
    if (found === null || inUse.has(join(directory, found[1]))) return [];
    try {
      unlinkSync(path);
      return [];
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return code === 'ENOENT' ? [] : [`cannot remove the old log "${path}": ${reasonOf(path, error)}`];
    }
  });
}

/** Supervisor's pattern, whole names only, and those of gzipped ones. */
function autoPattern(identifier: string): RegExp {
  const name = identifier.replaceAll('/', '-').replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  return new RegExp(`^(.+?---${name}-\\S+?\\.log)(?:\\.?\\d{0,4}|\\.\\d+\\.gz|\\.gz\\.tmp)$`, 's');
}
