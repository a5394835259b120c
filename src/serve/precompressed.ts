// Content before static files: the compressed file beside the one that is asked for, where there is one (ngx_http_gzip_static_module).

import { closeFile } from '../answer/file-transfer.ts';
import type { Precompressed } from '../answer/precompressed.ts';
import type { Content, Exchange, Fail, Handler } from '../exchange/exchange.ts';
import { VARIES } from '../exchange/slots.ts';
import { type FileCopies, fileCopies } from './file-copies.ts';
import type { FileHeadOptions } from './file-head.ts';
import { type FileBase, type MappedPath, mappedFile } from './file-path.ts';
import { FileSender } from './file-sender.ts';
import { FileOpener, type OpenFile } from './open-file.ts';
import { openFor } from './open-for.ts';

export interface PrecompressedOptions extends FileBase, Omit<FileHeadOptions, 'coding' | 'maxRanges'> {
  readonly fail: Fail;
  readonly report: (exchange: Exchange, message: string) => void;
}

/** Looks for this kind of file. */
export function precompressedContent(
  kind: Precompressed,
  options: PrecompressedOptions,
  copies: FileCopies = fileCopies,
): Content {
  return {
    slot: 'gzip_static',
    before: (next) => {
      if (options.root === null) return next;
      const files = new CompressedFiles(kind, options, next, copies);
      return (exchange) => files.handle(exchange);
    },
  };
}

class CompressedFiles {
  readonly #kind: Precompressed;
  readonly #options: PrecompressedOptions;
  readonly #next: Handler;
  readonly #copies: FileCopies;
  readonly #sender: FileSender;
  readonly #opener = new FileOpener();

  constructor(kind: Precompressed, options: PrecompressedOptions, next: Handler, copies: FileCopies) {
    this.#kind = kind;
    this.#options = options;
    this.#next = next;
    this.#copies = copies;
    const unsent = (exchange: Exchange, message: string): void => this.#fail(exchange, 500, message);
    // nginx 1.22 serves no ranges of them.
    this.#sender = new FileSender({ ...options, maxRanges: 0, coding: kind.coding, unsent }, copies);
  }

  handle(exchange: Exchange): void {
    const { uri, method } = exchange;
    if ((method !== 'GET' && method !== 'HEAD') || uri.endsWith('/') || uri.includes('\0'))
      return this.#next(exchange);
    const { accepts, vary } = this.#kind;
    const taken = accepts === null || accepts(exchange);
    const mapped = taken || vary ? this.#map(exchange) : null;
    if (mapped === null) return this.#next(exchange);
    const copy = this.#copies.find(mapped);
    if (copy === null) return this.#open(exchange, mapped, taken);
    if (accepts !== null) exchange.coding |= VARIES;
    if (taken) this.#sender.sendCopy(exchange, copy);
    else this.#next(exchange);
  }

  /** What cannot be mapped is refused by those who look for the file itself. */
  #map(exchange: Exchange): MappedPath | null {
    const mapped = mappedFile(exchange, this.#options);
    if (mapped === null) return null;
    return { path: mapped.path + this.#kind.suffix, root: mapped.root, links: mapped.links };
  }

  #open(exchange: Exchange, mapped: MappedPath, taken: boolean): void {
    openFor(exchange, this.#opener, mapped, (problem, file) => {
      if (file !== null) return this.#take(exchange, mapped, file, taken);
      if (problem !== null && problem.status !== 404) this.#options.report(exchange, problem.message);
      this.#next(exchange);
    });
  }

  #take(exchange: Exchange, mapped: MappedPath, file: OpenFile, taken: boolean): void {
    if (this.#kind.accepts !== null) exchange.coding |= VARIES;
    if (taken && file.kind === 'file') return this.#sender.send(exchange, mapped, file);
    closeFile(file.fd);
    if (!taken || file.kind === 'directory') return this.#next(exchange);
    this.#fail(exchange, 404, `"${mapped.path}" is not a regular file`);
  }

  #fail(exchange: Exchange, status: number, message: string): void {
    this.#options.report(exchange, message);
    this.#options.fail(exchange, status, message);
  }
}
