// The keys that session tickets are sealed with. They change while connections come and go, and secure contexts are many: so the contexts
// ask here, each time a ticket is made or brought. AES-128-CBC with HMAC-SHA-256, as in Node without it.
import { randomBytes } from 'node:crypto';
import type { SecureContext } from 'node:tls';

/** Name, key of the HMAC, key of the cipher: 16 bytes each, as in Node's `ticketKeys`. */
const PART_BYTES = 16;
export const TICKET_KEY_BYTES = 3 * PART_BYTES;

/** What Node expects: a verdict, both keys, and for a new ticket its name and initialisation vector. */
type Answer = readonly [verdict: number, hmac: Buffer, aes: Buffer, name?: Buffer, iv?: Buffer];
type OnTicket = (name: Buffer, iv: Buffer, isNew: boolean) => Answer;

/** Verdicts of OpenSSL: a full handshake, the ticket holds, it holds and gets a successor. */
const UNKNOWN = 0;
const GOOD = 1;
const RENEW = 2;

/** The inner side of a secure context, as far as it is used here. */
interface TicketContext {
  onticketkeycallback?: OnTicket;
  enableTicketKeyCallback?(): void;
}

export class TicketKeys {
  #keys: readonly Buffer[];

  /** As `use`. */
  constructor(keys: readonly Buffer[]) {
    this.#keys = keys;
  }

  /** From now on tickets are made with the first of these, and those of all of them are taken. */
  use(keys: readonly Buffer[]): void {
    this.#keys = keys;
  }

  /** What tickets are made with. */
  get current(): Buffer {
    return this.#keys[0];
  }

  /** Where Node does not let it be done, a context goes on with the keys that it was made with. */
  bind(context: SecureContext): void {
    const inner = context.context as TicketContext | undefined;
    if (inner?.enableTicketKeyCallback === undefined) return;
    inner.onticketkeycallback = this.#onTicket;
    inner.enableTicketKeyCallback();
  }

  readonly #onTicket: OnTicket = (name, _iv, isNew) => {
    const { current } = this;
    if (isNew) return [GOOD, hmacOf(current), aesOf(current), nameOf(current), randomBytes(PART_BYTES)];
    const key = this.#keys.find((each) => nameOf(each).equals(name));
    // Both keys have to be there, whatever the verdict.
    if (key === undefined) return [UNKNOWN, hmacOf(current), aesOf(current)];
    return [key === current ? GOOD : RENEW, hmacOf(key), aesOf(key)];
  };
}

const nameOf = (key: Buffer): Buffer => key.subarray(0, PART_BYTES);
const hmacOf = (key: Buffer): Buffer => key.subarray(PART_BYTES, 2 * PART_BYTES);
const aesOf = (key: Buffer): Buffer => key.subarray(2 * PART_BYTES, TICKET_KEY_BYTES);
