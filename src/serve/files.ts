// The last content: static files (ngx_http_static_module), and what is refused where nobody before them has answered. The file system
// is read off the event loop; small files that were just read come from memory (file-copies). Memory per transfer is one buffer.

import { closeFile } from '../answer/file-transfer.ts';
import type { Exchange, Handler } from '../exchange/exchange.ts';
import { type FileCopies, fileCopies } from './file-copies.ts';
import type { FileHeadOptions } from './file-head.ts';
import {
  ALIAS_OF_REWRITTEN,
  type FileBase,
  forbiddenIn,
  type MappedPath,
  mapPath,
  rootOf,
  withLinks,
} from './file-path.ts';
import { type RefusalOptions, refuse } from './file-refusal.ts';
import { FileSender } from './file-sender.ts';
import { FileOpener, type FileProblem, type OpenFile } from './open-file.ts';
import { openFor } from './open-for.ts';
import { escapePath, type SendRedirect } from './redirect.ts';

export interface FileOptions extends FileHeadOptions, FileBase, RefusalOptions {
  readonly sendRedirect: SendRedirect;
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
    const { fail, mapping } = this.#options;
    const { uri, method } = exchange;
    if (method !== 'GET' && method !== 'HEAD' && method !== 'POST') {
      fail(exchange, 405, `static files answer GET and HEAD, not ${method}`);
      return;
    }
    const root = rootOf(exchange, this.#options);
    if (root === null) {
      fail(exchange, 404, 'no root is configured here');
      return;
    }
    if (uri.includes('\0')) {
      fail(exchange, 400, 'the URI contains a NUL');
      return;
    }
    if (mapping.kind !== 'root' && !exchange.locationHolds) {
      this.#refuse(exchange, { status: 500, message: ALIAS_OF_REWRITTEN });
      return;
    }
    const mapped = mapPath(mapping, root, uri, exchange.uriInAlias);
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
    if (!isDirectory) return this.#open(exchange, withLinks(mapped, this.#options.links, exchange));
    this.#refuse(exchange, { status: 403, message: `directory index of "${mapped.path}" is forbidden` });
  }

  #refuse(exchange: Exchange, problem: FileProblem): void {
    refuse(this.#options, exchange, problem);
  }

  #open(exchange: Exchange, mapped: MappedPath): void {
    openFor(exchange, this.#opener, mapped, (problem, file) => {
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
