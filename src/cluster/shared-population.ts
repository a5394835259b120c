// How many clients all acceptors have, for stub_status and $connections_active: each writes its own numbers into a place of its own in a
// file that all have open, as often as somebody could notice, and only where the configuration asks for them.
import { fstatSync, readSync, writeSync } from 'node:fs';
import { type Counts, NOBODY, plus, population } from '../shared/population.ts';

/** Behind all that the rotation has in that file, which has a hole between. */
const BASE = 2 ** 40;
const FIELDS = ['accepted', 'handled', 'requests', 'active', 'reading', 'writing', 'waiting'] as const;
const RECORD_BYTES = 8 * FIELDS.length;
/** What came and went stays counted when a process ends. */
const LASTING_BYTES = 8 * 3;
/** Acceptors that there ever were; those behind are not seen. */
const MAX_RECORDS = 65_536;
const WRITE_MS = 50;

/** What a configuration says that asks for the numbers. A word too many costs a timer. */
const ASKED = /stubStatus|connections_(?:active|reading|writing|waiting)/i;

/** Of a piece of a Model, as text. */
export function asksForPopulation(piece: string): boolean {
  return ASKED.test(piece);
}

export class SharedPopulation {
  readonly #fd: number;
  readonly #position: number;
  readonly #record = new Float64Array(FIELDS.length);
  #timer: NodeJS.Timeout | undefined;

  /** `self` is the acceptor's number, which none before it had. */
  constructor(fd: number, self: number) {
    this.#fd = fd;
    this.#position = BASE + self * RECORD_BYTES;
  }

  use(asked: boolean): void {
    clearInterval(this.#timer);
    this.#timer = asked ? setInterval(() => this.write(), WRITE_MS).unref() : undefined;
    population.others = asked ? () => this.#others() : null;
    this.write();
  }

  /** Also to be called at the very end: what was counted stays. */
  write(): void {
    if (this.#timer === undefined) return;
    const own = population.own();
    let isNew = false;
    for (const [i, field] of FIELDS.entries()) {
      isNew ||= this.#record[i] !== own[field];
      this.#record[i] = own[field];
    }
    if (isNew) put(this.#fd, new Uint8Array(this.#record.buffer), this.#position);
  }

  #others(): Counts {
    const words = read(this.#fd);
    const own = (this.#position - BASE) / 8;
    let sum = NOBODY;
    for (let i = 0; i + FIELDS.length <= words.length; i += FIELDS.length) {
      if (i === own) continue;
      const [accepted, handled, requests, active, reading, writing, waiting] = words.subarray(i);
      sum = plus(sum, { accepted, handled, requests, active, reading, writing, waiting });
    }
    return sum;
  }
}

/** In the primary: the clients of an acceptor that is gone are, too. */
export function forgetPopulation(fd: number, acceptor: number): void {
  const position = BASE + acceptor * RECORD_BYTES + LASTING_BYTES;
  if (sizeOf(fd) > 0) put(fd, new Uint8Array(RECORD_BYTES - LASTING_BYTES), position);
}

function read(fd: number): Float64Array {
  const bytes = new Uint8Array(Math.min(MAX_RECORDS * RECORD_BYTES, sizeOf(fd)));
  try {
    readSync(fd, bytes, 0, bytes.length, BASE);
  } catch {
    // As if the others had nobody.
  }
  return new Float64Array(bytes.buffer, 0, Math.floor(bytes.length / 8));
}

/** Of all records. Where there is no file the descriptor is /dev/null. */
function sizeOf(fd: number): number {
  try {
    return Math.max(0, fstatSync(fd).size - BASE);
  } catch {
    return 0;
  }
}

function put(fd: number, bytes: Uint8Array, position: number): void {
  try {
    writeSync(fd, bytes, 0, bytes.length, position);
  } catch {
    // No memory left: the numbers are those of before.
  }
}
