// The content handler of static files: what nginx's static and index modules do. The file system is read off the event
// loop; small files that were just read come from memory (file-copies). Memory per transfer is one buffer.
import { isAbsolute } from 'node:path';
import type { Exchange, Fail, Handler } from '../exchange.ts';
import { type FileCopies, fileCopies } from './file-copies.ts';
import type { FileHeadOptions } from './file-head.ts';
import { ALIAS_OF_REWRITTEN, type FileMapping, forbiddenIn, type MappedPath, mapPath } from './file-path.ts';
import { FileSender } from './file-sender.ts';
import { waitForFile } from './file-wait.ts';
import { findIndex } from './index-files.ts';
import { closeFile, FileOpener, type FileProblem, type OpenFile } from './open-file.ts';
import { escapePath, type SendRedirect } from './redirect.ts';

export interface FileOptions extends FileHeadOptions {
  /** Root or alias of this exchange, bytes as latin1; null = none is configured: everything is 404. */
  readonly root: ((exchange: Exchange) => string) | null;
  readonly mapping: FileMapping;
  /** Where a root starts that begins with a variable and turns out to be relative. Absolute. */
  readonly prefix: string;
  /** Compiled names of `index`, in order. */
  readonly index: readonly ((exchange: Exchange) => string)[];
  readonly logNotFound: boolean;
  /** Internal redirect: finds the location of another URI (decoded, bytes as latin1); the arguments stay. */
  readonly redirect: (exchange: Exchange, uri: string) => void;
  readonly sendRedirect: SendRedirect;
  readonly fail: Fail;
  /** Notes a refusal or failure for the error log. */
  readonly report: (exchange: Exchange, message: string) => void;
}

export function createFileHandler(options: FileOptions, copies: FileCopies = fileCopies): Handler {
  const files = new FileHandler(options, copies);
  return (exchange) => files.handle(exchange);
}

class FileHandler {
  readonly #options: FileOptions;
  readonly #copies: FileCopies;
  readonly #sender: FileSender;
  readonly #opener = new FileOpener();

  constructor(options: FileOptions, copies: FileCopies) {
    this.#options = options;
    this.#copies = copies;
    const unsent = (exchange: Exchange, message: string): void =>
      this.#refuse(exchange, { status: 500, message });
    this.#sender = new FileSender({ ...options, unsent }, copies);
  }

  handle(exchange: Exchange): void {
    const { root, fail, mapping } = this.#options;
    const { uri } = exchange;
    const { method } = exchange;
    if (method !== 'GET' && method !== 'HEAD' && method !== 'POST') {
      fail(exchange, 405, `static files answer GET and HEAD, not ${method}`);
      return;
    }
    if (root === null) {
      fail(exchange, 404, 'no root is configured here');
      return;
    }
    if (uri.includes('\0')) {
      fail(exchange, 400, 'the URI contains a NUL');
      return;
    }
    const base = this.#absolute(root(exchange));
    if (mapping.kind !== 'root' && !exchange.locationHolds) {
      this.#refuse(exchange, { status: 500, message: ALIAS_OF_REWRITTEN });
      return;
    }
    const mapped = mapPath(mapping, base, uri, exchange.uriInAlias);
    if (mapped === null) {
      this.#refuse(exchange, {
        status: 500,
        message: `the URI "${uri}" was rewritten and no longer begins with the prefix that alias replaces`,
      });
      return;
    }
    const isDirectory = uri.endsWith('/');
    if (!isDirectory && method !== 'POST') {
      // What was kept under this path has passed all that follows here.
      const copy = this.#copies.find(mapped);
      if (copy !== null) {
        this.#sender.sendCopy(exchange, copy);
        return;
      }
    }
    const why = forbiddenIn(mapped.path);
    if (why !== '') {
      this.#refuse(exchange, { status: 403, message: `"${mapped.path}" is refused: ${why}` });
      return;
    }
    if (isDirectory) this.#index(exchange, base);
    else this.#open(exchange, mapped);
  }

  #absolute(root: string): string {
    return isAbsolute(root) ? root : `${this.#options.prefix}/${root}`;
  }

  #refuse(exchange: Exchange, problem: FileProblem): void {
    if (problem.status !== 404 || this.#options.logNotFound) this.#options.report(exchange, problem.message);
    this.#options.fail(exchange, problem.status, problem.message);
  }

  #index(exchange: Exchange, root: string): void {
    const { mapping, index, redirect } = this.#options;
    const waiting = waitForFile(exchange);
    const search = { uri: exchange.uri, root, mapping, names: index, copies: this.#copies };
    findIndex(exchange, search, (problem, uri) => {
      if (waiting.gone) return;
      exchange.setMaker(null);
      if (problem !== null) this.#refuse(exchange, problem);
      else redirect(exchange, uri);
    });
  }

  #open(exchange: Exchange, mapped: MappedPath): void {
    const waiting = waitForFile(exchange);
    this.#opener.open(mapped, (problem, file) => {
      if (waiting.gone) {
        if (file !== null) closeFile(file.fd);
        return;
      }
      exchange.setMaker(null);
      if (file !== null) this.#answer(exchange, mapped, file);
      else if (problem !== null) this.#refuse(exchange, problem);
    });
  }

  #answer(exchange: Exchange, mapped: MappedPath, file: OpenFile): void {
    const { fail, sendRedirect } = this.#options;
    if (file.kind === 'file' && exchange.method !== 'POST') {
      this.#sender.send(exchange, mapped, file);
      return;
    }
    closeFile(file.fd);
    if (file.kind === 'directory') {
      sendRedirect(exchange, 301, directoryLocation(exchange));
    } else if (file.kind === 'other') {
      this.#refuse(exchange, { status: 404, message: `"${mapped.path}" is not a regular file` });
    } else {
      fail(exchange, 405, 'static files answer GET and HEAD, not POST');
    }
  }
}

/** A directory asked for without its slash. Leading slashes become one: `//host/` would name another site. */
function directoryLocation(exchange: Exchange): string {
  const path = `${escapePath(exchange.uri)}/`.replace(/^\/{2,}/, '/');
  return exchange.args === '' ? path : `${path}?${exchange.args}`;
}
