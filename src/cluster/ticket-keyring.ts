// The ticket keys of all acceptors, the primary's. A new one each hour: who gets hold of a key can read the sessions of two hours, not of
// all that ever were. Acceptors have a key before tickets are made with it, so none meets a ticket that it cannot open.
import { randomBytes } from 'node:crypto';
import { TICKET_KEY_BYTES } from '../socket/ticket-keys.ts';

const PERIOD_MS = 3_600_000;

export class TicketKeyring {
  readonly #onChange: (keys: readonly string[]) => void;
  /** Null until a configuration has TLS: making them loads a part of Node that others have no use for. */
  #made: { readonly current: string; readonly next: string } | null = null;
  /** What tickets were made with until the last change; they are taken until the next one. */
  #previous: string | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(onChange: (keys: readonly string[]) => void) {
    this.#onChange = onChange;
  }

  /** For a configuration with TLS or without: as base64 the one that tickets are made with, the one that follows it, the one before it. */
  keysFor(usesTls: boolean): readonly string[] {
    if (usesTls) this.#made ??= { current: newKey(), next: newKey() };
    // Also without TLS: what is about to end may still take tickets.
    if (this.#made === null) return [];
    const { current, next } = this.#made;
    return this.#previous === null ? [current, next] : [current, next, this.#previous];
  }

  start(): void {
    this.#timer = setInterval(() => this.#change(), PERIOD_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #change(): void {
    if (this.#made === null) return;
    const { current, next } = this.#made;
    this.#previous = current;
    this.#made = { current: next, next: newKey() };
    this.#onChange(this.keysFor(false));
  }
}

function newKey(): string {
  return randomBytes(TICKET_KEY_BYTES).toString('base64');
}
