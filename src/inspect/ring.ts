// Records of requests that are over, one behind the other in one piece of memory: the newest takes the place of the oldest. Nothing in
// it is an object, so that a collector has nothing to do with it however much is kept (measured: as objects a record cost 20–100 µs of
// CPU, for they all live until they are evicted).
import { Packer, packedSize, unpack } from './packed.ts';
import type { Record } from './record.ts';

/** Doubles in front of a packed record: bytes that it takes with them, where the one before it begins, and that one's version. */
const SIZE = 0;
const BEFORE = 1;
const VERSION_BEFORE = 2;
const HEAD = 3;
/** Where a packed record has these. */
const ID = HEAD;
const VERSION = HEAD + 1;

const EIGHT = 8;

export class Ring {
  #bytes: Buffer;
  #numbers: Float64Array;
  #packer: Packer;
  /** Where the next one goes, and where the oldest and the newest begin. */
  #next = 0;
  #oldest = 0;
  #newest = 0;
  /** Behind the last record in memory, where it went on at the beginning. */
  #end = 0;
  #count = 0;
  #used = 0;
  #lostVersion = 0;
  /** For another size that may come to hold. */
  #reserved: Memory | null = null;

  constructor(limitBytes: number) {
    [this.#bytes, this.#numbers] = memory(limitBytes);
    this.#packer = new Packer(this.#numbers, this.#bytes);
  }

  /** What is kept takes so much. */
  get bytes(): number {
    return this.#used;
  }

  /** Of the last change that is not to be found here any more, or never was. */
  get lostVersion(): number {
    return this.#lostVersion;
  }

  get limitBytes(): number {
    return this.#bytes.length;
  }

  /** Takes memory for another size, so that `resize` to that needs none; throws where the system has none. */
  reserve(limitBytes: number): void {
    this.#reserved = rounded(limitBytes) === this.#bytes.length ? null : memory(limitBytes);
  }

  giveReservedBack(): void {
    this.#reserved = null;
  }

  /** What is kept stays, as far as there is room. */
  resize(limitBytes: number): void {
    const reserved = this.#reserved;
    this.#reserved = null;
    if (rounded(limitBytes) === this.#bytes.length) return;
    const made = reserved?.[0].length === rounded(limitBytes) ? reserved : memory(limitBytes);
    const bytes = this.#bytes;
    const numbers = this.#numbers;
    const oldestFirst = [...this.#starts()].reverse();
    this.#empty();
    [this.#bytes, this.#numbers] = made;
    this.#packer = new Packer(this.#numbers, this.#bytes);
    for (const start of oldestFirst) {
      const size = numbers[start / EIGHT + SIZE];
      if (size > this.#bytes.length) {
        this.#lostVersion = Math.max(this.#lostVersion, numbers[start / EIGHT + VERSION]);
        continue;
      }
      bytes.copy(this.#bytes, this.#place(size), start + HEAD * EIGHT, start + size);
    }
  }

  /** It is not kept where it alone is larger than the ring. Its version is higher than those of all that were added before. */
  add(record: Record): void {
    const size = HEAD * EIGHT + rounded(packedSize(record));
    if (size <= this.#bytes.length) this.#packer.pack(record, this.#place(size));
    else this.#lostVersion = record.version;
  }

  /** Where a packed record goes, which with what stands in front of it takes `size`: to be written there at once. */
  #place(size: number): number {
    this.#makeRoom(size);
    const start = this.#next;
    const at = start / EIGHT;
    const isFirst = this.#count === 0;
    this.#numbers[at + SIZE] = size;
    this.#numbers[at + BEFORE] = this.#newest;
    this.#numbers[at + VERSION_BEFORE] = isFirst ? 0 : this.#numbers[this.#newest / EIGHT + VERSION];
    if (isFirst) this.#oldest = start;
    this.#newest = start;
    this.#next = start + size;
    this.#count++;
    this.#used += size;
    return start + HEAD * EIGHT;
  }

  #makeRoom(size: number): void {
    if (this.#next + size > this.#bytes.length) {
      // What is behind is older than what is in front.
      while (this.#count > 0 && this.#oldest >= this.#next) this.#evict();
      this.#end = this.#next;
      this.#next = 0;
    }
    const to = this.#next + size;
    while (this.#count > 0 && this.#oldest >= this.#next && this.#oldest < to) this.#evict();
  }

  #evict(): void {
    const size = this.#numbers[this.#oldest / EIGHT + SIZE];
    this.#lostVersion = Math.max(this.#lostVersion, this.#numbers[this.#oldest / EIGHT + VERSION]);
    const wasNewest = this.#oldest === this.#newest;
    this.#count--;
    this.#used -= size;
    this.#oldest += size;
    if (this.#oldest === this.#end && !wasNewest) this.#oldest = 0;
  }

  get(id: number): Record | undefined {
    for (const start of this.#starts()) {
      if (this.#numbers[start / EIGHT + ID] !== id) continue;
      const record = this.#read(start);
      if (record.requestBody !== null) record.requestBody = Buffer.from(record.requestBody);
      return record;
    }
    return undefined;
  }

  /** The newest first, those that are evicted meanwhile left out. Each body is lent until something is added. */
  *newestFirst(): Iterable<Record> {
    for (const start of this.#starts()) yield this.#read(start);
  }

  *#starts(): Iterable<number> {
    if (this.#count === 0) return;
    let numbers = this.#numbers;
    let start = this.#newest;
    for (;;) {
      const at = start / EIGHT;
      const before = this.#numbers[at + BEFORE];
      const versionBefore = this.#numbers[at + VERSION_BEFORE];
      yield start;
      if (this.#count === 0 || versionBefore < this.#numbers[this.#oldest / EIGHT + VERSION]) return;
      start = numbers === this.#numbers ? before : this.#startOf(versionBefore);
      numbers = this.#numbers;
    }
  }

  /** Where the newest one begins whose version is no higher; there is one. */
  #startOf(version: number): number {
    let start = this.#newest;
    while (this.#numbers[start / EIGHT + VERSION] > version) start = this.#numbers[start / EIGHT + BEFORE];
    return start;
  }

  #read(start: number): Record {
    return unpack(this.#numbers, this.#bytes, start + HEAD * EIGHT);
  }

  clear(): void {
    if (this.#count > 0)
      this.#lostVersion = Math.max(this.#lostVersion, this.#numbers[this.#newest / EIGHT + VERSION]);
    this.#empty();
  }

  #empty(): void {
    this.#next = 0;
    this.#end = 0;
    this.#count = 0;
    this.#used = 0;
  }
}

const rounded = (bytes: number): number => Math.ceil(bytes / EIGHT) * EIGHT;

type Memory = [bytes: Buffer, numbers: Float64Array];

/** Pages of it that nothing was written to take no memory. */
function memory(limitBytes: number): Memory {
  const bytes = Buffer.allocUnsafeSlow(rounded(limitBytes));
  return [bytes, new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / EIGHT)];
}
