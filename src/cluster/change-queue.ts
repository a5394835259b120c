// The order of what the primary does: changes of the configuration one after the other, and what concerns one acceptor alone at once with
// others of its kind, but never beside a change.

export class ChangeQueue {
  readonly #onError: (error: unknown) => void;
  #last: Promise<unknown> = Promise.resolve();
  /** What those at the end that may run beside each other wait for; null where none stands there. */
  #beside: Promise<unknown> | null = null;

  /** `onError` hears of changes that failed, too. */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /** Runs when all that came before is done; nothing that comes later runs before it is. */
  alone<T>(task: () => Promise<T>): Promise<T> {
    this.#beside = null;
    const result = this.#last.then(task);
    this.#last = result.catch(this.#onError);
    return result;
  }

  /** Runs when the changes before it are done, at once with those of its kind that came last. */
  beside<T>(task: () => Promise<T>): Promise<T> {
    this.#beside ??= this.#last;
    const result = this.#beside.then(task);
    this.#last = Promise.allSettled([this.#last, result]);
    return result;
  }
}
