// Numbers of one case: the same for the same seed and index, whatever came before.

/** sfc32: small, fast, and good enough that no case repeats another. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d = 1;
  readonly index: number;

  constructor(seed: number, index: number) {
    this.index = index;
    this.#a = seed | 0;
    this.#b = index | 0;
    this.#c = Math.floor(index / 0x1_0000_0000) ^ 0x9e37_79b9;
    for (let i = 0; i < 12; i++) this.next();
  }

  /** 0 to 2³² − 1. */
  next(): number {
    const sum = (this.#a + this.#b + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }

  /** 0 to `n` − 1. */
  below(n: number): number {
    return this.next() % n;
  }

  chance(percent: number): boolean {
    return this.below(1000) < percent * 10;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }

  /** Small numbers often, large ones now and then: 1 to about `most`. */
  length(most: number): number {
    return 1 + this.below(1 + this.below(1 + this.below(most)));
  }
}
