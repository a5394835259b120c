// The content handler of static files: what nginx's static and index modules do. The file system is read off the event
// loop; small files that were just read come from memory (file-copies). Memory per transfer is one buffer.
import { isAbsolute } from 'node:path';
import { type Exchange, type Fail, type Handler, INSTANT, LAST, type Source } from '../exchange.ts';
import { clearAnswer, sendBare } from './answer.ts';
import { type FileCopies, type FileCopy, fileCopies } from './file-copies.ts';
import { beginFileAnswer, type FileHeadOptions, type FileParts, isPlain, plainLines } from './file-head.ts';
import { type FileMapping, forbiddenIn, type MappedPath, mapPath } from './file-path.ts';
import { sendFile } from './file-transfer.ts';
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

/** Stands in for the answer's maker while the file system is asked. */
class Waiting implements Source {
  readonly survivesHalfClose = true;
  gone = false;
  onDrain(): void {}
  onGone(): void {
    this.gone = true;
  }
}

let lastNumber = 0;

class FileHandler {
  /** Names this handler in copies, which outlive it. */
  readonly #number = ++lastNumber;
  readonly #options: FileOptions;
  readonly #copies: FileCopies;
  readonly #opener = new FileOpener();

  constructor(options: FileOptions, copies: FileCopies) {
    this.#options = options;
    this.#copies = copies;
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
    const isKnown = mapping.kind === 'root' || exchange.locationHolds;
    const mapped = isKnown ? mapPath(mapping, base, uri, exchange.uriInAlias) : null;
    if (mapped === null) {
      this.#refuse(exchange, {
        status: 500,
        message: `the URI "${uri}" was rewritten: nothing is known of what alias replaces in it`,
      });
      return;
    }
    const isDirectory = uri.endsWith('/');
    if (!isDirectory && method !== 'POST') {
      // What was kept under this path has passed all that follows here.
      const copy = this.#copies.find(mapped);
      if (copy !== null) {
        this.#sendCopy(exchange, copy);
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
    const waiting = wait(exchange);
    const search = { uri: exchange.uri, root, mapping, names: index, copies: this.#copies };
    findIndex(exchange, search, (problem, uri) => {
      if (waiting.gone) return;
      exchange.setMaker(null);
      if (problem !== null) this.#refuse(exchange, problem);
      else redirect(exchange, uri);
    });
  }

  #open(exchange: Exchange, mapped: MappedPath): void {
    const waiting = wait(exchange);
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
      this.#send(exchange, mapped, file);
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

  #send(exchange: Exchange, mapped: MappedPath, file: OpenFile): void {
    const parts = beginFileAnswer(exchange, file, this.#options);
    if (parts === null) {
      closeFile(file.fd);
      return;
    }
    const copies = this.#copies;
    // Asked before the reading: a change that comes while the file is read must not look settled.
    const keep = exchange.status === 200 && parts.length === file.size && copies.mayKeep(file);
    sendFile(
      exchange,
      { fd: file.fd, ...parts },
      {
        read: keep ? (body) => copies.keep(body, file, mapped) : null,
        unsent: (message) =>
          this.#refuse(exchange, { status: 500, message: `"${exchange.uri}": ${message}` }),
      },
    );
  }

  #sendCopy(exchange: Exchange, copy: FileCopy): void {
    const { request } = exchange;
    if (exchange.location.filters !== null || exchange.errorPending || !isPlain(request)) {
      const parts = beginFileAnswer(exchange, copy, this.#options);
      if (parts === null) return;
      const body = assemble(copy.body, parts);
      exchange.setMaker(INSTANT);
      if (exchange.sink === exchange.root) exchange.root.sendWhole(INSTANT, exchange, body);
      else exchange.sink.start(INSTANT, exchange, body, 0, body.length, LAST);
      return;
    }
    clearAnswer(exchange);
    exchange.status = 200;
    exchange.lines = this.#linesOf(copy, exchange.uri);
    exchange.length = copy.size;
    if (exchange.method === 'HEAD') return sendBare(exchange);
    exchange.setMaker(INSTANT);
    exchange.root.sendWhole(INSTANT, exchange, copy.body);
  }

  /** Made anew only when another location, or the same by a URI with another extension, sent the file last. */
  #linesOf(copy: FileCopy, uri: string): string {
    const type = this.#options.typeOf(uri);
    if (copy.linesBy !== this.#number || copy.linesType !== type) {
      copy.lines = plainLines(type, copy, this.#options);
      copy.linesBy = this.#number;
      copy.linesType = type;
    }
    return copy.lines;
  }
}

function assemble(body: Buffer, { segments }: FileParts): Buffer {
  const pieces = segments.map((segment) =>
    typeof segment === 'string' ? Buffer.from(segment, 'latin1') : body.subarray(segment.from, segment.to),
  );
  return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
}

function wait(exchange: Exchange): Waiting {
  const waiting = new Waiting();
  exchange.setMaker(waiting);
  return waiting;
}

/** A directory asked for without its slash. Leading slashes become one: `//host/` would name another site. */
function directoryLocation(exchange: Exchange): string {
  const path = `${escapePath(exchange.uri)}/`.replace(/^\/{2,}/, '/');
  return exchange.args === '' ? path : `${path}?${exchange.args}`;
}
