// Finds several strings at once, without regard to the case of ASCII letters: the leftmost place, and of those that match there the
// first in order. What nginx's sub filter finds, by the same table of shifts. Pure.

/** Nothing begins before the end of what was looked at. */
export const NOTHING_FOUND = -1;
/** What comes next decides. */
export const UNDECIDED = -2;

export class Matcher {
  readonly #strings: readonly Buffer[];
  readonly #least: number;
  /** How far one may go on from a byte that stands where a string of the least length ends; 0: look. */
  readonly #shifts = new Uint8Array(256);
  /** The strings with a byte (in lower case) at that place, in order. */
  readonly #ending: (number[] | undefined)[] = [];
  /** The same by their first byte. */
  readonly #beginning: (number[] | undefined)[] = [];
  /** Where the last search ended: the place found, or from where on nothing is decided. */
  at = 0;

  /** Bytes as latin1; none is empty. */
  constructor(strings: readonly string[]) {
    this.#strings = strings.map(lowered);
    this.#least = Math.min(...this.#strings.map((string) => string.length));
    const last = this.#least - 1;
    this.#shifts.fill(Math.min(this.#least, 255));
    for (const [i, string] of this.#strings.entries()) {
      for (let j = 0; j < Math.min(this.#least, 255); j++) this.#shift(string[last - j], j);
      addTo(this.#ending, string[last], i);
      addTo(this.#beginning, string[0], i);
    }
  }

  get count(): number {
    return this.#strings.length;
  }

  lengthOf(index: number): number {
    return this.#strings[index].length;
  }

  #shift(byte: number, by: number): void {
    const upper = byte >= LOWER_A && byte <= LOWER_Z ? byte - 32 : byte;
    for (const each of [byte, upper]) this.#shifts[each] = Math.min(this.#shifts[each], by);
  }

  /** The string that begins first in `buf[from, to)`; those marked in `used` are not looked for. */
  find(buf: Buffer, from: number, to: number, used: Uint8Array | null): number {
    const shifts = this.#shifts;
    const last = this.#least - 1;
    let end = from + last;
    while (end < to) {
      const byte = buf[end];
      const shift = shifts[byte];
      if (shift > 0) {
        end += shift;
        continue;
      }
      const found = this.#ask(this.#ending[LOWER[byte]], buf, end - last, to, used);
      if (found !== NOTHING_FOUND) return found;
      end++;
    }
    return this.#tail(buf, end - last, to, used);
  }

  /** Where less is left than the shortest string has, something may still begin. */
  #tail(buf: Buffer, from: number, to: number, used: Uint8Array | null): number {
    for (let at = from; at < to; at++)
      if (this.#ask(this.#beginning[LOWER[buf[at]]], buf, at, to, used) !== NOTHING_FOUND) return UNDECIDED;
    this.at = to;
    return NOTHING_FOUND;
  }

  #ask(
    candidates: readonly number[] | undefined,
    buf: Buffer,
    at: number,
    to: number,
    used: Uint8Array | null,
  ): number {
    if (candidates === undefined) return NOTHING_FOUND;
    for (let i = 0; i < candidates.length; i++) {
      const index = candidates[i];
      if (used !== null && used[index] === 1) continue;
      const string = this.#strings[index];
      const ends = Math.min(at + string.length, to);
      let p = at;
      for (let k = 0; p < ends && LOWER[buf[p]] === string[k]; k++) p++;
      if (p < ends) continue;
      this.at = at;
      return ends - at === string.length ? index : UNDECIDED;
    }
    return NOTHING_FOUND;
  }
}

const LOWER_A = 0x61;
const LOWER_Z = 0x7a;

/** ASCII alone: other letters are bytes of some charset. */
const LOWER = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte,
);

function addTo(lists: (number[] | undefined)[], byte: number, index: number): void {
  const list = lists[byte];
  if (list === undefined) lists[byte] = [index];
  else list.push(index);
}

function lowered(text: string): Buffer {
  return Buffer.from(text, 'latin1').map((byte) => LOWER[byte]) as Buffer;
}
