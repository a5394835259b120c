// What the first bytes on a TLS port are, and whom a ClientHello asks for (RFC 8446 §4.1.2, §5.1; RFC 6066 §3): the certificate and the
// session that may be resumed hang on the name, so it is read before TLS begins. Pure; what is wrong in a hello TLS itself refuses.

/** What of a ClientHello others need; lists and identifiers are bytes as latin1. */
export interface ClientHello {
  /** As it was sent; '' when the client names none, or when no ClientHello can be read. */
  readonly name: string;
  /** Two bytes each. */
  readonly ciphers: string;
  readonly groups: string;
  /** Of TLS 1.2. */
  readonly sessionId: string;
  /** The first session that is offered in TLS 1.3. */
  readonly identity: string;
}

/** 'incomplete' = read on. */
export type Opening =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'plain' }
  | { readonly kind: 'tls'; readonly hello: ClientHello };

const INCOMPLETE: Opening = { kind: 'incomplete' };
const PLAIN: Opening = { kind: 'plain' };
const NAMELESS: Opening = {
  kind: 'tls',
  hello: { name: '', ciphers: '', groups: '', sessionId: '', identity: '' },
};

/** Beyond this no client says hello: about 2 KB is what browsers send. */
const MAX_HELLO_BYTES = 16_384;

const HANDSHAKE_RECORD = 0x16;
/** A hello of SSL 2 begins with a length that has this bit; nginx leaves it to TLS too. */
const SSL2_BIT = 0x80;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const SUPPORTED_GROUPS = 10;
const PRE_SHARED_KEY = 41;
const HOST_NAME = 0;
const MAX_NAME_BYTES = 255;

/** Reads on where it stopped: a hello that comes byte by byte, in records of one byte, costs no more than its length. */
export class HelloReader {
  /** Where the next record begins. */
  #at = 0;
  /** What the records before it hold of the message. */
  readonly #parts: Buffer[] = [];
  #have = 0;
  /** How long the message is with its own head; 0 = not known yet. */
  #length = 0;

  /** `bytes` are all that was read so far, at least one. */
  read(bytes: Buffer): Opening {
    if (bytes[0] !== HANDSHAKE_RECORD) return (bytes[0] & SSL2_BIT) === 0 ? PLAIN : NAMELESS;
    while (this.#at + 5 <= bytes.length) {
      const length = uint16(bytes, this.#at + 3);
      if (bytes[this.#at] !== HANDSHAKE_RECORD || length === 0 || length > MAX_HELLO_BYTES) return NAMELESS;
      const end = this.#at + 5 + length;
      if (end > bytes.length) break;
      if (!this.#take(bytes.subarray(this.#at + 5, end))) return NAMELESS;
      this.#at = end;
      if (this.#length > 0 && this.#have >= this.#length) return { kind: 'tls', hello: this.#hello() };
    }
    return bytes.length < MAX_HELLO_BYTES ? INCOMPLETE : NAMELESS;
  }

  /** False where this is no ClientHello. */
  #take(part: Buffer): boolean {
    this.#parts.push(part);
    this.#have += part.length;
    if (this.#length > 0 || this.#have < 4) return true;
    const head = Buffer.concat(this.#parts);
    this.#length = 4 + (head[1] << 16) + uint16(head, 2);
    return head[0] === CLIENT_HELLO && this.#length <= MAX_HELLO_BYTES;
  }

  #hello(): ClientHello {
    return partsOf(Buffer.concat(this.#parts).subarray(4, this.#length));
  }
}

function partsOf(hello: Buffer): ClientHello {
  const made = { name: '', ciphers: '', groups: '', sessionId: '', identity: '' };
  // Past version and random: session id, cipher suites, compression methods, each behind its length.
  let at = 34;
  made.sessionId = textOf(hello, at + 1, byte(hello, at));
  at += 1 + byte(hello, at);
  made.ciphers = textOf(hello, at + 2, uint16(hello, at));
  at += 2 + uint16(hello, at);
  at += 1 + byte(hello, at);
  at += 2;
  while (at + 4 <= hello.length) {
    const start = at + 4;
    const end = start + uint16(hello, at + 2);
    readExtension(made, uint16(hello, at), hello.subarray(start, end));
    at = end;
  }
  return made;
}

/** The first of a kind counts; what is said twice TLS itself refuses. */
function readExtension(
  made: { -readonly [K in keyof ClientHello]: ClientHello[K] },
  type: number,
  extension: Buffer,
): void {
  if (type === SERVER_NAME && made.name === '') made.name = hostNameIn(extension);
  else if (type === SUPPORTED_GROUPS && made.groups === '')
    made.groups = textOf(extension, 2, uint16(extension, 0));
  else if (type === PRE_SHARED_KEY && made.identity === '')
    made.identity = textOf(extension, 4, uint16(extension, 2));
}

/** A list with one name of 255 bytes at most, as OpenSSL has it: what is said twice or is longer it refuses. */
function hostNameIn(extension: Buffer): string {
  const length = uint16(extension, 3);
  if (byte(extension, 2) !== HOST_NAME || length > MAX_NAME_BYTES) return '';
  return extension.subarray(5, 5 + length).latin1Slice();
}

/** As far as it is there. */
function textOf(bytes: Buffer, from: number, length: number): string {
  return bytes.subarray(from, from + length).latin1Slice();
}

/** 0 past the end. */
function byte(bytes: Buffer, at: number): number {
  return at < bytes.length ? bytes[at] : 0;
}

function uint16(bytes: Buffer, at: number): number {
  return (byte(bytes, at) << 8) | byte(bytes, at + 1);
}
