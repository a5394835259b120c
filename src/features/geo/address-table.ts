// Parts of addresses as arrays of numbers, and the look-up by halves: some 20 steps among a million.
import type { IpAddress } from '../../shared/ip-address.ts';
import type { AddressParts } from './rows.ts';

export class Ipv4Table {
  readonly #starts: Uint32Array;
  readonly #values: Uint32Array;

  constructor({ starts, values }: AddressParts) {
    this.#starts = Uint32Array.from(starts, Number);
    this.#values = Uint32Array.from(values);
  }

  find(address: number): number {
    const starts = this.#starts;
    let [low, high] = [0, starts.length];
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (starts[middle] <= address) low = middle;
      else high = middle;
    }
    return this.#values[low];
  }
}

export class Ipv6Table {
  /** Eight groups each. */
  readonly #starts: Uint16Array;
  readonly #values: Uint32Array;

  constructor({ starts, values }: AddressParts) {
    this.#starts = new Uint16Array(starts.length * 8);
    for (const [i, start] of starts.entries()) {
      for (let g = 0; g < 8; g++)
        this.#starts[i * 8 + g] = Number.parseInt(String(start).slice(g * 4, g * 4 + 4), 16);
    }
    this.#values = Uint32Array.from(values);
  }

  find({ groups }: IpAddress): number {
    let [low, high] = [0, this.#values.length];
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (this.#isFrom(middle, groups)) low = middle;
      else high = middle;
    }
    return this.#values[low];
  }

  /** Whether a part begins at the address or before it. */
  #isFrom(part: number, groups: Uint16Array): boolean {
    for (let g = 0; g < 8; g++) {
      const start = this.#starts[part * 8 + g];
      if (start !== groups[g]) return start < groups[g];
    }
    return true;
  }
}
