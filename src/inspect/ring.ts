// Records in the order that they began, bounded in bytes: the oldest go.
import type { Record } from './record.ts';

export class Ring {
  #limitBytes: number;
  /** By id, which is the order. */
  readonly #records = new Map<number, { record: Record; bytes: number }>();
  #bytes = 0;
  #version = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get version(): number {
    return this.#version;
  }

  set limitBytes(bytes: number) {
    this.#limitBytes = bytes;
    this.#evict();
  }

  get limitBytes(): number {
    return this.#limitBytes;
  }

  add(record: Record): void {
    const { bytes } = record;
    record.version = ++this.#version;
    this.#records.set(record.id, { record, bytes });
    this.#bytes += bytes;
    this.#evict();
  }

  /** It has changed. */
  touch(record: Record): void {
    const entry = this.#records.get(record.id);
    if (entry === undefined) return;
    record.version = ++this.#version;
    const { bytes } = record;
    this.#bytes += bytes - entry.bytes;
    entry.bytes = bytes;
    this.#evict();
  }

  #evict(): void {
    if (this.#bytes <= this.#limitBytes) return;
    for (const [id, { bytes }] of this.#records) {
      this.#records.delete(id);
      this.#bytes -= bytes;
      if (this.#bytes <= this.#limitBytes) return;
    }
  }

  get(id: number): Record | undefined {
    return this.#records.get(id)?.record;
  }

  /** The oldest first. */
  *all(): Iterable<Record> {
    for (const { record } of this.#records.values()) yield record;
  }

  clear(): void {
    this.#records.clear();
    this.#bytes = 0;
  }
}
