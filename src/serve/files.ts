// The content handler of static files: what nginx's static and index modules and its conditional and range filters do
// together. Reads the file system off the event loop; memory per transfer is one buffer.
import { isAbsolute } from 'node:path';
import type { Exchange, Handler, Producer } from '../exchange.ts';
import { httpDate } from '../shared/clock.ts';
import { clearAnswer, sendBody, sendHeadOnly } from './answer.ts';
import type { Fail } from './error-page.ts';
import { type FileMapping, forbiddenIn, type MappedPath, mapPath } from './file-path.ts';
import { sendFile } from './file-transfer.ts';
import { findIndex } from './index-files.ts';
import { closeFile, FileOpener, type FileProblem, type OpenFile } from './open-file.ts';
import { checkPreconditions, type IfModifiedSince, rangeApplies, type Validators } from './preconditions.ts';
import { multipart, parseRanges, type Segment } from './ranges.ts';
import { escapePath, type SendRedirect } from './redirect.ts';

export interface FileOptions {
  /** Root or alias of this exchange, bytes as latin1; null = none is configured: everything is 404. */
  readonly root: ((exchange: Exchange) => string) | null;
  readonly mapping: FileMapping;
  /** Where a root starts that begins with a variable and turns out to be relative. Absolute. */
  readonly prefix: string;
  /** Compiled names of `index`, in order. */
  readonly index: readonly ((exchange: Exchange) => string)[];
  /** See `createTypeOf`. */
  readonly typeOf: (uri: string) => string;
  readonly maxRanges: number;
  readonly etag: boolean;
  readonly ifModifiedSince: IfModifiedSince;
  readonly logNotFound: boolean;
  /** Internal redirect: finds the location of another URI (decoded, bytes as latin1); the arguments stay. */
  readonly redirect: (exchange: Exchange, uri: string) => void;
  readonly sendRedirect: SendRedirect;
  readonly fail: Fail;
  /** Notes a refusal or failure for the error log. */
  readonly report: (exchange: Exchange, message: string) => void;
}

export function createFileHandler(options: FileOptions): Handler {
  const files = new FileHandler(options);
  return (exchange) => files.handle(exchange);
}

/** Stands in for the answer's maker while the file system is asked. */
class Waiting implements Producer {
  readonly survivesHalfClose = true;
  gone = false;
  onClientDrain(): void {}
  onClientGone(): void {
    this.gone = true;
  }
}

class FileHandler {
  readonly #options: FileOptions;
  readonly #opener = new FileOpener();

  constructor(options: FileOptions) {
    this.#options = options;
  }

  handle(exchange: Exchange): void {
    const { root, fail, mapping } = this.#options;
    const { uri } = exchange;
    const { method } = exchange.request;
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
    const mapped = mapPath(mapping, base, uri);
    if (mapped === null) {
      this.#refuse(exchange, {
        status: 500,
        message: `the URI "${uri}" was rewritten and no longer begins with the prefix that alias replaces`,
      });
      return;
    }
    const why = forbiddenIn(mapped.path);
    if (why !== '') {
      this.#refuse(exchange, { status: 403, message: `"${mapped.path}" is refused: ${why}` });
      return;
    }
    if (uri.endsWith('/')) this.#index(exchange, base);
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
    findIndex(exchange, { uri: exchange.uri, root, mapping, names: index }, (problem, uri) => {
      if (waiting.gone) return;
      exchange.producer = null;
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
      exchange.producer = null;
      if (file !== null) this.#answer(exchange, mapped, file);
      else if (problem !== null) this.#refuse(exchange, problem);
    });
  }

  #answer(exchange: Exchange, mapped: MappedPath, file: OpenFile): void {
    const { fail, sendRedirect } = this.#options;
    if (file.kind === 'file' && exchange.request.method !== 'POST') {
      this.#send(exchange, file);
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

  #send(exchange: Exchange, file: OpenFile): void {
    const { etag, ifModifiedSince, fail } = this.#options;
    const validators: Validators = {
      mtime: file.mtime,
      etag: etag ? `"${file.mtime.toString(16)}-${file.size.toString(16)}"` : '',
    };
    const status = checkPreconditions(exchange.request, validators, ifModifiedSince);
    if (status === 412) {
      closeFile(file.fd);
      fail(exchange, 412, 'the file is not the one that the request asks for');
      return;
    }
    clearAnswer(exchange);
    exchange.lines = `Last-Modified: ${httpDate(file.mtime * 1000)}\r\n`;
    if (validators.etag !== '') exchange.lines += `ETag: ${validators.etag}\r\n`;
    if (status === 304) {
      closeFile(file.fd);
      exchange.status = 304;
      sendHeadOnly(exchange, -1);
      return;
    }
    this.#sendContent(exchange, file, validators);
  }

  #sendContent(exchange: Exchange, file: OpenFile, validators: Validators): void {
    const { maxRanges, fail } = this.#options;
    const { request } = exchange;
    const range = maxRanges === 0 ? undefined : request.get('range');
    const ranges =
      range !== undefined && rangeApplies(request.get('if-range'), validators)
        ? parseRanges(range, file.size, maxRanges)
        : null;
    if (ranges === 'unsatisfiable') {
      closeFile(file.fd);
      fail(exchange, 416, `the file has ${file.size} bytes`, `Content-Range: bytes */${file.size}\r\n`);
      return;
    }
    let type = this.#options.typeOf(exchange.uri);
    let segments: readonly Segment[] = [{ from: 0, to: file.size }];
    let length = file.size;
    exchange.status = 200;
    if (ranges === null) {
      if (maxRanges > 0) exchange.lines += 'Accept-Ranges: bytes\r\n';
    } else {
      exchange.status = 206;
      segments = ranges;
      if (ranges.length === 1) {
        const [{ from, to }] = ranges;
        length = to - from;
        exchange.lines += `Content-Range: bytes ${from}-${to - 1}/${file.size}\r\n`;
      } else {
        ({ segments, length, contentType: type } = multipart(ranges, file.size, type));
      }
    }
    if (type !== '') exchange.lines = `Content-Type: ${type}\r\n${exchange.lines}`;
    this.#sendSegments(exchange, file.fd, segments, length);
  }

  #sendSegments(exchange: Exchange, fd: number, segments: readonly Segment[], length: number): void {
    if (exchange.request.method === 'HEAD' || length === 0) {
      closeFile(fd);
      if (length === 0) {
        sendBody(exchange, '');
        return;
      }
      sendHeadOnly(exchange, length);
      return;
    }
    sendFile(exchange, { fd, segments, length }, (message) => {
      this.#refuse(exchange, { status: 500, message: `"${exchange.uri}": ${message}` });
    });
  }
}

function wait(exchange: Exchange): Waiting {
  const waiting = new Waiting();
  exchange.producer = waiting;
  return waiting;
}

/** A directory asked for without its slash. Leading slashes become one: `//host/` would name another site. */
function directoryLocation(exchange: Exchange): string {
  const path = `${escapePath(exchange.uri)}/`.replace(/^\/{2,}/, '/');
  return exchange.args === '' ? path : `${path}?${exchange.args}`;
}
