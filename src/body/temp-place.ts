// Where temporary files are: names in a directory, with levels of directories in between as nginx makes them.
import { accessSync, constants } from 'node:fs';
import { type FileHandle, mkdir, open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TempPath } from './rows.ts';

const NAME_DIGITS = 10;
const LAST_NAME = 2 ** 32;
/** How far on the next name is where one is taken: what an earlier run has left there lies in a row (nginx: ngx_random_number). */
const LEAP = 123_456;
const MAX_TRIES = 100;

let lastName = 0;

export interface OpenedFile {
  readonly handle: FileHandle;
  readonly path: string;
}

export class TempPlace {
  readonly #path: TempPath | null;

  constructor(path: TempPath | null) {
    this.#path = path;
  }

  get directory(): string {
    return this.#path?.directory ?? usualDirectory();
  }

  /** A new file for this user alone, open for both. Without `named` it has lost its name already: nothing of it outlives the process. */
  async open(named: boolean): Promise<OpenedFile> {
    for (let tries = 1; ; tries++) {
      const path = this.#next(tries > 1);
      try {
        const handle = await this.#create(path);
        if (!named) await unlink(path).catch(() => undefined);
        return { handle, path };
      } catch (error) {
        if (codeOf(error) !== 'EEXIST' || tries === MAX_TRIES) throw error;
      }
    }
  }

  async #create(path: string): Promise<FileHandle> {
    try {
      return await open(path, 'wx+', 0o600);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      return open(path, 'wx+', 0o600);
    }
  }

  #next(leap: boolean): string {
    lastName = (lastName + (leap ? LEAP : 1)) % LAST_NAME;
    const digits = String(lastName).padStart(NAME_DIGITS, '0');
    if (this.#path === null) return join(usualDirectory(), `lbproxy-body-${process.pid}-${digits}`);
    return join(this.#path.directory, ...levelsOf(digits, this.#path.levels), digits);
  }
}

/** Level by level the last digits that are left: 0000012345 with levels 1 2 is in 5/34. */
export function levelsOf(digits: string, levels: readonly number[]): string[] {
  let end = digits.length;
  return levels.map((level) => {
    end -= level;
    return digits.slice(end, end + level);
  });
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

let usual = '';

/** Not first of all /tmp: on many systems that is memory. */
function usualDirectory(): string {
  if (usual === '') usual = [process.env.TMPDIR ?? '/var/tmp', '/var/tmp'].find(isWritable) ?? tmpdir();
  return usual;
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
