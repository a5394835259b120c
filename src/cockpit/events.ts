// What happened to lbproxy itself lately: reloads, deaths, peers left out, certificates that end. The newest few hundred.

export interface LiveEvent {
  /** From 1, in their order. */
  readonly id: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly level: 'info' | 'warn' | 'error';
  readonly text: string;
}

const KEPT = 500;

export class LiveEvents {
  readonly #events: LiveEvent[] = [];
  #last = 0;

  add(level: LiveEvent['level'], text: string): void {
    this.#events.push({ id: ++this.#last, at: Date.now(), level, text });
    if (this.#events.length > KEPT) this.#events.shift();
  }

  /** Those behind this one, the oldest first. */
  since(id: number): readonly LiveEvent[] {
    return this.#events.filter((event) => event.id > id);
  }
}
