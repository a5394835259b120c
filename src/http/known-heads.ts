// Heads that came before: most clients send the same fields with each request, and peers answer with the same ones for a second. What is
// equal byte for byte is not read again, on whatever connection it comes.
import { readBuffer, readView, viewOf } from '../shared/buffers.ts';
import type { FieldLimits } from './fields.ts';

/** A head that was read, and what else the table must know of it. */
interface Known<H> {
  readonly bytes: Buffer;
  readonly view: DataView;
  /** It kept to these. */
  readonly limits: FieldLimits;
  readonly head: H;
  /** Goes up as it is found, and down as another wants its place: what comes often stays. */
  credit: number;
}

/** A power of two. All full of the longest, the table takes 256 × 14 KB. */
const SLOTS = 256;
const MAX_BYTES = 4096;
const MAX_FIELDS = 64;
/** To keep one costs as much as to read two. */
const START_CREDIT = 4;
const MAX_CREDIT = 8;

export class KnownHeads<H> {
  readonly #known: (Known<H> | null)[] = new Array(SLOTS).fill(null);
  /** By slot: what came there last and was not known, in the beginning of a buffer. */
  readonly #missed: (Buffer | null)[] = new Array(SLOTS).fill(null);
  readonly #missedBytes = new Int32Array(SLOTS);

  /** Whose bytes are those of `buf[from, to)`; null = they must be read. */
  find(buf: Buffer, from: number, to: number, limits: FieldLimits): H | null {
    const length = to - from;
    if (length > MAX_BYTES) return null;
    const known = this.#known[slotOf(buf, from, to)];
    if (known === null || known.bytes.length !== length || known.limits !== limits) return null;
    if (!isAt(known, buf, from, to)) return null;
    if (known.credit < MAX_CREDIT) known.credit++;
    return known.head;
  }

  /**
   * Whether one that `find` did not know, and that was read, is worth keeping: it comes for the second time in a row, and nothing that
   * comes often is in its place. `keep` then. What is never the same (an id, a time) costs a comparison and a copy.
   */
  isWorth(buf: Buffer, from: number, to: number, count: number): boolean {
    const length = to - from;
    if (length > MAX_BYTES || count > MAX_FIELDS) return false;
    const slot = slotOf(buf, from, to);
    const missed = this.#missed[slot];
    if (
      missed !== null &&
      this.#missedBytes[slot] === length &&
      missed.compare(buf, from, to, 0, length) === 0
    ) {
      const known = this.#known[slot];
      return known === null || known.credit-- <= 0;
    }
    const room = missed === null || missed.length < length ? Buffer.allocUnsafeSlow(length) : missed;
    buf.copy(room, 0, from, to);
    this.#missed[slot] = room;
    this.#missedBytes[slot] = length;
    return false;
  }

  keep(buf: Buffer, from: number, to: number, limits: FieldLimits, head: H): void {
    const bytes = Buffer.allocUnsafeSlow(to - from);
    buf.copy(bytes, 0, from, to);
    this.#known[slotOf(buf, from, to)] = {
      bytes,
      view: viewOf(bytes),
      limits,
      head,
      credit: START_CREDIT,
    };
  }
}

/** Longer ones are compared faster by Node, which is asked for it at a price of its own. */
const FEW_BYTES = 512;
const WORD = 8;

/**
 * Whether the head's bytes are those of `buf[from, to)`, which are as many. Eight at a time as numbers: equal numbers are equal bytes, but
 * for two zeros, and no head has eight NULs in a row; what is not a number is equal to nothing, and is then read like a head that is new.
 */
function isAt({ bytes, view }: Known<unknown>, buf: Buffer, from: number, to: number): boolean {
  const length = to - from;
  if (buf !== readBuffer || length > FEW_BYTES || length < WORD) return bytes.compare(buf, from, to) === 0;
  const last = length - WORD;
  for (let i = 0; i < last; i += WORD)
    if (view.getFloat64(i, true) !== readView.getFloat64(from + i, true)) return false;
  return view.getFloat64(last, true) === readView.getFloat64(to - WORD, true);
}

/** By the length and some of the bytes. */
function slotOf(buf: Buffer, from: number, to: number): number {
  let hash = to - from;
  for (let p = to - 5; p >= from; p -= 11) hash = (Math.imul(hash, 31) + buf[p]) | 0;
  return (hash ^ (hash >>> 15)) & (SLOTS - 1);
}
