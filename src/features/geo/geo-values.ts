// The values of one `geo`: each once, however many lines have it.

export class GeoValues {
  /** The first is that of addresses no line is about. */
  readonly list: string[] = [''];
  readonly #indexes = new Map<string, number>([['', 0]]);

  indexOf(text: string): number {
    const known = this.#indexes.get(text);
    if (known !== undefined) return known;
    this.#indexes.set(text, this.list.length);
    return this.list.push(text) - 1;
  }
}
