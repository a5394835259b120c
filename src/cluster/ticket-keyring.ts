// The ticket keys of all acceptors, the primary's. A new one each hour: who gets hold of a key can read the sessions of two hours, not of
// all that ever were. Acceptors have a key before tickets are made with it, so none meets a ticket that it cannot open.
import { randomBytes } from 'node:crypto';
import { TICKET_KEY_BYTES } from '../socket/ticket-keys.ts';

const PERIOD_MS = 3_600_000;

export class TicketKeyring {
  readonly #onChange: (keys: readonly string[]) => void;
  #current = newKey();
  #next = newKey();
  /** What tickets were made with until the last change; they are taken until the next one. */
  #previous: string | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(onChange: (keys: readonly string[]) => void) {
    this.#onChange = onChange;
  }

  /** As base64: the one that tickets are made with, the one that follows it, the one before it. */
  get keys(): readonly string[] {
    const known = [this.#current, this.#next];
    return this.#previous === null ? known : [...known, this.#previous];
  }

  start(): void {
    this.#timer = setInterval(() => this.#change(), PERIOD_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #change(): void {
    this.#previous = this.#current;
    this.#current = this.#next;
    this.#next = newKey();
    this.#onChange(this.keys);
  }
}

function newKey(): string {
  return randomBytes(TICKET_KEY_BYTES).toString('base64');
}
