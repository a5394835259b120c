// A project's directory as its detectors see it: which files are there, and the beginnings of their texts.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readFileWithin } from '../../shared/read-file.ts';

/** Of a file that is looked into. */
const MOST_BYTES = 256 * 1024;
/** Of a directory. */
const MOST_FILES = 500;

export class ProjectFiles {
  readonly directory: string;
  readonly #texts = new Map<string, string>();

  constructor(directory: string) {
    this.directory = directory;
  }

  has(name: string): boolean {
    return existsSync(join(this.directory, name));
  }

  isDirectory(name: string): boolean {
    return statSync(join(this.directory, name), { throwIfNoEntry: false })?.isDirectory() ?? false;
  }

  /** The first of these that is there. */
  first(names: readonly string[]): string | undefined {
    return names.find((name) => this.has(name));
  }

  /** Empty where there is no such file, or it cannot be read. */
  text(name: string): string {
    const known = this.#texts.get(name);
    if (known !== undefined) return known;
    let text = '';
    try {
      const path = join(this.directory, name);
      if (statSync(path).size <= MOST_BYTES)
        text = readFileWithin(path, { maxBytes: MOST_BYTES, mayBeInput: false }).toString('utf8');
    } catch {
      // As if it was not there.
    }
    this.#texts.set(name, text);
    return text;
  }

  /** Names of the files of a directory that end so. */
  names(ending: string, directory = '.'): readonly string[] {
    try {
      const names = readdirSync(join(this.directory, directory)).slice(0, MOST_FILES);
      return names.filter((name) => name.endsWith(ending)).sort();
    } catch {
      return [];
    }
  }

  directories(): readonly string[] {
    return this.names('').filter(
      (name) => this.isDirectory(name) && !name.startsWith('.') && name !== 'node_modules',
    );
  }
}
