// Tells the acceptors what became known of peers: at once, and while more comes, every few milliseconds. The start of hundreds of
// processes would otherwise send each change of one with the state of all.
import { rethrowLater } from '../shared/rethrow-later.ts';

/** A request that meets a process of before meanwhile is sent to another. */
const BATCH_MS = 10;

export class Announcer {
  readonly #tell: () => void;
  #timer: NodeJS.Timeout | undefined;
  #pending = false;

  constructor(tell: () => void) {
    this.#tell = tell;
  }

  /** Something changed. */
  announce(): void {
    this.#pending = true;
    if (this.#timer === undefined) this.#flushAndRest();
  }

  /** Now, for those who ask the acceptors about it next. */
  flush(): void {
    if (!this.#pending) return;
    this.#pending = false;
    try {
      this.#tell();
    } catch (error) {
      // Programs and look-ups, who call this, have their own things to put in order.
      rethrowLater(error);
    }
  }

  #flushAndRest(): void {
    this.flush();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#pending) this.#flushAndRest();
    }, BATCH_MS).unref();
  }
}
