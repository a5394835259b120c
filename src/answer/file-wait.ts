// Stands in for the answer's maker while the file system is asked.
import type { Exchange } from '../exchange/exchange.ts';
import type { Source } from '../exchange/flow.ts';

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

  /** Nobody has left, and no other answer took over. */
  get isWanted(): boolean {
    return !this.#over && this.#exchange.isCurrent(this.#ticket);
  }

  /** The file system has answered. True, once: the exchange still waits for that, and whoever asked makes its answer. */
  end(): boolean {
    if (!this.isWanted) return false;
    this.#over = true;
    this.#exchange.setMaker(null);
    return true;
  }
}
