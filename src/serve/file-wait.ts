// Stands in for the answer's maker while the file system is asked.

import { closeFile } from '../answer/file-transfer.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Source } from '../exchange/flow.ts';
import type { MappedPath } from './file-path.ts';
import type { FileOpener, OpenCallback } from './open-file.ts';

export class FileWait implements Source {
  readonly survivesHalfClose = true;
  readonly isPrompt = true;
  readonly #exchange: Exchange;
  readonly #ticket: number;
  #over = false;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
    this.#ticket = exchange.wait(this);
  }

  onDrain(): void {}

  onGone(): void {
    this.#over = true;
  }

  /** The file system has answered. True, once: the exchange still waits for that, and whoever asked makes its answer. */
  end(): boolean {
    if (this.#over || !this.#exchange.isCurrent(this.#ticket)) return false;
    this.#over = true;
    this.#exchange.setMaker(null);
    return true;
  }
}

/** Opens a file for an exchange; `done` is not called where the client left or another answer took over meanwhile. */
export function openFor(
  exchange: Exchange,
  opener: FileOpener,
  mapped: MappedPath,
  done: OpenCallback,
): void {
  const waiting = new FileWait(exchange);
  opener.open(mapped, (problem, file) => {
    if (waiting.end()) done(problem, file);
    else if (file !== null) closeFile(file.fd);
  });
}
