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

/** What a ticket is sealed with. */
interface TicketKey {
  readonly name: Buffer;
  readonly hmac: Buffer;
  readonly aes: Buffer;
}

const partsOf = (key: Buffer): TicketKey => ({
  name: key.subarray(0, PART_BYTES),
  hmac: key.subarray(PART_BYTES, 2 * PART_BYTES),
  aes: key.subarray(2 * PART_BYTES, TICKET_KEY_BYTES),
});

/** Of an nginx file with a longer key of each kind: Node ciphers with the half of it. */
const LONG_KEY_BYTES = 80;

/** A file of ssl_session_ticket_key; undefined where it has not one of the two lengths. */
function partsOfFile(file: Buffer): TicketKey | undefined {
  if (file.length === TICKET_KEY_BYTES)
    return { name: file.subarray(0, 16), aes: file.subarray(16, 32), hmac: file.subarray(32, 48) };
  if (file.length !== LONG_KEY_BYTES) return undefined;
  return { name: file.subarray(0, 16), hmac: file.subarray(16, 48), aes: file.subarray(48, 64) };
}

export class TicketKeys {
  #keys: readonly TicketKey[];

  /** As `use`. */
  constructor(keys: readonly Buffer[]) {
    this.#keys = keys.map(partsOf);
  }

  /** Those of files; undefined where one of them is not 48 or 80 bytes long. */
  static ofFiles(files: readonly Buffer[]): TicketKeys | undefined {
    const keys = files.map(partsOfFile).filter((key) => key !== undefined);
    if (keys.length < files.length) return undefined;
    const made = new TicketKeys([]);
    made.#keys = keys;
    return made;
  }

  /** From now on tickets are made with the first of these, and those of all of them are taken. */
  use(keys: readonly Buffer[]): void {
    this.#keys = keys.map(partsOf);
  }

  /** What tickets are made with, as Node's `ticketKeys`. */
  get current(): Buffer {
    const { name, hmac, aes } = this.#keys[0];
    return Buffer.concat([name, hmac.subarray(0, PART_BYTES), aes]);
  }

  /**
   * Where Node does not let it be done, a context goes on with the keys that it was made with. While `spoils` says so tickets are made
   * with a key that nobody keeps: they cannot be brought again.
   */
  bind(context: SecureContext, spoils: (() => boolean) | null = null): void {
    const inner = context.context as TicketContext | undefined;
    if (inner?.enableTicketKeyCallback === undefined) return;
    inner.onticketkeycallback =
      spoils === null
        ? this.#onTicket
        : (name, iv, isNew) => (isNew && spoils() ? sealed(thrownAway()) : this.#onTicket(name, iv, isNew));
    inner.enableTicketKeyCallback();
  }

  readonly #onTicket: OnTicket = (name, _iv, isNew) => {
    const [current] = this.#keys;
    if (isNew) return sealed(current);
    const key = this.#keys.find((each) => each.name.equals(name));
    // Both keys have to be there, whatever the verdict.
    if (key === undefined) return [UNKNOWN, current.hmac, current.aes];
    return [key === current ? GOOD : RENEW, key.hmac, key.aes];
  };
}

const sealed = ({ name, hmac, aes }: TicketKey): Answer => [GOOD, hmac, aes, name, randomBytes(PART_BYTES)];

const thrownAway = (): TicketKey => partsOf(randomBytes(TICKET_KEY_BYTES));
