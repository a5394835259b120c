// Content before static files: `index`, which file stands for a directory. The one found is served through an internal redirect.

import { FileWait } from '../answer/file-wait.ts';
import type { Content, Exchange, Handler } from '../exchange/exchange.ts';
import { type FileCopies, fileCopies } from './file-copies.ts';
import { type FileBase, forbiddenIn, type MappedPath, mappedFile } from './file-path.ts';
import { type RefusalOptions, refuse } from './file-refusal.ts';
import type { LinkCheck } from './link-rule.ts';
import { type FileProblem, problemOf } from './open-file.ts';
import { statChecked } from './symlinks.ts';

export interface IndexOptions extends FileBase, RefusalOptions {
  /** Names to try, in order; an absolute one is a URI that is taken without looking. */
  readonly index: readonly ((exchange: Exchange) => string)[];
  /** Internal redirect: finds the location of another URI (decoded, bytes as latin1); the arguments stay. */
  readonly redirect: (exchange: Exchange, uri: string) => void;
}

/** The URI of the index file, or why there is none; neither where the directory has none of the files. */
type IndexCallback = (problem: FileProblem | null, uri: string) => void;

export function indexContent(options: IndexOptions, copies: FileCopies = fileCopies): Content {
  return {
    slot: 'index',
    before: (next) => {
      const files = new IndexFiles(options, next, copies);
      return (exchange) => files.handle(exchange);
    },
  };
}

class IndexFiles {
  readonly #options: IndexOptions;
  readonly #next: Handler;
  /** A file of which there is a copy needs no trip to another thread to be found. */
  readonly #copies: FileCopies;

  constructor(options: IndexOptions, next: Handler, copies: FileCopies) {
    this.#options = options;
    this.#next = next;
    this.#copies = copies;
  }

  handle(exchange: Exchange): void {
    const { uri, method } = exchange;
    if (!uri.endsWith('/') || (method !== 'GET' && method !== 'HEAD' && method !== 'POST'))
      return this.#next(exchange);
    const directory = mappedFile(exchange, this.#options);
    if (directory === null) return this.#next(exchange);
    const waiting = new FileWait(exchange);
    this.#find(exchange, directory, (problem, found) => {
      if (!waiting.end()) return;
      if (problem !== null) refuse(this.#options, exchange, problem);
      else if (found !== '') this.#options.redirect(exchange, found);
      else this.#next(exchange);
    });
  }

  /** Tries the names in turn. The callback may come during the call. */
  #find(exchange: Exchange, { path: directory, root, links = null }: MappedPath, done: IndexCallback): void {
    const { index: names } = this.#options;
    const { uri } = exchange;
    let directoryTested = false;
    const next = (i: number): void => {
      if (i === names.length) return done(null, '');
      const name = names[i](exchange);
      if (name.startsWith('/')) return done(null, name);
      const path = directory + name;
      if (this.#copies.find({ path, root }) !== null) return done(null, uri + name);
      const why = forbiddenIn(path);
      if (why !== '') return done({ status: 403, message: `"${path}" is refused: ${why}` }, '');
      statChecked(path, links, (error) => {
        if (error === null) return done(null, uri + name);
        if (error.code !== 'ENOENT') return done(problemOf(error, 'stat', path), '');
        if (directoryTested) return next(i + 1);
        directoryTested = true;
        // No index in a directory that exists is for others to answer, a directory that does not exist is 404.
        testDirectory(directory, links, (problem) => (problem === null ? next(i + 1) : done(problem, '')));
      });
    };
    next(0);
  }
}

function testDirectory(
  path: string,
  links: LinkCheck | null,
  done: (problem: FileProblem | null) => void,
): void {
  statChecked(path, links, (error, found) => {
    // An alias that names a file, and a URI that ends with a slash.
    if (found !== null && !found.isDirectory())
      return done({ status: 500, message: `"${path}" is not a directory` });
    // A directory that may not be read may still be searched: the index file was looked for in it.
    done(error === null || error.code === 'EACCES' ? null : problemOf(error, 'stat', path));
  });
}
