// The `index` directive: which file stands for a directory. The one found is served through an internal redirect.
import fs from 'node:fs';
import type { Exchange } from '../exchange.ts';
import type { FileCopies } from './file-copies.ts';
import { type FileMapping, forbiddenIn, mapPath } from './file-path.ts';
import { type FileProblem, problemOf, toFsPath } from './open-file.ts';

/** A search in one directory. */
export interface IndexSearch {
  /** Ends with a slash. */
  readonly uri: string;
  /** Root or alias as it is for this exchange. */
  readonly root: string;
  readonly mapping: FileMapping;
  /** Names to try; an absolute one is a URI that is taken without looking. */
  readonly names: readonly ((exchange: Exchange) => string)[];
  /** A file of which there is a copy needs no trip to another thread to be found. */
  readonly copies: FileCopies;
}

/** The URI of the index file, or why there is none. */
export type IndexCallback = (problem: FileProblem | null, uri: string) => void;

/** Tries the names in turn. The callback may come during the call. */
export function findIndex(exchange: Exchange, search: IndexSearch, done: IndexCallback): void {
  const mapped = mapPath(search.mapping, search.root, search.uri, exchange.uriInAlias);
  const directory = mapped?.path ?? search.root;
  let directoryTested = false;
  const next = (i: number): void => {
    if (i === search.names.length) {
      done({ status: 403, message: `directory index of "${directory}" is forbidden` }, '');
      return;
    }
    const name = search.names[i](exchange);
    if (name.startsWith('/')) {
      done(null, name);
      return;
    }
    const path = directory + name;
    if (mapped !== null && search.copies.find({ path, root: mapped.root }) !== null) {
      done(null, search.uri + name);
      return;
    }
    const why = forbiddenIn(path);
    if (why !== '') {
      done({ status: 403, message: `"${path}" is refused: ${why}` }, '');
      return;
    }
    fs.stat(toFsPath(path), (error) => {
      if (error === null) return done(null, search.uri + name);
      if (error.code !== 'ENOENT') return done(problemOf(error, 'stat', path), '');
      if (directoryTested) return next(i + 1);
      directoryTested = true;
      // No index in a directory that exists is 403, a directory that does not exist is 404.
      testDirectory(directory, (problem) => (problem === null ? next(i + 1) : done(problem, '')));
    });
  };
  next(0);
}

function testDirectory(path: string, done: (problem: FileProblem | null) => void): void {
  fs.stat(toFsPath(path), (error, found) => {
    // An alias that names a file, and a URI that ends with a slash.
    if (error === null && !found.isDirectory())
      return done({ status: 500, message: `"${path}" is not a directory` });
    // A directory that may not be read may still be searched: the index file was looked for in it.
    done(error === null || error.code === 'EACCES' ? null : problemOf(error, 'stat', path));
  });
}
