// How much fits into a zone: the bookkeeping of nginx's slab allocator (pages of 4 KB, cut into chunks of a power of two; larger pieces in
// runs of pages), without the memory. So a zone is full here when it is full there.

const PAGE_BYTES = 4096;
const PAGE_SHIFT = 12;
const MIN_SHIFT = 3;
const CLASSES = PAGE_SHIFT - MIN_SHIFT;
/** What nginx keeps at the beginning of a zone, and for each page (64 bits, Linux). */
const POOL_BYTES = 200;
const PAGE_ENTRY_BYTES = 24;
const CLASS_BYTES = 24 + 32;

const INSIDE = 0;
const FREE = 1;
const RUN = 2;
/** From here on: chunks of `1 << (state - CHUNKS)` bytes. */
const CHUNKS = 16;

interface SlabDump {
  readonly state: readonly number[];
  readonly length: readonly number[];
  readonly next: readonly number[];
  readonly prev: readonly number[];
  readonly startOf: readonly number[];
}

export class Slab {
  readonly pages: number;
  /** What each page is; of a run only the first says it. */
  readonly #state: Uint8Array;
  /** Pages of a run that begins here, or chunks in use. */
  readonly #length: Int32Array;
  /** Circular lists: free runs (head at `pages`), then pages with room of each class. -1 outside. */
  readonly #next: Int32Array;
  readonly #prev: Int32Array;
  /** At the last page of a free run: its first. */
  readonly #startOf: Int32Array;

  constructor(bytes: number) {
    this.pages = pagesOf(bytes);
    const { pages } = this;
    const heads = pages + 1 + CLASSES;
    this.#state = new Uint8Array(pages);
    this.#length = new Int32Array(pages);
    this.#startOf = new Int32Array(pages);
    this.#next = new Int32Array(heads).fill(-1);
    this.#prev = new Int32Array(heads).fill(-1);
    for (let head = pages; head < heads; head++) this.#next[head] = this.#prev[head] = head;
    if (pages > 0) this.#addFree(0, pages);
  }

  /** The page where a piece of so many bytes has its place now; -1 when there is none. */
  take(bytes: number): number {
    if (bytes > PAGE_BYTES / 2) return this.#takePages(Math.ceil(bytes / PAGE_BYTES));
    const shift = shiftOf(bytes);
    const head = this.#headOf(shift);
    let page = this.#next[head];
    if (page === head) {
      page = this.#takePages(1);
      if (page < 0) return -1;
      this.#state[page] = CHUNKS + shift;
      this.#length[page] = 0;
      this.#insert(head, page);
    }
    if (++this.#length[page] === chunksOf(shift)) this.#unlink(page);
    return page;
  }

  /** A piece that `take` put on this page is gone. */
  give(page: number): void {
    const state = this.#state[page];
    if (state === RUN) return this.#addFree(page, this.#length[page]);
    const shift = state - CHUNKS;
    // A full page has room again.
    if (this.#length[page] === chunksOf(shift)) this.#insert(this.#headOf(shift), page);
    if (--this.#length[page] > 0) return;
    this.#unlink(page);
    this.#addFree(page, 1);
  }

  #headOf(shift: number): number {
    return this.pages + 1 + shift - MIN_SHIFT;
  }

  /** The first free run that is long enough; what is left of it stays in its place. */
  #takePages(count: number): number {
    const head = this.pages;
    for (let page = this.#next[head]; page !== head; page = this.#next[page]) {
      const length = this.#length[page];
      if (length < count) continue;
      const before = this.#prev[page];
      this.#unlink(page);
      if (length > count) {
        this.#insert(before, page + count);
        this.#markFree(page + count, length - count);
      }
      this.#state[page] = RUN;
      this.#length[page] = count;
      return page;
    }
    return -1;
  }

  /** A run becomes free: joins its neighbours, and is the first that is looked at. */
  #addFree(first: number, count: number): void {
    let [page, length] = [first, count];
    this.#state[page] = INSIDE;
    const after = page + length;
    if (after < this.pages && this.#state[after] === FREE) {
      length += this.#length[after];
      this.#unlink(after);
      this.#state[after] = INSIDE;
    }
    const before = page === 0 ? -1 : this.#freeEndingAt(page - 1);
    if (before >= 0) {
      length += this.#length[before];
      this.#unlink(before);
      page = before;
    }
    this.#markFree(page, length);
    this.#insert(this.pages, page);
  }

  /** The first page of the free run that ends with this one; -1 when it is in use. */
  #freeEndingAt(last: number): number {
    const start = this.#startOf[last];
    const isFree = start <= last && this.#state[start] === FREE && start + this.#length[start] - 1 === last;
    return isFree ? start : -1;
  }

  #markFree(page: number, length: number): void {
    this.#state[page] = FREE;
    this.#length[page] = length;
    this.#startOf[page + length - 1] = page;
  }

  #insert(behind: number, page: number): void {
    const next = this.#next[behind];
    this.#next[behind] = page;
    this.#prev[page] = behind;
    this.#next[page] = next;
    this.#prev[next] = page;
  }

  #unlink(page: number): void {
    const [next, prev] = [this.#next[page], this.#prev[page]];
    this.#next[prev] = next;
    this.#prev[next] = prev;
    this.#next[page] = this.#prev[page] = -1;
  }

  dump(): SlabDump {
    return {
      state: [...this.#state],
      length: [...this.#length],
      next: [...this.#next],
      prev: [...this.#prev],
      startOf: [...this.#startOf],
    };
  }

  /** Goes on from a dump of one of the same size. */
  restore(dump: SlabDump): void {
    this.#state.set(dump.state);
    this.#length.set(dump.length);
    this.#next.set(dump.next);
    this.#prev.set(dump.prev);
    this.#startOf.set(dump.startOf);
  }
}

function shiftOf(bytes: number): number {
  return bytes <= 1 << MIN_SHIFT ? MIN_SHIFT : 32 - Math.clz32(bytes - 1);
}

/** Chunks of a page; of the small ones some hold the map of those in use. */
function chunksOf(shift: number): number {
  const all = PAGE_BYTES >> shift;
  return shift < 6 ? all - Math.max(1, Math.floor(all / ((1 << shift) * 8))) : all;
}

function pagesOf(bytes: number): number {
  const room = bytes - POOL_BYTES - CLASSES * CLASS_BYTES;
  const pages = Math.floor(room / (PAGE_BYTES + PAGE_ENTRY_BYTES));
  const head = bytes - room + pages * PAGE_ENTRY_BYTES;
  const start = Math.ceil(head / PAGE_BYTES) * PAGE_BYTES;
  return Math.max(0, Math.min(pages, Math.floor((bytes - start) / PAGE_BYTES)));
}
