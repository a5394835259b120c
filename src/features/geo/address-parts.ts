// Ranges of addresses laid over each other → parts that follow each other, which is what look-ups go through.
import type { AddressParts } from './rows.ts';

/** Addresses from the first to the last, and the index of their value. */
export interface AddressRange {
  readonly first: bigint;
  readonly last: bigint;
  readonly value: number;
}

/** Ranges lie one in another or apart; the innermost one counts, and `rest` where there is none. */
export function layOut(ranges: readonly AddressRange[], rest: number, family: 4 | 6): AddressParts {
  const max = family === 4 ? 0xffff_ffffn : (1n << 128n) - 1n;
  const ordered = ranges.toSorted((a, b) => compare(a.first, b.first) || compare(b.last, a.last));
  const parts = new Parts();
  const around: AddressRange[] = [{ first: 0n, last: max, value: rest }];
  /** Leaves the ranges that end before an address. */
  const leave = (before: bigint): void => {
    while (around.length > 1 && around[around.length - 1].last < before) {
      const { last } = around[around.length - 1];
      around.length--;
      parts.begin(last + 1n, around[around.length - 1].value);
    }
  };
  parts.begin(0n, rest);
  for (const range of ordered) {
    leave(range.first);
    parts.begin(range.first, range.value);
    around.push(range);
  }
  leave(max);
  return parts.packed(family);
}

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);

class Parts {
  readonly #starts: bigint[] = [];
  readonly #values: number[] = [];

  begin(start: bigint, value: number): void {
    // What began at the same address has none.
    if (this.#starts.at(-1) === start) {
      this.#starts.length--;
      this.#values.length--;
    }
    if (this.#values.at(-1) === value) return;
    this.#starts.push(start);
    this.#values.push(value);
  }

  packed(family: 4 | 6): AddressParts {
    const starts = this.#starts.map((start) =>
      family === 4 ? Number(start) : start.toString(16).padStart(32, '0'),
    );
    return { starts, values: this.#values };
  }
}
