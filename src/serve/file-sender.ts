// Answers with a file that was opened, or with its copy in memory.

import { closeFile, type FileParts, sendFile } from '../answer/file-transfer.ts';
import { clearAnswer, sendBare, sendContent } from '../answer/whole.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { FileCopies, FileCopy } from './file-copies.ts';
import { beginFileAnswer, type FileHeadOptions, isPlain, plainLines } from './file-head.ts';
import type { MappedPath } from './file-path.ts';
import type { OpenFile } from './open-file.ts';

export interface FileSenderOptions extends FileHeadOptions {
  /** Nothing was sent: the file cannot be read. */
  readonly unsent: (exchange: Exchange, message: string) => void;
}

let lastNumber = 0;

export class FileSender {
  /** Names this sender in copies, which outlive it. */
  readonly #number = ++lastNumber;
  readonly #options: FileSenderOptions;
  readonly #copies: FileCopies;

  constructor(options: FileSenderOptions, copies: FileCopies) {
    this.#options = options;
    this.#copies = copies;
  }

  send(exchange: Exchange, mapped: MappedPath, file: OpenFile): void {
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
        unsent: (message) => this.#options.unsent(exchange, `"${exchange.uri}": ${message}`),
      },
    );
  }

  sendCopy(exchange: Exchange, copy: FileCopy): void {
    const { request } = exchange;
    if (exchange.location.filters !== null || exchange.errorPending || !isPlain(request)) {
      const parts = beginFileAnswer(exchange, copy, this.#options);
      if (parts === null) return;
      return sendContent(exchange, assemble(copy.body, parts));
    }
    clearAnswer(exchange);
    exchange.status = 200;
    exchange.lines = this.#linesOf(copy, exchange.uri);
    exchange.length = copy.size;
    if (exchange.method === 'HEAD') return sendBare(exchange);
    sendContent(exchange, copy.body);
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
