// Reads a directory: names, kinds, sizes and times of what is in it, hidden entries left out.
import fs from 'node:fs';
import { toFsPath } from '../../shared/fs-path.ts';

/** `name`: bytes as latin1. */
export interface Entry {
  readonly name: string;
  readonly kind: 'directory' | 'file' | 'other';
  /** Seconds since the epoch. */
  readonly mtime: number;
  readonly size: bigint;
}

/** A call that failed, as the log names it. */
export interface DirectoryProblem {
  readonly call: string;
  readonly path: string;
  readonly error: NodeJS.ErrnoException;
}

type EntriesCallback = (problem: DirectoryProblem | null, entries: readonly Entry[]) => void;

/** So many entries are looked at side by side. */
const AT_ONCE = 16;

/** `path`: bytes as latin1, with a slash at its end. The callback comes later; never, once nobody wants it any more. */
export function readDirectory(path: string, isWanted: () => boolean, done: EntriesCallback): void {
  fs.readdir(toFsPath(path), { encoding: 'latin1' }, (error, names) => {
    if (error !== null) return done({ call: 'opendir', path, error }, []);
    new Reading(
      path,
      names.filter((name) => !name.startsWith('.')),
      isWanted,
      done,
    ).start();
  });
}

class Reading {
  readonly #path: string;
  readonly #names: readonly string[];
  readonly #isWanted: () => boolean;
  readonly #done: EntriesCallback;
  readonly #entries: Entry[] = [];
  #next = 0;
  #left = 0;
  #over = false;

  constructor(path: string, names: readonly string[], isWanted: () => boolean, done: EntriesCallback) {
    this.#path = path;
    this.#names = names;
    this.#isWanted = isWanted;
    this.#done = done;
    this.#left = names.length;
  }

  start(): void {
    if (this.#left === 0) return this.#done(null, []);
    for (let i = Math.min(AT_ONCE, this.#names.length); i > 0; i--) this.#look();
  }

  #look(): void {
    // Clients that ask for a large directory and leave must not fill the threads.
    if (this.#over || this.#next === this.#names.length || !this.#isWanted()) return;
    const name = this.#names[this.#next++];
    const path = this.#path + name;
    fs.stat(toFsPath(path), { bigint: true }, (error, stats) => {
      if (error === null) return this.#take(name, stats);
      // nginx leaves out what it may not look at, and shows a link that leads nowhere as the link that it is.
      if (error.code === 'EACCES') return this.#take(name, null);
      if (error.code !== 'ENOENT' && error.code !== 'ELOOP') return this.#fail('stat', path, error);
      fs.lstat(toFsPath(path), { bigint: true }, (linkError, link) => {
        if (linkError === null) this.#take(name, link);
        // Removed meanwhile.
        else if (linkError.code === 'ENOENT') this.#take(name, null);
        else this.#fail('lstat', path, linkError);
      });
    });
  }

  #take(name: string, stats: fs.BigIntStats | null): void {
    if (this.#over) return;
    if (stats !== null) this.#entries.push(entryOf(name, stats));
    if (--this.#left > 0) return this.#look();
    this.#over = true;
    this.#done(null, this.#entries);
  }

  #fail(call: string, path: string, error: NodeJS.ErrnoException): void {
    if (this.#over) return;
    this.#over = true;
    this.#done({ call, path, error }, []);
  }
}

function entryOf(name: string, stats: fs.BigIntStats): Entry {
  const kind = stats.isDirectory() ? 'directory' : stats.isFile() ? 'file' : 'other';
  return { name, kind, mtime: Number(stats.mtimeNs / 1_000_000_000n), size: stats.size };
}
