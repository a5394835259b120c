// Latencies of one round and their percentiles: numbers in one growing array, so that collecting them makes no garbage.

export class Latencies {
  #values = new Float64Array(65_536);
  #count = 0;
  #sorted = true;

  get count(): number {
    return this.#count;
  }

  add(ms: number): void {
    if (this.#count === this.#values.length) {
      const larger = new Float64Array(this.#values.length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#count++] = ms;
    this.#sorted = false;
  }

  /** The smallest value that at least this share of all values does not exceed (nearest rank); NaN without values. */
  percentile(share: number): number {
    const values = this.#values.subarray(0, this.#count);
    if (!this.#sorted) values.sort();
    this.#sorted = true;
    return this.#count === 0 ? Number.NaN : values[Math.max(0, Math.ceil(share * this.#count) - 1)];
  }

  /** The standard figures of latency. */
  figures(): Readonly<Record<'p50Ms' | 'p90Ms' | 'p99Ms' | 'p999Ms' | 'maxMs', number>> {
    return {
      p50Ms: this.percentile(0.5),
      p90Ms: this.percentile(0.9),
      p99Ms: this.percentile(0.99),
      p999Ms: this.percentile(0.999),
      maxMs: this.percentile(1),
    };
  }
}
