// TLS sessions of clients without tickets, in one file in memory that all acceptors have open: each has its place by its number, so that
// nobody keeps a list and nobody waits for another. Who writes last holds the place; what was written over is no longer whole, and not found.
import { createHash, hash } from 'node:crypto';
import { readSync, writeSync } from 'node:fs';
import type { SessionStore, Zone } from '../listen/tls/sessions.ts';

/** The file's descriptor in an acceptor: behind the rotation and both segments of the log. */
export const SESSIONS_FD = 7;

const SLOT_BYTES = 512;
/** Checksum, key, when it ends (ms), length. */
const HEAD_BYTES = 16 + 16 + 6 + 2;
/** The file has holes: a zone's part begins where its name says, and takes no more memory than was written. */
const REGION_BYTES = 2 ** 30;
const REGIONS = 4096;
/** Of a session, as nginx has it, and its head. */
const MAX_SLOTS = Math.ceil((8192 + HEAD_BYTES) / SLOT_BYTES);

interface Place {
  readonly key: Buffer;
  /** Where in the file it may be. */
  readonly positions: readonly [number, number];
}

export class SharedSessions implements SessionStore {
  readonly #fd: number;
  readonly #buffer = Buffer.alloc(MAX_SLOTS * SLOT_BYTES);

  constructor(fd: number) {
    this.#fd = fd;
  }

  find(zone: Zone, id: Buffer): Buffer | undefined {
    const { key, positions } = placeOf(zone, id);
    for (const position of positions) {
      const session = this.#read(position, key);
      if (session !== undefined) return session;
    }
    return undefined;
  }

  keep(zone: Zone, id: Buffer, session: Buffer, lifeMs: number): void {
    const { key, positions } = placeOf(zone, id);
    const entry = Buffer.alloc(HEAD_BYTES + session.length);
    key.copy(entry, 16);
    entry.writeUIntBE(Date.now() + lifeMs, 32, 6);
    entry.writeUInt16BE(session.length, 38);
    session.copy(entry, HEAD_BYTES);
    checkOf(entry).copy(entry, 0);
    const [first, second] = positions;
    const position = this.#endOf(first, key) <= this.#endOf(second, key) ? first : second;
    try {
      writeSync(this.#fd, entry, 0, entry.length, position);
    } catch {
      // No memory left: the client makes a full handshake.
    }
  }

  /** When what stands there ends; 0 = nothing stands there; less where it is what is to be written over. */
  #endOf(position: number, key: Buffer): number {
    const head = this.#buffer;
    if (this.#load(position, HEAD_BYTES) < HEAD_BYTES) return 0;
    return head.compare(key, 0, 16, 16, 32) === 0 ? -1 : head.readUIntBE(32, 6);
  }

  #read(position: number, key: Buffer): Buffer | undefined {
    const have = this.#load(position, this.#buffer.length);
    if (have < HEAD_BYTES || this.#buffer.compare(key, 0, 16, 16, 32) !== 0) return undefined;
    const to = HEAD_BYTES + this.#buffer.readUInt16BE(38);
    if (to > have || this.#buffer.readUIntBE(32, 6) < Date.now()) return undefined;
    const entry = this.#buffer.subarray(0, to);
    if (checkOf(entry).compare(entry, 0, 16) !== 0) return undefined;
    return Buffer.from(entry.subarray(HEAD_BYTES));
  }

  #load(position: number, bytes: number): number {
    try {
      return readSync(this.#fd, this.#buffer, 0, bytes, position);
    } catch {
      return 0;
    }
  }
}

function placeOf({ name, bytes }: Zone, id: Buffer): Place {
  const key = createHash('sha256').update(name).update('\0').update(id).digest();
  const region = hash('sha256', `${name} ${bytes}`, 'buffer').readUInt16BE() % REGIONS;
  const slots = Math.max(1, Math.floor(Math.min(bytes, REGION_BYTES) / SLOT_BYTES) - MAX_SLOTS);
  const at = (offset: number): number =>
    region * REGION_BYTES + (key.readUInt32BE(offset) % slots) * SLOT_BYTES;
  return { key: key.subarray(0, 16), positions: [at(16), at(20)] };
}

function checkOf(entry: Buffer): Buffer {
  return createHash('sha256').update(entry.subarray(16)).digest().subarray(0, 16);
}
